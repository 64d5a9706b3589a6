"""Records of partitions, read and produced. Grows with the dead-letter and outbox rooms."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from eosctl.domain.kafka import TopicPartition


@dataclass(frozen=True, slots=True)
class Record:
    """A record as Kafka holds it; bytes raw, `timestamp_ms` None when the broker has none."""

    partition: TopicPartition
    offset: int
    timestamp_ms: int | None
    timestamp_type: Literal["create", "append", "none"]
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    leader_epoch: int | None = None


class RecordsGateway(Protocol):
    """Reading never joins a group and never commits."""

    def prepare(self) -> None:
        """Loads what reading takes while other work waits for a server; returns at once."""

    def read(
        self,
        ranges: Mapping[TopicPartition, tuple[int, int]],
        *,
        isolation: Literal["read_committed", "read_uncommitted"] = "read_committed",
    ) -> Iterator[Record]:
        """Records of each half-open offset range, flat memory; ends by itself at the ends of the ranges."""
