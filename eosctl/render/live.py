"""A query drawn again and again on the whole screen, by rich's Live: it follows the terminal's size as it changes."""

import textwrap
import time
from collections.abc import Callable, Iterator
from types import TracebackType

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from eosctl.core.errors import Notice
from eosctl.core.report import Report
from eosctl.render.output import Canvas, Format, render

_A_SECOND = 4  # redraws a second: a resized window is whole again at once


class LiveView:
    """The screen: a head that says how old the answer is, the report, and what is to be said about it.

    An error keeps the last answer on the screen with its age: at three in the morning an old page beats none.
    """

    def __init__(
        self, operation: str, form: Format, every: str, *, colour: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._operation, self._form, self._every = operation, form, every
        self._colour, self._clock = colour, clock
        self._report: Report | None = None
        self._error: Notice | None = None
        self._seen_at, self._asked_at = 0.0, 0.0
        console = Console(no_color=not colour, highlight=False)
        self._live = Live(
            self, console=console, screen=True, refresh_per_second=_A_SECOND, redirect_stdout=False,
            redirect_stderr=False, vertical_overflow="crop",
        )  # fmt: skip

    def __enter__(self) -> "LiveView":
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def looking(self) -> None:
        """The question is asked; how long it takes is shown when it takes long."""
        self._asked_at = self._clock()

    def show(self, report: Report) -> None:
        """A new answer."""
        self._report, self._error = report, None
        self._seen_at, self._asked_at = self._clock(), 0.0
        self._live.refresh()

    def fail(self, error: Notice) -> None:
        """No answer: the last one stays."""
        self._error, self._asked_at = error, 0.0
        self._live.refresh()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text("\n").join(self.page(options.max_width, options.height or console.height))

    def page(self, width: int, height: int) -> list[Text]:
        """Every line of the screen, none wider than `width`, no more than `height` of them."""
        below = self._below(width)[: max(height // 2, 1)]
        body = self._body(width)
        room = max(height - 2 - len(below), 1)
        if len(body) > room:
            more = len(body) - room + 1
            body = [*body[: room - 1], Text(f"... {more} more lines; a taller window shows them", style="dim")]
        page = [self._head(), Text(""), *body, *below][: max(height, 1)]
        for line in page:
            line.truncate(width)
        return page

    def _head(self) -> Text:
        parts = [f"eosctl {self._operation.replace('.', ' ')}", f"every {self._every}", time.strftime("%H:%M:%S")]
        now = self._clock()
        age = now - self._seen_at
        if self._report is not None and (self._error is not None or age > 5):
            parts.append(f"seen {age:.0f}s ago")
        if self._asked_at and now - self._asked_at > 1:
            parts.append(f"looking for {now - self._asked_at:.0f}s")
        return Text("  ".join([*parts, "Ctrl-C ends"]), style="reverse" if self._colour else "")

    def _body(self, width: int) -> list[Text]:
        if self._report is None:
            return [Text("" if self._error else "Looking ...")]
        text = render(self._operation, self._report, self._form, Canvas(width, self._colour, terminal=True))
        return list(_wrapped(text, width))

    def _below(self, width: int) -> list[Text]:
        lines = [Text("")]
        if self._error is not None:
            lines += _said("Error", self._error, width, "bold red")
        if self._report is not None:
            for kind, notices, style in (
                ("Error", self._report.errors, "bold red"),
                ("Warning", self._report.warnings, "yellow"),
            ):
                for one in notices:
                    lines += _said(kind, one, width, style)
            lines += [Text(line) for line in textwrap.wrap(self._report.summary, width)]
        return lines


def _wrapped(text: str, width: int) -> Iterator[Text]:
    """Lines with their colours, folded where a text of its own (a diagram, a page) is wider than the screen."""
    for line in text.split("\n"):
        styled = Text.from_ansi(line)
        yield from styled.wrap(Console(width=width), width) if styled.cell_len > width else (styled,)


def _said(kind: str, notice: Notice, width: int, style: str) -> list[Text]:
    said = textwrap.wrap(f"{kind}: {notice.message}", width)
    hint = textwrap.wrap(notice.hint, width, initial_indent="  ", subsequent_indent="  ") if notice.hint else []
    lines = [Text(line) for line in (*said, *hint)]
    lines[0].stylize(style, 0, len(kind) + 1)
    return lines
