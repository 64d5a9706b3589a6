"""Where a canary began: told among the members of a shared replay, so that another one can go on watching. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from eosctl.domain.kafka import TopicPartition

Ends = Mapping[TopicPartition, int]


@dataclass(frozen=True)
class CanaryStart:
    """The ends of the dead-letter topic and of the targets before the first record went, high watermarks by partition.

    `replayed` is how many records the run had replayed before, in an earlier canary that was halted.
    """

    source: Ends
    targets: Ends
    replayed: int = 0

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"source": _listed(self.source), "targets": _listed(self.targets), "replayed": self.replayed}

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """From `plain`. Raises ValueError, KeyError, TypeError."""
        return cls(_ends(body["source"]), _ends(body["targets"]), int(body["replayed"]))


def _listed(ends: Ends) -> list[list[Any]]:
    return [[one.topic, one.partition, end] for one, end in ends.items()]


def _ends(rows: Any) -> Ends:
    return {TopicPartition(str(topic), int(partition)): int(end) for topic, partition, end in rows}
