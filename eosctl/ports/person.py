"""The person at the terminal, as playbooks meet one: told things, shown plans, asked."""

from typing import Protocol

from eosctl.core.plan import Plan


class PersonGateway(Protocol):
    """Everything goes to standard error; nobody may be there."""

    def interactive(self) -> bool:
        """Whether somebody can answer."""

    def say(self, text: str) -> None:
        """A line."""

    def show_plan(self, plan: Plan) -> None:
        """The before/after table and the warnings of a plan."""

    def confirm(self, question: str) -> bool:
        """Yes or no; no at the end of the input."""

    def answer(self, question: str) -> str:
        """A line of text, "" at the end of the input."""
