"""Steps on Kafka Connect."""

from dataclasses import dataclass
from typing import ClassVar

from eosctl.core.plan import Effect, Step


@dataclass(frozen=True, kw_only=True)
class RestartConnector(Step):
    """Restarts what has failed of a connector (KIP-745). `expects_failed` are task ids, -1 is the connector itself."""

    kind: ClassVar[str] = "cdc.restart"
    done_when: ClassVar[str] = "nothing of the connector has failed"

    connector: str
    url: str
    expects_failed: tuple[int, ...]

    def describe(self) -> str:
        """One line."""
        return f"Restart what failed of {self.connector}"

    def effects(self) -> tuple[Effect, ...]:
        """A row for the connector or task."""
        names = ("connector" if one < 0 else f"task {one}" for one in self.expects_failed)
        return tuple(Effect(self.connector, name, "FAILED", "RUNNING") for name in names)
