"""Dead letters by librdkafka: read in bulk without copies, replayed in transactions with their offsets."""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eosctl.adapters.connection import KafkaConnection
from eosctl.adapters.kafka_errors import diagnose, librdkafka_errors, probe, timed_out, translated
from eosctl.adapters.mark_index import MarkIndex
from eosctl.adapters.record_index import RecordIndex
from eosctl.core.errors import UsageError
from eosctl.domain.dlq.records import Batch, RawRecord
from eosctl.domain.kafka import TopicPartition
from eosctl.ports.dead_letters import ReplaySession, SessionWish, SharedSession

_WAIT_S = 0.05
_FULL_WAIT_S = 0.5
"""While a whole batch is ahead: transactions of few records cost more than the wait."""
_NEAR = 2_000
"""Offsets: a gap up to this is read through, a wider one is jumped."""
_ENDURED = ("_TRANSPORT", "_ALL_BROKERS_DOWN", "_TIMED_OUT", "_RESOLVE", "GROUP_AUTHORIZATION_FAILED")
"""librdkafka looks for the coordinator of a group that this reader never uses: a right to it is not needed."""


class KafkaDeadLetters:
    """The DeadLettersGateway."""

    def __init__(self, connection: KafkaConnection, *, timeout_ms: int) -> None:
        self._connection = connection
        self._timeout_ms = timeout_ms

    def batches(self, topic: str, ranges: Mapping[int, tuple[int, int]], *, size: int = 10_000) -> Iterator[Batch]:
        """Committed records of each range. Raises Unreachable when nothing comes for the time limit."""
        from confluent_kafka import Consumer, TopicPartition

        left = {one: end for one, (start, end) in ranges.items() if start < end}
        at = {one: start for one, (start, _) in ranges.items()}
        if not left:
            return
        probe(self._connection, self._timeout_ms)
        with librdkafka_errors("Fetch", f"Topic {topic!r}", self._connection):
            consumer = Consumer(self._reading())
        try:
            consumer.assign([TopicPartition(topic, one, ranges[one][0]) for one in left])
            news = time.monotonic()
            while left:
                more = sum(end - at[one] for one, end in left.items())
                with librdkafka_errors("Fetch", f"Topic {topic!r}", self._connection):
                    messages = consumer.consume(size, _FULL_WAIT_S if more >= size else _WAIT_S)
                if messages:
                    news = time.monotonic()
                    batch, over = self._sorted_out(topic, messages, left)
                    if over:
                        consumer.incremental_unassign([TopicPartition(topic, one) for one in over])
                    at.update(batch.positions)
                    del messages  # whoever has the batch decides when its records may go
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
        from eosctl.adapters.kafka_replay_session import KafkaSession

        probe(self._connection, self._timeout_ms)
        return KafkaSession(self._connection, wish, self._timeout_ms)

    def shared_session(self, wish: SessionWish, ledger: str) -> SharedSession:
        """Joins the job's group. Raises OperationFailed (`acl_missing`), Unreachable."""
        from eosctl.adapters.kafka_shared_replay import KafkaSharedSession

        probe(self._connection, self._timeout_ms)
        return KafkaSharedSession(self._connection, wish, ledger, self._timeout_ms)

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
            "queued.min.messages": 20_000,
            "queued.max.messages.kbytes": 8_192,
            "fetch.queue.backoff.ms": 5,  # the default lets a full queue rest for a second, and the reader with it
            "fetch.message.max.bytes": 2_097_152,
            **self._connection.librdkafka(),
            "group.id": "eosctl-reader",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "log_level": 0,
        }
