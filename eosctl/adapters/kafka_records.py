"""Records by librdkafka's consumer: assigned, never in a group, never committing."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from eosctl.adapters.connection import KafkaConnection
from eosctl.adapters.kafka_errors import librdkafka_errors, probe, translated
from eosctl.core.errors import Unreachable
from eosctl.domain.kafka import TopicPartition
from eosctl.ports.records import Record

_BATCH = 5_000
_TIMESTAMP_TYPES: dict[int, Literal["create", "append", "none"]] = {0: "none", 1: "create", 2: "append"}


class KafkaRecords:
    """The RecordsGateway."""

    def __init__(self, connection: KafkaConnection, *, timeout_ms: int) -> None:
        self._connection = connection
        self._timeout_ms = timeout_ms

    def read(
        self,
        ranges: Mapping[TopicPartition, tuple[int, int]],
        *,
        isolation: Literal["read_committed", "read_uncommitted"] = "read_committed",
    ) -> Iterator[Record]:
        """Records of each half-open offset range.

        A partition is over when its position has reached the range's end: gaps of compaction and transaction markers
        are passed. Raises Unreachable when nothing comes for the time limit.
        """
        from confluent_kafka import Consumer
        from confluent_kafka import TopicPartition as Tp

        left = {one: end for one, (start, end) in ranges.items() if start < end}
        if not left:
            return
        probe(self._connection, self._timeout_ms)
        with librdkafka_errors("Fetch", "partitions", self._connection):
            consumer = Consumer(self._config(isolation))
        try:
            consumer.assign([Tp(one.topic, one.partition, ranges[one][0]) for one in left])
            yield from self._until_ends(consumer, left)
        finally:
            consumer.close()

    def _config(self, isolation: str) -> dict[str, Any]:
        return {
            **self._connection.librdkafka(),
            "group.id": "eosctl-reader",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "isolation.level": isolation,
            "enable.partition.eof": True,
            "queued.max.messages.kbytes": 16_384,
            "log_level": 0,
        }

    def _until_ends(self, consumer: Any, left: dict[TopicPartition, int]) -> Iterator[Record]:
        while left:
            with librdkafka_errors("Fetch", "partitions", self._connection):
                messages = consumer.consume(_BATCH, self._timeout_ms / 1_000)
            if not messages:
                self._pass_gaps(consumer, left)
                if left:
                    raise Unreachable("kafka_timeout", f"No records came from {', '.join(map(str, sorted(left)[:3]))}.",
                                      why="An open transaction or a broker that does not answer.", hint="See `eosctl txn blocked`.")  # fmt: skip
            for message in messages:
                partition = TopicPartition(message.topic(), message.partition())
                error = message.error()
                if error is not None and error.name() != "_PARTITION_EOF":
                    raise translated(error, "Fetch", str(partition), self._connection)
                end = left.get(partition)
                if end is None:
                    continue
                if message.offset() >= end - 1 or error is not None:
                    self._finish(consumer, left, partition, reached=message.offset(), eof=error is not None)
                if error is None and message.offset() < end:
                    yield _record(partition, message)

    def _finish(self, consumer: Any, left: dict[TopicPartition, int], partition: TopicPartition, *, reached: int, eof: bool) -> None:
        from confluent_kafka import TopicPartition as Tp

        if eof and reached < left[partition]:
            return
        del left[partition]
        consumer.incremental_unassign([Tp(partition.topic, partition.partition)])

    def _pass_gaps(self, consumer: Any, left: dict[TopicPartition, int]) -> None:
        from confluent_kafka import TopicPartition as Tp

        for position in consumer.position([Tp(one.topic, one.partition) for one in left]):
            partition = TopicPartition(position.topic, position.partition)
            if position.offset >= left[partition]:
                self._finish(consumer, left, partition, reached=position.offset, eof=False)


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
