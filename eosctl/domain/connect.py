"""What Kafka Connect says of a connector and its tasks."""

from dataclasses import dataclass

FAILED = "FAILED"
_HALF = 110


@dataclass(frozen=True)
class TaskStatus:
    """A task (`id` -1 is the connector itself). `trace` is the failure in short, "" when there is none."""

    id: int
    state: str
    worker: str
    trace: str = ""


@dataclass(frozen=True)
class ConnectorStatus:
    """A connector: itself first in `parts`, then its tasks."""

    name: str
    parts: tuple[TaskStatus, ...]

    @property
    def halted(self) -> str:
        """PAUSED or STOPPED when somebody did that, else ""."""
        return self.parts[0].state if self.parts and self.parts[0].state in ("PAUSED", "STOPPED") else ""

    @property
    def failed(self) -> tuple[int, ...]:
        """Ids of what has failed; -1 is the connector itself."""
        return tuple(one.id for one in self.parts if one.state == FAILED)


def short_trace(trace: str) -> str:
    """The exception and its last cause, each in one line; of a long one its beginning and its end."""
    lines = [line.strip() for line in trace.splitlines() if line.strip()]
    if not lines:
        return ""
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return " <- ".join(_shortened(one) for one in (lines[0], *causes[-1:]))


def _shortened(line: str) -> str:
    return line if len(line) <= 2 * _HALF else f"{line[:_HALF].rstrip()} ... {line[-_HALF:].lstrip()}"
