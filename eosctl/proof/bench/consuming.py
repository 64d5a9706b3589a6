"""Consumers into PostgreSQL: the same records, the same effect, with and without a memory of what was done.

All write a batch by one statement in one transaction, which is the best that each can do: what is compared is the
strategy, not how many round trips somebody's loop makes.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eosctl.core.errors import OperationFailed
from eosctl.proof.bench.producing import Sample
from eosctl.proof.servers import LIMIT_S, PARTITIONS

TABLES = """
    CREATE TABLE ledger (entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message_id text NOT NULL,
                         amount bigint NOT NULL);
    CREATE TABLE processed_messages (message_id varchar(255) PRIMARY KEY, processed_at timestamptz NOT NULL
                                     DEFAULT now(), partition integer NOT NULL, "offset" varchar(50) NOT NULL);
    CREATE INDEX ON processed_messages (processed_at);
    CREATE TABLE idempotency_keys (idempotency_key varchar(255) PRIMARY KEY, state varchar(10) NOT NULL DEFAULT 'done',
                                   created_at timestamptz NOT NULL DEFAULT now());
    CREATE INDEX ON idempotency_keys (created_at);
    CREATE TABLE consumer_offsets (topic text, partition integer, consumer_group text, committed_offset bigint NOT NULL,
                                   PRIMARY KEY (topic, partition, consumer_group));
"""
_BOOK = "INSERT INTO ledger (message_id, amount) SELECT * FROM unnest(%s::text[], %s::bigint[])"
_CLAIM_MESSAGES = """
    INSERT INTO processed_messages (message_id, partition, "offset")
    SELECT * FROM unnest(%s::text[], %s::integer[], %s::text[]) ON CONFLICT DO NOTHING RETURNING message_id
"""
_CLAIM_KEYS = """
    INSERT INTO idempotency_keys (idempotency_key) SELECT * FROM unnest(%s::text[])
    ON CONFLICT DO NOTHING RETURNING idempotency_key
"""
_MOVE = """
    INSERT INTO consumer_offsets (topic, partition, consumer_group, committed_offset)
    SELECT %s, unnest(%s::integer[]), %s, unnest(%s::bigint[])
    ON CONFLICT (topic, partition, consumer_group) DO UPDATE SET committed_offset = excluded.committed_offset
    WHERE consumer_offsets.committed_offset < excluded.committed_offset
"""


class Consumers:
    """One database connection and a topic that is full of records."""

    def __init__(self, kafka: Mapping[str, Any], topic: str, dsn: str, group: str) -> None:
        import psycopg

        self._kafka, self._topic, self._group = kafka, topic, group
        self._database: Any = psycopg.connect(dsn, autocommit=True, connect_timeout=20)
        self._ways: dict[str, Callable[[Sequence[Any], Any], None]] = {
            "plain": self._plain,
            "dedup-table": self._dedup_table,
            "stored-offsets": self._stored_offsets,
            "idempotency-key": self._idempotency_key,
        }

    def rate(self, way: str, batch: int, duration_s: float) -> Sample:
        """Records that one consumer processed, from the first to the last of them, within about the duration."""
        from confluent_kafka import Consumer, TopicPartition

        self._database.execute("TRUNCATE ledger, processed_messages, idempotency_keys, consumer_offsets")
        consumer = Consumer({**self._kafka, "group.id": self._group, "enable.auto.commit": False,
                             "isolation.level": "read_committed", "enable.partition.eof": True})  # fmt: skip
        try:
            consumer.assign([TopicPartition(self._topic, one, 0) for one in range(PARTITIONS)])
            return self._timed(consumer, self._ways[way], batch, duration_s)
        finally:
            consumer.close()

    def close(self) -> None:
        """Ends the connection."""
        self._database.close()

    def _timed(
        self, consumer: Any, process: Callable[[Sequence[Any], Any], None], batch: int, duration_s: float
    ) -> Sample:
        """The clock starts with the second batch: the first has waited for the consumer to find its partitions."""
        sample, began, over = Sample(), 0.0, set[int]()
        limit = time.perf_counter() + LIMIT_S
        while len(over) < PARTITIONS and sample.took_s < duration_s:
            found = consumer.consume(batch, 1.0)
            messages = [one for one in found if one.error() is None]
            over |= {one.partition() for one in found if one.error() is not None}
            if messages:
                process(messages, consumer)
                now = time.perf_counter()
                if began:
                    sample.records += len(messages)
                    sample.took_s = now - began
                else:
                    began = now
            elif time.perf_counter() > limit:
                break
        if not sample.records:
            raise OperationFailed("not_read", "A consumer got no records of the measurement.", hint="eosctl status")
        return sample

    def _plain(self, messages: Sequence[Any], consumer: Any) -> None:
        """At least once: nothing is remembered."""
        with self._database.transaction():
            self._book(messages)
        _commit(consumer, messages)

    def _dedup_table(self, messages: Sequence[Any], consumer: Any) -> None:
        with self._database.transaction():
            rows = ([one.key().decode() for one in messages], [one.partition() for one in messages],
                    [str(one.offset()) for one in messages])  # fmt: skip
            new = {row[0] for row in self._database.execute(_CLAIM_MESSAGES, rows)}
            self._book([one for one in messages if one.key().decode() in new])
        _commit(consumer, messages)

    def _idempotency_key(self, messages: Sequence[Any], consumer: Any) -> None:
        with self._database.transaction():
            keys = [dict(one.headers())["idempotency-key"].decode() for one in messages]
            new = {row[0] for row in self._database.execute(_CLAIM_KEYS, (keys,))}
            self._book([one for one, key in zip(messages, keys, strict=True) if key in new])
        _commit(consumer, messages)

    def _stored_offsets(self, messages: Sequence[Any], consumer: Any) -> None:
        places = {one.partition(): one.offset() + 1 for one in messages}
        with self._database.transaction():
            self._database.execute(_MOVE, (self._topic, list(places), self._group, list(places.values())))
            self._book(messages)

    def _book(self, messages: Sequence[Any]) -> None:
        ids = [one.key().decode() for one in messages]
        self._database.execute(_BOOK, (ids, [one.offset() for one in messages]))


def fill(kafka: Mapping[str, Any], topic: str, count: int, record_bytes: int) -> None:
    """So many records with ids as keys, evenly over the partitions."""
    from confluent_kafka import Producer

    producer, value = Producer({**kafka, "enable.idempotence": True}), b"x" * record_bytes
    for number in range(count):
        name = str(uuid.uuid4())
        while True:
            try:
                producer.produce(topic, value, name, number % PARTITIONS, headers=[("idempotency-key", name.encode())])
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(LIMIT_S):
        raise OperationFailed("not_prepared", "The records of the measurement were not acknowledged.",
                              hint="eosctl status")  # fmt: skip


def _commit(consumer: Any, messages: Sequence[Any]) -> None:
    from confluent_kafka import TopicPartition

    behind = {(one.topic(), one.partition()): one.offset() + 1 for one in messages}
    consumer.commit(offsets=[TopicPartition(*place, offset) for place, offset in behind.items()], asynchronous=False)
