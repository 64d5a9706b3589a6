"""The relay's own connections to PostgreSQL: one for batches and lane locks, one that listens; and keys in a stream."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg

from eosctl.adapters.database import PostgresDatabase, compose, database_errors
from eosctl.adapters.outbox_spool import disk_spool
from eosctl.core.errors import OperationFailed, Unreachable
from eosctl.domain.dedup import DedupMapping
from eosctl.domain.outbox import NOTIFY_CHANNEL, OutboxMapping, quoted
from eosctl.domain.outbox_events import OutboxEvent
from eosctl.ports.outbox import OutboxKey, RowsLocked, Spool

_MEMBER = 1_000
_PAGE = 10_000


class PostgresOutbox:
    """The OutboxGateway."""

    def __init__(self, dsn: str, *, timeout_ms: int) -> None:
        self._dsn = dsn
        self._timeout_ms = timeout_ms

    def relay_session(self, mapping: OutboxMapping) -> "PostgresRelaySession":
        """A connection of its own."""
        return PostgresRelaySession(self._dsn, mapping, timeout_ms=self._timeout_ms)

    def keys(self, mapping: OutboxMapping, since: datetime, until: datetime) -> Iterator[OutboxKey]:
        """By a server-side cursor."""
        name = "outbox_keys" if mapping.published_at and mapping.retry_count else "outbox_keys_unmarked"
        args = {"since": since, "until": until, "max_retries": mapping.max_retries}
        for row in self._stream(name, mapping.identifiers(), args):
            yield OutboxKey(**row)

    def processed(self, mapping: DedupMapping, since: datetime) -> Iterator[str]:
        """By a server-side cursor."""
        name = "outbox_processed" if mapping.processed_at else "outbox_processed_ever"
        group = mapping.group if mapping.group and mapping.consumer_group else None
        for row in self._stream(name, mapping.identifiers(), {"since": since, "group": group}):
            yield row["id"]

    def _stream(
        self, name: str, identifiers: Mapping[str, str | tuple[str, ...]], args: Mapping[str, Any]
    ) -> Iterator[Mapping[str, Any]]:
        database = PostgresDatabase(self._dsn, timeout_ms=self._timeout_ms)
        connection = database.connect()
        try:
            with database_errors(name), connection.transaction(), connection.cursor("outbox_keys") as cursor:
                cursor.itersize = _PAGE
                cursor.execute(compose(name, identifiers), args)
                yield from cursor
        finally:
            database.close()

    def spool(self) -> AbstractContextManager["Spool"]:
        """Files in the system's folder for temporary ones."""
        return disk_spool()


class PostgresRelaySession:
    """The RelaySession."""

    def __init__(self, dsn: str, mapping: OutboxMapping, *, timeout_ms: int) -> None:
        self._mapping = mapping
        self._identifiers = mapping.identifiers()
        self._work = PostgresDatabase(dsn, timeout_ms=timeout_ms)
        self._listener = PostgresDatabase(dsn, timeout_ms=timeout_ms)
        self._lanes: set[int] = set()
        self._bytes_payload = False
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        table = self._mapping.table
        self._owner = self._work.connect()
        catalogue = self._work.describe_table(table)
        payload = catalogue.column(self._mapping.payload) if catalogue else None
        self._bytes_payload = payload is not None and payload.type == "bytea"
        self._space = self._work.query("outbox_lane_space", {"name": quoted(table)})[0]["space"]
        self._work.query("outbox_join_relays", {"space": self._space})
        self._channel_payload = str(table)
        with database_errors("LISTEN"):
            self._listener.connect().execute(f"LISTEN {NOTIFY_CHANNEL}")

    def lanes(self) -> Collection[int]:
        """The lanes that it holds."""
        return frozenset(self._lanes)

    def relays(self) -> int:
        """Sessions that hold the shared lock of members."""
        return sum(1 for one in self._locks() if one["lane"] == _MEMBER)

    def taken_lanes(self) -> Collection[int]:
        """Lanes of other sessions."""
        return {one["lane"] for one in self._locks() if one["lane"] != _MEMBER and not one["mine"]}

    def lock_lanes(self, lanes: Sequence[int]) -> None:
        """By `pg_try_advisory_lock`, which never waits."""
        got = self._work.query("outbox_lock_lanes", {"lanes": list(lanes), "space": self._space})
        self._lanes |= {one["lane"] for one in got}

    def release_lanes(self, lanes: Sequence[int]) -> None:
        """By `pg_advisory_unlock`."""
        self._work.query("outbox_release_lanes", {"lanes": list(lanes), "space": self._space})
        self._lanes -= set(lanes)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """A transaction; an open one holds the rows' locks while their records are on the way."""
        if self._work.connect() is not self._owner:
            raise Unreachable(
                "database_unreachable",
                "The relay's connection to the database was lost.",
                why="Its lanes went with it.",
                hint="Run it again.",
            )
        with self._work.transaction():
            yield

    def has_work(self, held: Collection[tuple[str, str]]) -> bool:
        """By the poll index, without a transaction id."""
        found = self._work.query("outbox_has_work", self._filter(held), identifiers=self._identifiers)
        return bool(found[0]["found"])

    def take(
        self, limit: int, held: Collection[tuple[str, str]], *, around_locks: bool = False
    ) -> Sequence[OutboxEvent]:
        """The oldest pending events of this session's lanes."""
        args = {"limit": limit, **self._filter(held)}
        name = "outbox_take_around" if around_locks else "outbox_take"
        statement = compose(name, self._identifiers)
        try:
            with database_errors(name), self._work.connect().cursor(row_factory=_event, binary=True) as cursor:
                cursor.execute(statement, args)
                events = cursor.fetchall()
        except OperationFailed as error:
            if error.code == "db_timeout":
                raise RowsLocked from None
            raise
        return [_with_bytes(one) for one in events] if self._bytes_payload else events

    def mark_published(self, ids: Sequence[Any]) -> int:
        """One UPDATE."""
        return self._work.execute("outbox_mark_published", {"ids": list(ids)}, identifiers=self._identifiers)

    def mark_failed(self, errors: Mapping[Any, tuple[str, int]]) -> None:
        """An UPDATE a row: failures are few."""
        for event_id, (error, count) in errors.items():
            args = {"id": event_id, "error": error[:2_000], "retry_count": count}
            self._work.execute("outbox_mark_failed", args, identifiers=self._identifiers)

    def wait(self, limit_ms: int) -> bool:
        """Until a NOTIFY for this table or the limit; what else comes on the channel is passed over."""
        with database_errors("LISTEN"):
            for notify in self._listener.connect().notifies(timeout=limit_ms / 1_000):
                if notify.payload in ("", self._channel_payload):
                    return True
        return False

    def close(self) -> None:
        """Ends both connections."""
        self._work.close()
        self._listener.close()

    def _filter(self, held: Collection[tuple[str, str]]) -> dict[str, Any]:
        return {
            "lanes": sorted(self._lanes),
            "held_types": [one for one, _ in held],
            "held_ids": [one for _, one in held],
        }

    def _locks(self) -> Sequence[Mapping[str, Any]]:
        return self._work.query("outbox_lane_locks", {"space": self._space})


def _event(cursor: psycopg.Cursor[Any]) -> Any:
    return lambda values: OutboxEvent(*values)


def _with_bytes(event: OutboxEvent) -> OutboxEvent:
    text = event.payload
    return replace(event, payload=bytes.fromhex(text[2:])) if isinstance(text, str) else event
