"""What the outbox's relay and reconciliation ask of PostgreSQL beyond single statements."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from eosctl.domain.dedup import DedupMapping
from eosctl.domain.outbox import OutboxMapping
from eosctl.domain.outbox_events import OutboxEvent


@dataclass(frozen=True, slots=True)
class OutboxKey:
    """What a reconciliation needs of a row."""

    id: str
    aggregate_type: str
    event_type: str
    created_at: datetime
    published: bool
    failed: bool


class RowsLocked(Exception):
    """Another session holds rows of the batch; nothing was taken."""


class RelaySession(Protocol):
    """One relay's connection: its lanes are advisory locks of this session, free again when the session ends."""

    def lanes(self) -> Collection[int]:
        """The lanes that it holds."""

    def relays(self) -> int:
        """How many relays work on this table, this one among them."""

    def taken_lanes(self) -> Collection[int]:
        """Lanes that other relays hold."""

    def lock_lanes(self, lanes: Sequence[int]) -> None:
        """Tries to lock lanes; those that another one got first are left."""

    def release_lanes(self, lanes: Sequence[int]) -> None:
        """Gives lanes away."""

    def batch(self) -> AbstractContextManager[None]:
        """A transaction; commits at its end."""

    def has_work(self, held: Collection[tuple[str, str]]) -> bool:
        """Whether `take` would find something; cheap, for an idle relay."""

    def take(
        self, limit: int, held: Collection[tuple[str, str]], *, around_locks: bool = False
    ) -> Sequence[OutboxEvent]:
        """The oldest pending events of its lanes, without held aggregates, each locked.

        Raises RowsLocked when another session has locked one of them. With `around_locks` those come with
        `locked=False` and without payload (SKIP LOCKED), which costs a second look at each row.
        """

    def mark_published(self, ids: Sequence[Any]) -> int:
        """Marks rows in one UPDATE; their number."""

    def mark_failed(self, errors: Mapping[Any, tuple[str, int]]) -> None:
        """Writes error and new retry count of each row."""

    def wait(self, limit_ms: int) -> bool:
        """Waits for a NOTIFY of this table, at most so long; whether one came."""

    def close(self) -> None:
        """Ends the session; its lanes are free."""


class OutboxGateway(Protocol):
    """The outbox in PostgreSQL."""

    def relay_session(self, mapping: OutboxMapping) -> RelaySession:
        """A connection of its own for one relay. Raises Unreachable."""

    def keys(self, mapping: OutboxMapping, since: datetime, until: datetime) -> Iterator[OutboxKey]:
        """Every row made in a half-open time range, flat memory, in no order."""

    def processed(self, mapping: DedupMapping, since: datetime) -> Iterator[str]:
        """Ids that consumers have marked in a deduplication table since then, flat memory; all without a time column.

        Only those of the mapping's group, where the table tells groups apart and the mapping names one.
        """

    def spool(self) -> AbstractContextManager["Spool"]:
        """An empty spool on disk, gone at the end."""


class Spool(Protocol):
    """Ids on disk, divided into buckets by their hash, so that each bucket fits in memory."""

    def add(self, side: str, entries: Iterable[tuple[str, str]]) -> int:
        """Appends (id, detail) pairs to one side (`table`, `topic`, `dedup`); how many."""

    def buckets(self) -> Iterator[Mapping[str, Sequence[tuple[str, str]]]]:
        """One bucket after another: its pairs by side."""
