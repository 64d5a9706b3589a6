"""The person at the terminal: the PersonGateway on standard input and error."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from eosctl.core.errors import Interrupted
from eosctl.core.plan import Plan


class TerminalPerson:
    """Asks on standard error, reads standard input."""

    def interactive(self) -> bool:
        """Both are terminals."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def say(self, text: str) -> None:
        """A line."""
        print(text, file=sys.stderr, flush=True)

    def show_plan(self, plan: Plan) -> None:
        """As every changing command shows it."""
        from eosctl.cli.console import show_plan

        show_plan(plan)

    def confirm(self, question: str) -> bool:
        """Yes or no."""
        return self.answer(f"{question} [y/N] ").lower() in ("y", "yes")

    def answer(self, question: str) -> str:
        """A line."""
        print(question, end="", file=sys.stderr, flush=True)
        with _at_once():
            try:
                return input().strip()
            except EOFError:
                return ""
            except KeyboardInterrupt:
                print(file=sys.stderr)
                raise Interrupted("interrupted", "Stopped at a question.", why="Nothing was changed by it.") from None


@contextmanager
def _at_once() -> Iterator[None]:
    """A question is a safe point: Ctrl-C does not wait for the next one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
