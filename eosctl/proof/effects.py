"""Reads effects and positions where they live: output topics, tables, the small API, a group's committed offsets."""

import json
import time
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from eosctl.core.errors import OperationFailed
from eosctl.domain.proof.counting import Effect
from eosctl.proof.servers import LIMIT_S, PARTITIONS

_READ_LIMIT_S = 150.0
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


def at_api(url: str) -> Iterator[Effect]:
    """The charges that the API holds."""
    with urllib.request.urlopen(f"{url}/charges", timeout=LIMIT_S) as answer:
        for one in json.load(answer):
            yield Effect(one["reference"], one["account"], one["amount"])


def in_topic(kafka: Mapping[str, Any], topic: str) -> Iterator[Effect]:
    """Committed records to the high watermark: the end of the log, and not only what is stable by now.

    A transaction that a crash left open ends by its time-out at the latest; until then the rest waits behind it.
    """
    from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

    places = [TopicPartition(topic, one, OFFSET_BEGINNING) for one in range(PARTITIONS)]
    ends = _high_watermarks(kafka, topic)
    settings = {"group.id": topic, "enable.auto.commit": False, "isolation.level": "read_committed"}
    consumer = Consumer({**kafka, **settings, "enable.partition.eof": True})
    until, arrived = time.monotonic() + _READ_LIMIT_S, {one for one, end in ends.items() if end == 0}
    try:
        consumer.assign(places)
        while len(arrived) < PARTITIONS:
            if time.monotonic() > until:
                raise OperationFailed("not_read", f"{topic} was not read to its end within {_READ_LIMIT_S:.0f} s.",
                                      why="A transaction may hang.", hint="eosctl txn hanging")  # fmt: skip
            found: list[Any] = consumer.consume(500, 0.2)
            for one in found:
                failure = one.error()
                if failure is None:
                    yield _effect(json.loads(one.value()))
                elif failure.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(failure)
                elif one.offset() >= ends[one.partition()]:
                    arrived.add(one.partition())
    finally:
        consumer.close()


def _high_watermarks(kafka: Mapping[str, Any], topic: str) -> dict[int, int]:
    reader = Reader(kafka, topic, topic)
    try:
        return reader.ends()
    finally:
        reader.close()


class Reader:
    """Looks at a group's committed offsets and its topic's ends; never waits for open transactions."""

    def __init__(self, kafka: Mapping[str, Any], group: str, topic: str) -> None:
        from confluent_kafka import Consumer, TopicPartition

        settings = {"group.id": group, "enable.auto.commit": False, "isolation.level": "read_uncommitted"}
        self._consumer = Consumer({**kafka, **settings})
        self._partitions = [TopicPartition(topic, one) for one in range(PARTITIONS)]
        self._last = 0

    def ends(self) -> dict[int, int]:
        """Each partition's high watermark."""
        return {one.partition: self._consumer.get_watermark_offsets(one, LIMIT_S)[1] for one in self._partitions}

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

    def close(self) -> None:
        """Closes the connection."""
        self._consumer.close()
