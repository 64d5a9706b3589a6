"""Records by librdkafka's consumer: assigned, never in a group, never committing."""

import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from threading import Thread
from typing import Any, Literal

from eosctl.adapters.connection import KafkaConnection
from eosctl.adapters.kafka_errors import diagnose, librdkafka_errors, probe, timed_out, translated
from eosctl.core.errors import EosctlError, OperationFailed, UsageError
from eosctl.domain.kafka import TopicPartition
from eosctl.ports.records import Record

_BATCH = 2_000
_BATCH_WAIT_S = 0.05
_END_OF_LOG_S = 1.0
_ENDURED = ("_TRANSPORT", "_ALL_BROKERS_DOWN", "_TIMED_OUT", "_RESOLVE", "GROUP_AUTHORIZATION_FAILED")
"""librdkafka looks for the coordinator of a group that this reader never uses: a right to it is not needed."""
_TIMESTAMP_TYPES: dict[int, Literal["create", "append", "none"]] = {0: "none", 1: "create", 2: "append"}


class KafkaRecords:
    """The RecordsGateway."""

    def __init__(self, connection: KafkaConnection, *, timeout_ms: int) -> None:
        self._connection = connection
        self._timeout_ms = timeout_ms

    def prepare(self) -> None:
        """librdkafka is large: loading it takes as long as an answer of thousands of partitions."""
        Thread(target=import_module, args=("confluent_kafka",), daemon=True).start()

    def read(
        self,
        ranges: Mapping[TopicPartition, tuple[int, int]],
        *,
        isolation: Literal["read_committed", "read_uncommitted"] = "read_committed",
    ) -> Iterator[Record]:
        """Records of each half-open offset range, in the order of offsets within a partition.

        A range is over at its end, or at the end of the log when nothing but markers or compacted gaps lies before it.
        Raises OperationFailed (`range_not_readable`) when the log, or what read_committed may see of it, ends before
        the range does; UsageError (`offset_out_of_range`) when it begins after the range; Unreachable when nothing
        comes for the time limit.
        """
        from confluent_kafka import Consumer
        from confluent_kafka import TopicPartition as Tp

        left = {one: end for one, (start, end) in ranges.items() if start < end}
        if not left:
            return
        probe(self._connection, self._timeout_ms)
        with librdkafka_errors("Fetch", "the partitions", self._connection):
            consumer = Consumer(self._config(isolation))
        try:
            consumer.assign([Tp(one.topic, one.partition, ranges[one][0]) for one in left])
            yield from self._until_ends(consumer, left, sum(end - ranges[one][0] for one, end in left.items()))
        finally:
            consumer.close()

    def _config(self, isolation: str) -> dict[str, Any]:
        return {
            "queued.max.messages.kbytes": 16_384,
            "fetch.queue.backoff.ms": 5,
            **self._connection.librdkafka(),
            "group.id": "eosctl-reader",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "isolation.level": isolation,
            "enable.partition.eof": True,
            "log_level": 0,
        }

    def _until_ends(self, consumer: Any, left: dict[TopicPartition, int], expected: int) -> Iterator[Record]:
        """Consumes until every range is over; silence lasts to the time limit at most.

        A batch waits briefly for what it asks for, so none asks for more records than the `expected` that are left.
        """
        from confluent_kafka import TopicPartition as Tp

        last_news = time.monotonic()
        ends: dict[TopicPartition, int] = {}
        while left:
            with librdkafka_errors("Fetch", "the partitions", self._connection):
                messages = consumer.consume(max(1, min(_BATCH, expected)), _BATCH_WAIT_S)
            silent_s = 0 if messages else time.monotonic() - last_news
            if messages:
                last_news = time.monotonic()
            elif ends and silent_s > _END_OF_LOG_S:
                partition, reached = next(iter(ends.items()))
                raise _ends_early(partition, reached, left[partition])
            elif silent_s > self._timeout_ms / 1_000:
                why = f"Nothing came from {', '.join(map(str, sorted(left)[:3]))}."
                raise diagnose(self._connection, self._timeout_ms) or timed_out("Fetch", self._connection, why)
            before = list(left)
            for message in messages:
                record = self._taken(left, ends, message)
                if record is not None:
                    expected -= 1
                    yield record
            over = [Tp(one.topic, one.partition) for one in before if one not in left]
            if over and left:
                consumer.incremental_unassign(over)

    def _taken(self, left: dict[TopicPartition, int], ends: dict[TopicPartition, int], message: Any) -> Record | None:
        """The message, when it is a record of its range; notes the end of the log in `ends`, takes what is over from
        `left`."""
        error = message.error()
        partition = TopicPartition(message.topic() or "", message.partition() or 0)
        end = left.get(partition)
        if error is not None and error.name() != "_PARTITION_EOF":
            failure = self._failure(error, partition)
            if failure is not None:
                raise failure
            return None
        if end is None:
            return None
        ends.pop(partition, None)
        if error is not None and message.offset() < end:
            ends[partition] = message.offset()
            return None
        if message.offset() >= end - 1:
            del left[partition]
        return _record(partition, message) if error is None and message.offset() < end else None

    def _failure(self, error: Any, partition: TopicPartition) -> EosctlError | None:
        """Our error for one that a consumer delivers; None for those that librdkafka itself gets over."""
        name = error.name()
        if name in ("_AUTO_OFFSET_RESET", "OFFSET_OUT_OF_RANGE"):
            return UsageError("offset_out_of_range", f"The range of {partition} begins outside of its log.",
                              why=f"{error.str()}.", hint="See the log's start: eosctl offsets show.")  # fmt: skip
        if name in _ENDURED or error.retriable():
            return None
        return translated(error, "Fetch", f"Topic {partition.topic!r}", self._connection)


def _ends_early(partition: TopicPartition, reached: int, end: int) -> OperationFailed:
    return OperationFailed("range_not_readable", f"{partition} can be read to offset {reached} only, not to {end}.",
                           why="The log ends there, or an open transaction hides what follows from read_committed.",
                           hint="Look for one: eosctl txn blocked.")  # fmt: skip


def _record(partition: TopicPartition, message: Any) -> Record:
    kind, timestamp = message.timestamp()
    return Record(
        partition=partition,
        offset=message.offset(),
        timestamp_ms=timestamp if kind else None,
        timestamp_type=_TIMESTAMP_TYPES.get(kind, "none"),
        key=message.key(),
        value=message.value(),
        headers=tuple(message.headers() or ()),
        leader_epoch=message.leader_epoch(),
    )
