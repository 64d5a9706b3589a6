"""Producing outbox events: an idempotent producer whose answers are awaited, batch by batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from eosctl.domain.outbox_events import OutgoingRecord


@dataclass(frozen=True)
class DeliveryError:
    """Why a record did not get to its topic. `outage`: Kafka is away, which is not the event's fault.

    `final`: the same record would be refused again. `tried` is False when only the producer's stop behind another
    record kept it back.
    """

    code: str
    message: str
    outage: bool = False
    final: bool = False
    tried: bool = True


@dataclass(frozen=True)
class Deliveries:
    """What became of a batch: an error by the position of each record that is not known to be in its topic."""

    failed: Mapping[int, DeliveryError] = field(default_factory=dict)


class Publisher(Protocol):
    """Produces in order; a record that fails stops those behind it in its partition (no gaps, no overtaking)."""

    def publish(self, records: Sequence[OutgoingRecord]) -> Deliveries:
        """Produces all and waits for every answer."""

    def publish_singly(self, records: Sequence[OutgoingRecord]) -> Deliveries:
        """One after another, each answer awaited; after a failure the later records of that key are not tried."""

    def close(self) -> None:
        """Ends the producer."""
