"""Dead letters by librdkafka: read in bulk without copies, replayed in transactions with their offsets."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Any

from eosctl.adapters.connection import KafkaConnection
from eosctl.adapters.kafka_errors import acl_missing, diagnose, librdkafka_errors, probe, timed_out, translated
from eosctl.adapters.kafka_publisher import quiet_logger
from eosctl.adapters.mark_index import MarkIndex
from eosctl.adapters.record_index import RecordIndex
from eosctl.core.errors import Refused, UsageError
from eosctl.domain.dlq.records import Batch, RawRecord
from eosctl.domain.dlq.replaying import Outgoing
from eosctl.domain.kafka import TopicPartition
from eosctl.ports.dead_letters import ReplaySession, SessionLost, SessionWish

_WAIT_S = 0.05
_NEAR = 2_000
"""Offsets: a gap up to this is read through, a wider one is jumped."""
_TRANSACTION_MS = 60_000
_GRACE_S = 3.0
_ENDURED = ("_TRANSPORT", "_ALL_BROKERS_DOWN", "_TIMED_OUT", "_RESOLVE")


class KafkaDeadLetters:
    """The DeadLettersGateway."""

    def __init__(self, connection: KafkaConnection, *, timeout_ms: int) -> None:
        self._connection = connection
        self._timeout_ms = timeout_ms

    def batches(self, topic: str, ranges: Mapping[int, tuple[int, int]], *, size: int = 10_000) -> Iterator[Batch]:
        """Committed records of each range. Raises Unreachable when nothing comes for the time limit."""
        from confluent_kafka import Consumer, TopicPartition

        left = {one: end for one, (start, end) in ranges.items() if start < end}
        if not left:
            return
        probe(self._connection, self._timeout_ms)
        with librdkafka_errors("Fetch", f"Topic {topic!r}", self._connection):
            consumer = Consumer(self._reading())
        try:
            consumer.assign([TopicPartition(topic, one, ranges[one][0]) for one in left])
            news = time.monotonic()
            while left:
                with librdkafka_errors("Fetch", f"Topic {topic!r}", self._connection):
                    messages = consumer.consume(size, _WAIT_S)
                if messages:
                    news = time.monotonic()
                    batch, over = self._sorted_out(topic, messages, left)
                    if over:
                        consumer.incremental_unassign([TopicPartition(topic, one) for one in over])
                    if batch.positions:
                        yield batch
                    news = time.monotonic()
                elif time.monotonic() - news > self._timeout_ms / 1_000:
                    raise diagnose(self._connection, self._timeout_ms) or timed_out("Fetch", self._connection)
        finally:
            consumer.close()

    def at(self, where: TopicPartition, offsets: Sequence[int]) -> Iterator[RawRecord]:
        """The records that are still there. Raises Unreachable, OperationFailed for a missing right."""
        from confluent_kafka import Consumer
        from confluent_kafka import TopicPartition as Tp

        if not offsets:
            return
        probe(self._connection, self._timeout_ms)
        with librdkafka_errors("Fetch", str(where), self._connection):
            consumer = Consumer({**self._reading(), "auto.offset.reset": "earliest", "queued.min.messages": _NEAR})
        try:
            ahead = deque(offsets)
            consumer.assign([Tp(where.topic, where.partition, ahead[0])])
            news = time.monotonic()
            while ahead:
                messages = consumer.consume(_NEAR, _WAIT_S)
                if messages:
                    news = time.monotonic()
                    yield from self._picked(where, messages, ahead)
                    reached = messages[-1].offset() or 0
                    if ahead and ahead[0] > reached + _NEAR:
                        consumer.assign([Tp(where.topic, where.partition, ahead[0])])
                elif time.monotonic() - news > self._timeout_ms / 1_000:
                    raise diagnose(self._connection, self._timeout_ms) or timed_out("Fetch", self._connection)
        finally:
            consumer.close()

    def _picked(self, where: TopicPartition, messages: list[Any], ahead: deque[int]) -> Iterator[RawRecord]:
        """The wanted ones; what was passed, or lies behind the end of the log, is taken from `ahead`."""
        for message in messages:
            error = message.error()
            if error is not None and error.name() != "_PARTITION_EOF":
                self._raise(error, where.topic)
                continue
            while ahead and (error is not None or ahead[0] < message.offset()):
                ahead.popleft()
            if ahead and ahead[0] == message.offset():
                ahead.popleft()
                yield message

    def index(self) -> RecordIndex:
        """Sorts in a file of its own."""
        return RecordIndex()

    def marks(self) -> MarkIndex:
        """Keeps them in a file of its own."""
        return MarkIndex()

    def session(self, wish: SessionWish) -> ReplaySession:
        """Fences earlier copies of the job. Raises OperationFailed (`acl_missing`), Unreachable."""
        probe(self._connection, self._timeout_ms)
        return _Session(self._connection, wish, self._timeout_ms)

    def _sorted_out(self, topic: str, messages: list[Any], left: dict[int, int]) -> tuple[Batch, list[int]]:
        """The records of the ranges; partitions that are through are taken from `left`."""
        kept: list[Any] = []
        positions: dict[int, int] = {}
        over: list[int] = []
        for message in messages:
            partition = message.partition()
            end = left.get(partition)
            error = message.error()
            if error is not None and error.name() != "_PARTITION_EOF":
                self._raise(error, topic)
                continue
            if end is None:
                continue
            offset = message.offset()
            if error is None and offset < end:
                kept.append(message)
                positions[partition] = offset + 1
            if offset >= end - (error is None):
                positions[partition] = end
                del left[partition]
                over.append(partition)
        return Batch(kept, positions), over

    def _raise(self, error: Any, topic: str) -> None:
        name = error.name()
        if name in ("_AUTO_OFFSET_RESET", "OFFSET_OUT_OF_RANGE"):
            raise UsageError("offset_out_of_range", f"{topic} lost records to retention while it was read.",
                             why=f"{error.str()}.", hint="Run the command again.")  # fmt: skip
        if name not in _ENDURED and not error.retriable():
            raise translated(error, "Fetch", f"Topic {topic!r}", self._connection)

    def _reading(self) -> dict[str, Any]:
        return {
            "queued.min.messages": 50_000,
            "queued.max.messages.kbytes": 32_768,
            "fetch.message.max.bytes": 4_194_304,
            **self._connection.librdkafka(),
            "group.id": "eosctl-reader",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "log_level": 0,
        }


class _Session:
    """One transactional producer, and a consumer that only lends the group's name and reads its offsets."""

    def __init__(self, connection: KafkaConnection, wish: SessionWish, timeout_ms: int) -> None:
        from confluent_kafka import Consumer, Producer

        self._connection = connection
        self._wish = wish
        self._limit_s = timeout_ms / 1_000
        self._open = False
        self._abandoned = False
        settings = {
            "linger.ms": 5,
            "queue.buffering.max.messages": 200_000,
            "queue.buffering.max.kbytes": 65_536,
            "batch.size": min(1_000_000, wish.largest_bytes),
            "message.max.bytes": 100_000_000,
            **connection.librdkafka(),
            "transactional.id": wish.job,
            "transaction.timeout.ms": _TRANSACTION_MS,
            "partitioner": "murmur2_random",
            "delivery.report.only.error": True,
            "log_level": 0,
            "error_cb": lambda _: None,
            "logger": quiet_logger(),
        }
        group = {**connection.librdkafka(), "group.id": wish.job, "enable.auto.commit": False,
                 "isolation.level": "read_committed", "log_level": 0}  # fmt: skip
        with librdkafka_errors("InitProducerId", f"TransactionalId {wish.job!r}", connection):
            self._producer = Producer(settings)
            self._consumer = Consumer(group)
            self._producer.init_transactions(self._limit_s)

    def committed(self, partitions: int) -> Mapping[int, tuple[int, str]]:
        from confluent_kafka import TopicPartition

        asked = [TopicPartition(self._wish.topic, one) for one in range(partitions)]
        with librdkafka_errors("OffsetFetch", f"Group {self._wish.job!r}", self._connection):
            answer = self._consumer.committed(asked, timeout=self._limit_s)
        return {one.partition: (one.offset, one.metadata or "") for one in answer if one.offset >= 0}

    def begin(self) -> None:
        with self._inside("BeginTransaction"):
            self._producer.begin_transaction()
        self._open = True

    def produce(self, record: Outgoing) -> None:
        from confluent_kafka import KafkaException

        while True:
            try:
                self._producer.produce(record.topic, record.value, record.key, record.partition,
                                       headers=record.headers, timestamp=record.timestamp_ms)  # fmt: skip
                return
            except BufferError:
                self._producer.poll(0.05)
            except KafkaException as error:
                raise self._failure(error.args[0], f"Produce to {record.topic!r}") from None

    def commit(self, offsets: Mapping[int, tuple[int, str]]) -> None:
        from confluent_kafka import TopicPartition

        topic = self._wish.topic
        positions = [TopicPartition(topic, one, offset, metadata) for one, (offset, metadata) in offsets.items()]
        with self._inside("TxnOffsetCommit"):
            group = self._consumer.consumer_group_metadata()
            self._within_limit(self._producer.send_offsets_to_transaction, positions, group, self._limit_s)
        with self._inside("EndTxn"):
            self._within_limit(self._producer.commit_transaction, self._limit_s)
        self._open = False

    def close(self) -> None:
        from confluent_kafka import KafkaException

        if self._abandoned:
            return
        if self._open:
            try:
                self._producer.purge()
                self._producer.abort_transaction(self._limit_s)
            except KafkaException:
                self._open = False  # a fenced or broken producer: the next init_transactions ends what is open
        self._consumer.close()

    def _within_limit(self, call: Callable[..., Any], *words: Any) -> None:
        """A call of its own thread: librdkafka 2.16 can wait past its limit, for ever, when a coordinator dies.

        A call that does not come back is left alone with its producer, which the next session fences.
        """
        failed: list[BaseException] = []

        def run() -> None:
            try:
                call(*words)
            except BaseException as error:  # noqa: BLE001 - handed over to the caller's thread
                failed.append(error)

        thread = Thread(target=run, daemon=True)
        thread.start()
        thread.join(self._limit_s + _GRACE_S)
        if thread.is_alive():
            self._abandoned = True
            raise SessionLost(f"no answer within {self._limit_s + _GRACE_S:.0f} s")
        if failed:
            raise failed[0]

    @contextmanager
    def _inside(self, api: str) -> Iterator[None]:
        from confluent_kafka import KafkaException

        try:
            yield
        except KafkaException as error:
            raise self._failure(error.args[0], api) from None

    def _failure(self, error: Any, api: str) -> Exception:
        name = str(error.name())
        if name in ("_FENCED", "INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"):
            return Refused("job_taken_over", f"Another copy of the job {self._wish.job!r} has taken over.",
                           why="Both have one transactional id, and the newer instance fences the older one.",
                           hint="Let that one finish, or give another --job.")  # fmt: skip
        if name.endswith("AUTHORIZATION_FAILED"):
            return acl_missing(api, f"{self._wish.job!r} or one of its topics")
        return SessionLost(f"{api}: {name}: {error.str()}")
