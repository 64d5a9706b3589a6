"""A member of a shared replay: Kafka's group protocol deals the partitions, the group's generation fences (KIP-447).

The ledger's order decides between members: a member's ledger records take their places inside its open transaction,
and read_committed shows what lies before them only when every earlier transaction there is decided.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from eosctl.adapters.connection import KafkaConnection
from eosctl.adapters.kafka_errors import acl_missing, librdkafka_errors, translated
from eosctl.adapters.kafka_replay_session import KafkaSession
from eosctl.core.errors import EosctlError
from eosctl.domain.dlq.records import RawRecord
from eosctl.domain.dlq.replaying import Outgoing
from eosctl.ports.dead_letters import Rebalanced, SessionLost, SessionWish

_LEFT_BEHIND = (
    "ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "FENCED_INSTANCE_ID", "REBALANCE_IN_PROGRESS", "_ASSIGNMENT_LOST",
    "FENCED_MEMBER_EPOCH", "STALE_MEMBER_EPOCH",
)  # fmt: skip
_BROKEN = ("_FENCED", "INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED", "INVALID_TXN_STATE", "INVALID_PRODUCER_ID_MAPPING")
_DECIDED_S = 60.0
"""A dead member's transaction is decided after its time-out (20 s) and the coordinator's next look (10 s)."""
_LOOK_S = 0.05


class KafkaSharedSession(KafkaSession):
    """The SharedSession."""

    transaction_ms = 20_000
    membership_ms = 10_000

    def __init__(self, connection: KafkaConnection, wish: SessionWish, ledger: str, timeout_ms: int) -> None:
        from confluent_kafka import Consumer, TopicPartition

        self._member = uuid4().hex[:12]
        super().__init__(connection, wish, timeout_ms)
        self._mine: frozenset[int] | None = None
        self._generation = 0
        self._ledger_name = ledger
        self._read_to = 0
        with librdkafka_errors("Fetch", f"Topic {ledger!r}", connection):
            self._ledger = Consumer(self._reading_ledger())
            self._ledger.assign([TopicPartition(ledger, 0, 0)])
        with librdkafka_errors("JoinGroup", f"Group {wish.job!r}", connection):
            self._consumer.subscribe(
                [wish.topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
            )

    def assigned(self) -> frozenset[int] | None:
        with librdkafka_errors("JoinGroup", f"Group {self._wish.job!r}", self._connection):
            message = self._consumer.poll(_LOOK_S if self._mine is None else 0)
        if message is not None and (error := message.error()) is not None:
            if str(error.name()).endswith("AUTHORIZATION_FAILED"):
                raise acl_missing("JoinGroup", f"Group {self._wish.job!r}")
            if error.name() == "_MAX_POLL_EXCEEDED":
                self._mine = None
        return self._mine

    def generation(self) -> int:
        return self._generation

    def committed(self, partitions: Sequence[int]) -> Mapping[int, tuple[int, str]]:
        """A dead member's offsets stay pending until its transaction is decided: asks again until then."""
        until = time.monotonic() + _DECIDED_S
        while True:
            try:
                return super().committed(partitions)
            except EosctlError as error:
                if error.code == "acl_missing":
                    raise
                if time.monotonic() > until:
                    raise SessionLost(f"OffsetFetch: {error.message}") from None
            time.sleep(_LOOK_S)

    def reserve(self, records: Sequence[Outgoing]) -> int:
        from confluent_kafka import KafkaException

        places: list[int] = []

        def delivered(error: Any, message: Any) -> None:
            if error is None and message.offset() >= 0:
                places.append(message.offset())

        for one in records:
            while True:
                try:
                    self._producer.produce(one.topic, one.value, one.key, one.partition, on_delivery=delivered)
                    break
                except BufferError:
                    self._producer.poll(_LOOK_S)
                except KafkaException as error:
                    raise self._failure(error.args[0], f"Produce to {one.topic!r}") from None
        left = self._producer.flush(self._limit_s)
        if left or len(places) < len(records):
            raise SessionLost(f"Produce: {len(records) - len(places)} ledger records got no place")
        return min(places)

    def ledger(self, until: int) -> Iterator[RawRecord]:
        limit = time.monotonic() + _DECIDED_S
        while self._read_to < until:
            for message in self._ledger.consume(500, _LOOK_S):
                error, offset = message.error(), message.offset() or 0
                if error is None:
                    self._read_to = offset + 1
                    yield message
                elif error.name() == "_PARTITION_EOF":
                    self._read_to = max(self._read_to, offset)
                elif error.name() == "TOPIC_AUTHORIZATION_FAILED":
                    raise translated(error, "Fetch", f"Topic {self._ledger_name!r}", self._connection)
            if time.monotonic() > limit:
                raise SessionLost(f"{self._ledger_name} has an open transaction before offset {until}")

    def abort(self) -> None:
        if not self._open:
            return
        with self._inside("EndTxn"):
            self._within_limit(self._producer.abort_transaction, self._limit_s)
        self._open = False

    def close(self) -> None:
        self._ledger.close()
        super().close()

    def _on_assign(self, consumer: Any, partitions: list[Any]) -> None:
        """The member reads its partitions elsewhere: here they are paused, at an offset that need not be looked up."""
        from confluent_kafka import TopicPartition

        mine = [TopicPartition(one.topic, one.partition, 0) for one in partitions]
        consumer.assign(mine)
        if mine:
            consumer.pause(mine)
        self._mine = frozenset(one.partition for one in partitions)
        self._generation += 1

    def _on_revoke(self, consumer: Any, partitions: list[Any]) -> None:
        consumer.unassign()
        self._mine = None
        self._generation += 1

    def _transactional_id(self) -> str:
        return f"{self._wish.job}-{self._member}"

    def _producing(self) -> dict[str, Any]:
        return {**super()._producing(), "delivery.report.only.error": False}

    def _grouped(self) -> dict[str, Any]:
        return {**super()._grouped(), "session.timeout.ms": self.membership_ms, "heartbeat.interval.ms": 2_000,
                "partition.assignment.strategy": "range", "auto.offset.reset": "earliest",
                "client.id": f"eosctl-{self._member}"}  # fmt: skip

    def _reading_ledger(self) -> dict[str, Any]:
        return {
            "queued.max.messages.kbytes": 32_768,
            "fetch.wait.max.ms": 50,
            "fetch.queue.backoff.ms": 5,
            **self._connection.librdkafka(),
            "group.id": "eosctl-reader",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "log_level": 0,
        }

    def _failure(self, error: Any, api: str) -> Exception:
        name = str(error.name())
        if name in _LEFT_BEHIND:
            return Rebalanced(f"{api}: {name}")
        if name in _BROKEN:
            return SessionLost(f"{api}: {name}: {error.str()}")
        return super()._failure(error, api)
