"""The person at the terminal: the PersonGateway on standard input and error."""

import sys

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
        try:
            return input().strip()
        except EOFError:
            return ""
