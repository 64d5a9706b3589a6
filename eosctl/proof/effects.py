"""Reads effects and positions where they live: output topics, tables, the small API, a group's committed offsets."""

import json
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from eosctl.core.errors import OperationFailed
from eosctl.domain.proof.checks import OutboxFacts, Position
from eosctl.domain.proof.counting import Effect
from eosctl.proof.servers import LIMIT_S, PARTITIONS

_READ_LIMIT_S = 150.0
_FETCH_WAIT_MS = 20
"""A partition's end is told by an empty fetch, for which a broker takes half a second unless it is told otherwise."""

_TABLES = {
    "ledger": "SELECT message_id, account, amount FROM ledger ORDER BY entry_id",
    "account_changes": "SELECT message_id, account, amount FROM account_changes ORDER BY account, version",
}


def in_table(dsn: str, table: str) -> Iterator[Effect]:
    """Rows in the order in which they were made."""
    if table == "current_state":
        for (value,) in rows(dsn, "SELECT value FROM current_state ORDER BY source_partition, source_offset"):
            yield from _in_value(value)
    else:
        yield from (Effect(*row) for row in rows(dsn, _TABLES[table]))


def _in_value(value: Any) -> Iterator[Effect]:
    """A message's value, or the array that a program makes of it which adds instead of sets."""
    if isinstance(value, list):
        for one in value:
            yield from _in_value(one)
    else:
        yield _effect(value)


def _effect(value: Mapping[str, Any]) -> Effect:
    return Effect(str(value.get("id")), str(value.get("account")), int(value.get("amount", -1)))


def rows(dsn: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    import psycopg

    with psycopg.connect(dsn, connect_timeout=20) as connection:
        return connection.execute(statement.encode()).fetchall()


def outbox_facts(dsn: str, kafka: Mapping[str, Any], topic: str) -> OutboxFacts:
    """Compares the outbox's rows with the records of its topic, by their idempotency keys."""
    ids = {str(row[0]) for row in rows(dsn, "SELECT id FROM outbox")}
    found = {dict(one.headers() or []).get("idempotency-key", b"").decode() for one in committed(kafka, topic)}
    return OutboxFacts(len(ids), len(ids - found), len(found - ids))


def last_records(kafka: Mapping[str, Any], topic: str) -> dict[int, int]:
    """The offset behind each partition's last committed record; its log may end later, in transactions' markers."""
    found = dict.fromkeys(range(PARTITIONS), 0)
    for one in committed(kafka, topic):
        found[one.partition()] = max(found[one.partition()], one.offset() + 1)
    return found


def at_api(url: str) -> Iterator[Effect]:
    """The charges that the API holds."""
    with urllib.request.urlopen(f"{url}/charges", timeout=LIMIT_S) as answer:
        for one in json.load(answer):
            yield Effect(one["reference"], one["account"], one["amount"])


def in_topic(kafka: Mapping[str, Any], topic: str, began_epoch_ms: int) -> Iterator[Effect]:
    """The effects in a topic's committed records; when is told by their timestamps."""
    for one in committed(kafka, topic):
        yield replace(_effect(json.loads(one.value())), at_ms=one.timestamp()[1] - began_epoch_ms)


def committed(
    kafka: Mapping[str, Any], topic: str, partitions: int = PARTITIONS, begin: Mapping[int, int] | None = None
) -> Iterator[Any]:
    """Committed records to the high watermark: the end of the log, and not only what is stable by now.

    A transaction that a crash left open ends by its time-out at the latest; until then the rest waits behind it.
    """
    from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

    from_offset = begin or {}
    places = [TopicPartition(topic, one, from_offset.get(one, OFFSET_BEGINNING)) for one in range(partitions)]
    ends = _high_watermarks(kafka, topic, partitions)
    settings = {"group.id": topic, "enable.auto.commit": False, "isolation.level": "read_committed",
                "enable.partition.eof": True, "fetch.wait.max.ms": _FETCH_WAIT_MS}  # fmt: skip
    consumer = Consumer({**kafka, **settings})
    until, arrived = time.monotonic() + _READ_LIMIT_S, {one for one, end in ends.items() if end == 0}
    try:
        consumer.assign(places)
        while len(arrived) < partitions:
            if time.monotonic() > until:
                raise OperationFailed("not_read", f"{topic} was not read to its end within {_READ_LIMIT_S:.0f} s.",
                                      why="A transaction may hang.", hint="eosctl txn hanging")  # fmt: skip
            found: list[Any] = consumer.consume(500, 0.05)
            for one in found:
                failure = one.error()
                if failure is None:
                    yield one
                elif failure.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(failure)
                elif one.offset() >= ends[one.partition()]:
                    arrived.add(one.partition())
    finally:
        consumer.close()


def _high_watermarks(kafka: Mapping[str, Any], topic: str, partitions: int) -> dict[int, int]:
    reader = Reader(kafka, topic, topic, partitions)
    try:
        return reader.ends()
    finally:
        reader.close()


class Reader:
    """Looks at a group's committed offsets and its topic's ends; never waits for open transactions."""

    def __init__(self, kafka: Mapping[str, Any], group: str, topic: str, partitions: int = PARTITIONS) -> None:
        from confluent_kafka import Consumer, TopicPartition

        settings = {"group.id": group, "enable.auto.commit": False, "isolation.level": "read_uncommitted"}
        self._consumer = Consumer({**kafka, **settings})
        self._partitions = [TopicPartition(topic, one) for one in range(partitions)]
        self._last = 0

    def ends(self) -> dict[int, int]:
        """Each partition's high watermark."""
        return {one.partition: self._high_watermark(one) for one in self._partitions}

    def _high_watermark(self, partition: Any) -> int:
        """Asks again while the partition gets its leader, or the broker comes back."""
        from confluent_kafka import KafkaException

        until = time.monotonic() + LIMIT_S
        while True:
            try:
                return int(self._consumer.get_watermark_offsets(partition, LIMIT_S)[1])
            except KafkaException:
                if time.monotonic() > until:
                    raise
            time.sleep(0.1)

    def position(self) -> int:
        """The sum of the committed offsets; the last known one while the coordinator settles."""
        from confluent_kafka import KafkaError, KafkaException

        try:
            committed = self._consumer.committed(self._partitions, LIMIT_S)
            self._last = sum(max(one.offset, 0) for one in committed if one.error is None)
        except KafkaException as error:
            if not error.args[0].retriable() and error.args[0].code() != KafkaError.NOT_COORDINATOR:
                raise
        return self._last

    def positions(self, ends: Mapping[int, int] | None = None) -> tuple[Position, ...]:
        """Each partition's committed offset and end, which is the log's; () when none is committed at all."""
        ends = self.ends() if ends is None else ends
        found = {one.partition: one.offset for one in self._consumer.committed(self._partitions, LIMIT_S)}
        if all(offset < 0 for offset in found.values()):
            return ()
        return tuple(Position(one, max(found.get(one, 0), 0), end) for one, end in sorted(ends.items()))

    def close(self) -> None:
        """Closes the connection."""
        self._consumer.close()
