"""Standard output and error: data to the one, everything else to the other. Colour only on a terminal."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from eosctl.core.durations import parse_duration_ms
from eosctl.core.errors import EosctlError, Notice
from eosctl.core.exit_codes import ExitCode
from eosctl.core.progress import Progress, Silent
from eosctl.render.output import Canvas, Format, render
from eosctl.render.wrapping import wrapped

if TYPE_CHECKING:
    from types import FrameType

    from eosctl.core.operation import Operation
    from eosctl.core.plan import Plan
    from eosctl.core.report import Report

FOR_PEOPLE = (Format.TABLE, Format.WIDE, Format.MARKDOWN)


def canvas(stream: Any = None) -> Canvas:
    """What the stream can show; NO_COLOR and TERM=dumb hold."""
    out = stream or sys.stdout
    terminal = out.isatty()
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Canvas(shutil.get_terminal_size((120, 24)).columns, colour, terminal)


def show(operation: str, report: Report, form: Format) -> None:
    """Prints a report: data to stdout; warnings, errors and the summary to stderr, unless they are in the data."""
    text = render(operation, report, form, canvas())
    if text:
        write(text + "\n")
    if form not in (Format.JSON, Format.YAML):
        for notice in report.warnings:
            say("Warning", notice)
        for notice in report.errors:
            say("Error", notice)
    if report.summary and form in FOR_PEOPLE:
        print(folded(report.summary), file=sys.stderr)


def folded(text: str, *, below: str = "") -> str:
    """Text for people on stderr: folded into the terminal's width, as it is when stderr is no terminal."""
    on = canvas(sys.stderr)
    return wrapped(text, on.width, below=below) if on.terminal else text


def write(text: str) -> None:
    """To stdout; a reader that went away (a closed pipe) ends the process quietly."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(int(ExitCode.DONE)) from None


def say(kind: str, notice: Notice) -> None:
    """One warning or error for people."""
    head = f"{kind}:"
    if canvas(sys.stderr).colour:
        from eosctl.render.terminal import paint

        head = paint(head, "yellow" if kind == "Warning" else "bold red", colour=True)
    said = f"{kind}: {notice.message}".replace("\n", "\n  ")
    lines = [folded(said, below="  ").replace(f"{kind}:", head, 1)]
    if notice.hint:
        lines.append(folded(f"  {notice.hint}"))
    print("\n".join(lines), file=sys.stderr)


def show_plan(plan: Plan) -> None:
    """The plan, before it is confirmed. To stderr when an answer follows, for stdout is data's."""
    from eosctl.render.plans import plan_text

    print(plan_text(plan, canvas(sys.stderr)), file=sys.stderr)


def change_text(receipts: Any, outcome: Report, form: Format) -> str:
    """What was done, for people."""
    from eosctl.render.plans import receipts_text

    if form not in FOR_PEOPLE:
        return ""
    result = render("", outcome, form, canvas()) if outcome.data or outcome.sections else ""
    return "\n\n".join(part for part in (receipts_text(receipts, canvas()), result) if part)


def ask(question: Any) -> bool:
    """Asks on the terminal; Ctrl-D means no."""
    suffix = ": " if question.expects else " [y/N] "
    print(question.text + suffix, end="", file=sys.stderr, flush=True)
    try:
        answer = input().strip()
    except EOFError:
        return False
    return answer == question.expects if question.expects else answer.lower() in ("y", "yes")


def progress(form: Format, *, quiet: bool = False) -> Progress:
    """A bar on a terminal, lines otherwise; nothing when something else draws there."""
    from eosctl.render.progress import LineProgress, TerminalProgress

    if quiet or os.environ.get("EOSCTL_QUIET"):
        return Silent()
    return TerminalProgress() if sys.stderr.isatty() else LineProgress()


class Signals:
    """Whether Ctrl-C or SIGTERM came. The second Ctrl-C does not wait for the safe point."""

    def __init__(self) -> None:
        self._asked = False
        self.graceful = False

    def requested(self) -> bool:
        """Asked at safe points: from the first time on, a first Ctrl-C waits for the next one."""
        self.graceful = True
        return self._asked

    def receive(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        if self._asked or not self.graceful:
            raise KeyboardInterrupt
        self._asked = True
        print("Stopping at the next safe point; again to stop now.", file=sys.stderr)


@contextmanager
def stopping() -> Iterator[Signals]:
    """Turns signals into a question that long work asks."""
    signals = Signals()
    before = {number: signal.signal(number, signals.receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def watch(operation: Operation, look: Callable[[], Report], form: Format, every: str) -> ExitCode:
    """Asks a query again and again until Ctrl-C: on the whole screen for people, one answer after the other for pipes.

    An error is shown, and the next look may be better. The exit code is that of the last look.
    """
    period_s = max(parse_duration_ms(every), 200) / 1_000
    if form in FOR_PEOPLE and sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        return _watch_on_screen(operation, look, form, every, period_s)
    code = ExitCode.DONE
    try:
        for _ in _ticks(period_s):
            try:
                report = look()
                code = report.exit_code
                show(operation.name, report, form)
            except EosctlError as error:
                say("Error", error.notice())
                code = error.exit_code
    except KeyboardInterrupt:
        pass
    return code


def _watch_on_screen(
    operation: Operation, look: Callable[[], Report], form: Format, every: str, period_s: float
) -> ExitCode:
    """The live view; the last answer stays on the terminal when it ends."""
    from eosctl.render.live import LiveView

    report, code = None, ExitCode.DONE
    try:
        with LiveView(operation.name, form, every, colour=canvas().colour) as view:
            for _ in _ticks(period_s):
                view.looking()
                try:
                    report = look()
                    code = report.exit_code
                    view.show(report)
                except EosctlError as error:
                    view.fail(error.notice())
                    code = error.exit_code
    except KeyboardInterrupt:
        pass
    if report is not None:
        show(operation.name, report, form)
    return code


def _ticks(period_s: float) -> Iterator[None]:
    """Forever, a period apart as long as the work between takes less."""
    while True:
        began = time.monotonic()
        yield
        time.sleep(max(0.0, period_s - (time.monotonic() - began)))
