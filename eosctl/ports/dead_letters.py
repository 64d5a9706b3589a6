"""Dead letters read in bulk, and replayed inside Kafka transactions."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from eosctl.domain.dlq.guard import Mark
from eosctl.domain.dlq.records import Batch, RawRecord
from eosctl.domain.dlq.replaying import Outgoing
from eosctl.domain.kafka import TopicPartition


@dataclass(frozen=True)
class SessionWish:
    """Who replays: `job` is the group and the transactional id. `largest_bytes` bounds a batch that is produced."""

    job: str
    topic: str
    largest_bytes: int = 1_000_000


class SessionLost(Exception):
    """The transaction did not go through, or nobody knows: begin again from what is committed."""


class Rebalanced(SessionLost):
    """The group has given the partitions to other members: abort, and ask what is assigned now."""


class ReplaySession(Protocol):
    """A transactional producer and the group's committed offsets. Any failure inside a batch raises SessionLost;
    Refused (`job_taken_over`) when another copy of the job has fenced this one; OperationFailed for a missing right."""

    def committed(self, partitions: Sequence[int]) -> Mapping[int, tuple[int, str]]:
        """Offset and metadata by partition; waits for open transactions of the group (`require_stable`)."""

    def begin(self) -> None:
        """Opens a transaction."""

    def produce(self, record: Outgoing) -> None:
        """One record, raw."""

    def commit(self, offsets: Mapping[int, tuple[int, str]]) -> None:
        """Offsets with their metadata and everything produced, together or not at all."""

    def close(self) -> None:
        """Aborts what is open and ends."""


class SharedSession(ReplaySession, Protocol):
    """A member of the job's group with a transactional id of its own. Its commits carry the group's generation
    (KIP-447), so that a member that was left behind raises Rebalanced; another broken transaction raises SessionLost.
    """

    def assigned(self) -> frozenset[int] | None:
        """Serves the group's protocol between two batches: this member's partitions, None until it has joined."""

    def generation(self) -> int:
        """Grows with each assignment that `assigned` has seen."""

    def reserve(self, records: Sequence[Outgoing]) -> int:
        """Produces ledger records inside the open transaction, waits for all that was produced; the first's offset."""

    def ledger(self, until: int) -> Iterator[RawRecord]:
        """Committed ledger records from where the last call ended up to `until`, once every transaction that wrote
        before it is decided."""

    def abort(self) -> None:
        """Gives the open transaction up and keeps the membership."""


class RecordIndex(Protocol):
    """Records sorted on disk by an integer, then by partition and offset. Raises OperationFailed when there is no
    room."""

    def add(self, records: Sequence[tuple[int, RawRecord]]) -> None:
        """Keeps records with their integers; nothing may be added after the first read."""

    def read(self, after: tuple[int, ...], size: int) -> Sequence[RawRecord]:
        """The next records behind (integer, partition, offset)."""

    def close(self) -> None:
        """Forgets everything."""


class MarkIndex(Protocol):
    """The newest record of each wanted key, on disk. Raises OperationFailed when there is no room."""

    def want(self, digests: Iterable[bytes]) -> None:
        """Only marks of these are kept."""

    def note(self, marks: Iterable[tuple[bytes, Mark]]) -> None:
        """Keeps the latest of each digest and partition."""

    def of(self, digests: Collection[bytes]) -> Iterator[tuple[bytes, Mark]]:
        """The marks of these digests."""

    def close(self) -> None:
        """Forgets everything."""


class DeadLettersGateway(Protocol):
    """Reading never joins a group."""

    def batches(self, topic: str, ranges: Mapping[int, tuple[int, int]], *, size: int = 10_000) -> Iterator[Batch]:
        """Committed records of each half-open offset range, flat memory, ends by itself."""

    def at(self, where: TopicPartition, offsets: Sequence[int]) -> Iterator[RawRecord]:
        """The committed records at ascending offsets, below the last stable one; those that are gone are left out."""

    def index(self) -> RecordIndex:
        """An empty index in a temporary file."""

    def marks(self) -> MarkIndex:
        """An empty index of marks in a temporary file."""

    def session(self, wish: SessionWish) -> ReplaySession:
        """A session that has fenced earlier copies of the job and ended what they left open."""

    def shared_session(self, wish: SessionWish, ledger: str) -> SharedSession:
        """A new member of the job's group."""
