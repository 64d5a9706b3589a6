"""Asking a person on a terminal, one question at a time. The command line implements it; nobody is there in a pipe."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

BACK = "<back>"
SKIP = ""


@dataclass(frozen=True)
class Prompt:
    """A question as it is put: `answers` maps each answer to what it means; `note` is said before it.

    An `optional` question may be passed over; `first` says that there is nothing to go back to.
    """

    text: str
    explain: str
    answers: Mapping[str, str]
    note: str = ""
    optional: bool = False
    first: bool = False


class InterviewGateway(Protocol):
    """A person at a terminal."""

    def available(self) -> bool:
        """Whether a person is there: standard input and error are terminals."""

    def ask(self, prompt: Prompt) -> str:
        """One of the prompt's answers, BACK, or SKIP; explains and asks again by itself. Raises Refused at the end
        of the input."""
