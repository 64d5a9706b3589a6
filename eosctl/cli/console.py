"""Standard output and error: data to the one, everything else to the other. Colour only on a terminal."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from eosctl.core.durations import parse_duration_ms
from eosctl.core.errors import EosctlError, Notice
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Operation
from eosctl.core.plan import Plan
from eosctl.core.progress import Progress, Silent
from eosctl.core.report import Report
from eosctl.render.output import Canvas, Format, render
from eosctl.render.wrapping import wrapped

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


def folded(text: str) -> str:
    """Text for people on stderr: folded into the terminal's width, as it is when stderr is no terminal."""
    on = canvas(sys.stderr)
    return wrapped(text, on.width) if on.terminal else text


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
    from eosctl.render.terminal import paint

    colour = canvas(sys.stderr).colour
    head = paint(f"{kind}:", "yellow" if kind == "Warning" else "bold red", colour=colour)
    first, *rest = folded(f"{kind}: {notice.message}").split("\n")
    lines = [first.replace(f"{kind}:", head, 1), *(f"  {line}" for line in rest)]
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


def progress(form: Format) -> Progress:
    """A bar on a terminal, lines otherwise."""
    from eosctl.render.progress import LineProgress, TerminalProgress

    if os.environ.get("EOSCTL_QUIET"):
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
    """Draws a query again and again until Ctrl-C; an error is shown and the next look may be better."""
    period_s = max(parse_duration_ms(every), 200) / 1_000
    code = ExitCode.DONE
    try:
        while True:
            began = time.monotonic()
            try:
                report = look()
                code = report.exit_code
                _redraw(operation, report, form, every)
            except EosctlError as error:
                say("Error", error.notice())
                code = error.exit_code
            time.sleep(max(0.0, period_s - (time.monotonic() - began)))
    except KeyboardInterrupt:
        return code


def _redraw(operation: Operation, report: Report, form: Format, every: str) -> None:
    if sys.stdout.isatty() and form in FOR_PEOPLE:
        write("\x1b[H\x1b[2J\x1b[3J")
        write(
            f"eosctl {operation.name.replace('.', ' ')}   every {every}   {time.strftime('%H:%M:%S')}   Ctrl-C ends\n\n"
        )
    show(operation.name, report, form)
