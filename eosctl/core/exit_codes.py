"""The exit codes of every command; DESIGN section 2 is their source."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process returns. Scripts rely on these numbers: they never change meaning."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PROBLEM = 3
    WORLD_CHANGED = 4
    PARTLY_DONE = 5
    UNREACHABLE = 6
    REFUSED = 7
    INTERRUPTED = 130


def status_of(code: ExitCode) -> str:
    """The envelope's `status` for an exit code: ok, problem, partial or failed."""
    match code:
        case ExitCode.DONE:
            return "ok"
        case ExitCode.PROBLEM:
            return "problem"
        case ExitCode.PARTLY_DONE:
            return "partial"
        case _:
            return "failed"
