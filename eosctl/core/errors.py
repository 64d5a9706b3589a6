"""The project's errors: raised at the place that knows, caught once at the command line's boundary.

An error is one sentence of what, one of why, one of what to do: `message`, `why` and `hint`. `code` is stable and
meant for scripts (`kafka_unreachable`, `unknown_topic`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from eosctl.core.exit_codes import ExitCode


@dataclass(frozen=True)
class Notice:
    """One entry of the envelope's `warnings` or `errors`."""

    code: str
    message: str
    hint: str = ""


class EosctlError(Exception):
    """Base of all expected failures; `exit_code` says how the process ends.

    `done` is plain data of what a step had done when it failed; the runtime keeps it in the receipt's `after`.
    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(
        self, code: str, message: str, *, why: str = "", hint: str = "", done: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.why = why
        self.hint = hint
        self.done = dict(done or {})

    def notice(self) -> Notice:
        """The error as the envelope shows it: `message` holds what and why, `hint` what to do."""
        return Notice(self.code, f"{self.message} {self.why}".strip(), self.hint)


class OperationFailed(EosctlError):
    """The operation could not do what it was asked (exit 1)."""


class UsageError(EosctlError):
    """Wrong usage or a bad input file (exit 2)."""

    exit_code = ExitCode.USAGE


class WorldChanged(EosctlError):
    """What the plan saw is no longer so (exit 4)."""

    exit_code = ExitCode.WORLD_CHANGED


class PartlyDone(EosctlError):
    """Some of the work is done, some is not (exit 5)."""

    exit_code = ExitCode.PARTLY_DONE


class Unreachable(EosctlError):
    """Kafka or the database can't be reached, or did not answer in time (exit 6)."""

    exit_code = ExitCode.UNREACHABLE


class Refused(EosctlError):
    """A safety rule says no (exit 7)."""

    exit_code = ExitCode.REFUSED


class Interrupted(EosctlError):
    """Ctrl-C or SIGTERM at a safe point (exit 130)."""

    exit_code = ExitCode.INTERRUPTED


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest of `known`, or "" when nothing is near."""
    near = get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"Did you mean {', '.join(repr(one) for one in near)}?" if near else ""
