"""Kafka's own values, as every room speaks of them: partitions, offsets, brokers, topics, producers, transactions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import NewType

ProducerId = NewType("ProducerId", int)
ProducerEpoch = NewType("ProducerEpoch", int)
CoordinatorEpoch = NewType("CoordinatorEpoch", int)
Offset = NewType("Offset", int)


@dataclass(frozen=True, order=True)
class TopicPartition:
    """A partition of a topic; `str()` gives `topic:partition`, as every command takes it."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}"


def in_order(partitions: Iterable[TopicPartition]) -> list[TopicPartition]:
    """Sorted by topic and number; several times as fast as `sorted` alone, which compares each pair in Python."""
    return sorted(partitions, key=attrgetter("topic", "partition"))


@dataclass(frozen=True)
class LogOffsets:
    """Log start, last stable offset and high watermark of a partition, read one after another (not atomically)."""

    log_start: Offset
    last_stable: Offset
    high_watermark: Offset


@dataclass(frozen=True)
class Broker:
    """A broker as the cluster's metadata names it."""

    node_id: int
    host: str
    port: int
    rack: str | None = None


@dataclass(frozen=True)
class PartitionState:
    """Leader (-1: none) and replicas of one partition."""

    partition: TopicPartition
    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]


@dataclass(frozen=True)
class Topic:
    """A topic and its partitions, in order."""

    name: str
    partitions: tuple[PartitionState, ...]
    internal: bool = False


class TransactionState(StrEnum):
    """The coordinator's states (Kafka's `TransactionState`), by the names that its tools print."""

    EMPTY = "Empty"
    ONGOING = "Ongoing"
    PREPARE_COMMIT = "PrepareCommit"
    PREPARE_ABORT = "PrepareAbort"
    COMPLETE_COMMIT = "CompleteCommit"
    COMPLETE_ABORT = "CompleteAbort"
    PREPARE_EPOCH_FENCE = "PrepareEpochFence"
    DEAD = "Dead"
    UNKNOWN = "Unknown"


@dataclass(frozen=True)
class TransactionListing:
    """One line of ListTransactions (KIP-664)."""

    transactional_id: str
    producer_id: ProducerId
    state: TransactionState
    coordinator_id: int


@dataclass(frozen=True)
class TransactionDescription:
    """DescribeTransactions (KIP-664). `started_at_ms` is None unless a transaction is open.

    `partitions` are those that the coordinator has in the open transaction.
    """

    transactional_id: str
    coordinator_id: int
    producer_id: ProducerId
    producer_epoch: ProducerEpoch
    state: TransactionState
    timeout_ms: int
    started_at_ms: int | None
    partitions: tuple[TopicPartition, ...]


@dataclass(frozen=True)
class ActiveProducer:
    """DescribeProducers (KIP-664): a producer that the partition's leader still remembers.

    `transaction_start_offset` is None when it has no transaction open here; `coordinator_epoch` is -1 when no
    transaction of it has ended here; `last_write_ms` is milliseconds since the epoch.
    """

    partition: TopicPartition
    producer_id: ProducerId
    producer_epoch: ProducerEpoch
    last_sequence: int
    last_write_ms: int
    coordinator_epoch: CoordinatorEpoch
    transaction_start_offset: Offset | None


@dataclass(frozen=True)
class AbortMarker:
    """What WriteTxnMarkers needs to abort one producer's transaction on one partition."""

    partition: TopicPartition
    producer_id: ProducerId
    producer_epoch: ProducerEpoch
    coordinator_epoch: CoordinatorEpoch


@dataclass(frozen=True)
class FencedProducer:
    """The answer of InitProducerId: the id and epoch that now hold."""

    transactional_id: str
    producer_id: ProducerId
    producer_epoch: ProducerEpoch


class GroupProtocol(StrEnum):
    """Which protocol a group speaks; OFFSETS_ONLY is a group that only stores offsets (no protocol type)."""

    CLASSIC = "classic"
    CONSUMER = "consumer"
    SHARE = "share"
    STREAMS = "streams"
    OFFSETS_ONLY = "offsets only"


@dataclass(frozen=True)
class GroupMember:
    """A member of a group and what it is assigned."""

    member_id: str
    client_id: str
    host: str
    assignment: tuple[TopicPartition, ...] = ()
    instance_id: str | None = None


@dataclass(frozen=True)
class GroupListing:
    """One group as the brokers list it."""

    group: str
    protocol: GroupProtocol
    state: str


@dataclass(frozen=True)
class GroupDescription:
    """A group with its members and coordinator (-1 when not known)."""

    group: str
    protocol: GroupProtocol
    state: str
    coordinator_id: int
    members: tuple[GroupMember, ...] = ()


@dataclass(frozen=True)
class CommittedOffset:
    """What a group has committed for a partition: the next offset to read. `leader_epoch` is None when unset."""

    offset: Offset
    leader_epoch: int | None = None
    metadata: str = ""


@dataclass(frozen=True)
class GroupOffsets:
    """A group's committed offsets in Kafka."""

    group: str
    offsets: Mapping[TopicPartition, CommittedOffset] = field(default_factory=dict)
