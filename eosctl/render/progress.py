"""Progress for people: a bar with rate and time left on a terminal, a line now and then otherwise. On stderr."""

import sys
import time
from typing import Any, TextIO

_EVERY_SECONDS = 10.0


class TerminalProgress:
    """A rich progress bar."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def begin(self, what: str, total: int | None = None, unit: str = "records") -> None:
        """Draws the bar; `unit` follows the rate."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self.end()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(show_speed=True),
            TextColumn(f"{{task.completed:,.0f}} {unit} {{task.fields[note]}}"),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
            transient=True,
        )
        self._task = self._bar.add_task(what, total=total, note="")
        self._bar.start()

    def advance(self, count: int = 1, note: str = "") -> None:
        """Moves the bar."""
        if self._bar is not None:
            self._bar.update(self._task, advance=count, note=note)

    def end(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class LineProgress:
    """One line when work begins to take long, then one every ten seconds, one at the end of what took long."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out
        self._what, self._unit = "", ""
        self._total: int | None = None
        self._done, self._began, self._last = 0, 0.0, 0.0

    def begin(self, what: str, total: int | None = None, unit: str = "records") -> None:
        """Takes the time."""
        self._what, self._unit, self._total = what, unit, total
        self._done, self._began = 0, time.monotonic()
        self._last = self._began

    def advance(self, count: int = 1, note: str = "") -> None:
        """Says a line when ten seconds have passed since the last."""
        self._done += count
        now = time.monotonic()
        if now - self._last >= _EVERY_SECONDS:
            self._last = now
            self._say(now, note)

    def end(self) -> None:
        """Says the last line when any was said before."""
        if self._what and self._last > self._began:
            self._say(time.monotonic(), "done")
        self._what = ""

    def _say(self, now: float, note: str) -> None:
        of = f" of {self._total:,}" if self._total else ""
        rate = self._done / max(now - self._began, 0.001)
        print(
            f"{self._what}: {self._done:,}{of} {self._unit}, {rate:,.0f}/s {note}".rstrip(),
            file=self._out or sys.stderr,
            flush=True,
        )
