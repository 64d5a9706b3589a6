"""A replay's session: one transactional producer, its offsets committed inside its transactions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from threading import Thread
from typing import Any

from eosctl.adapters.connection import KafkaConnection
from eosctl.adapters.kafka_errors import acl_missing, librdkafka_errors
from eosctl.adapters.kafka_publisher import quiet_logger
from eosctl.core.errors import Refused
from eosctl.domain.dlq.replaying import Outgoing
from eosctl.ports.dead_letters import SessionLost, SessionWish

_GRACE_S = 3.0
_REFUSES = {
    "TRANSACTIONAL_ID_AUTHORIZATION_FAILED": "TransactionalId {!r}",
    "GROUP_AUTHORIZATION_FAILED": "Group {!r}",
    "TOPIC_AUTHORIZATION_FAILED": "a topic of job {!r}",
}


class KafkaSession:
    """One transactional producer, and a consumer that only lends the group's name and reads its offsets."""

    transaction_ms = 60_000

    def __init__(self, connection: KafkaConnection, wish: SessionWish, timeout_ms: int) -> None:
        from confluent_kafka import Consumer, Producer

        self._connection = connection
        self._wish = wish
        self._limit_s = timeout_ms / 1_000
        self._open = False
        self._abandoned = False
        self._refused: tuple[str, Any] | None = None
        with librdkafka_errors("InitProducerId", f"TransactionalId {self._transactional_id()!r}", connection):
            self._producer = Producer(self._producing())
            self._consumer = Consumer(self._grouped())
            self._producer.init_transactions(self._limit_s)

    def _transactional_id(self) -> str:
        return self._wish.job

    def _producing(self) -> dict[str, Any]:
        return {
            "linger.ms": 5,
            "queue.buffering.max.messages": 200_000,
            "queue.buffering.max.kbytes": 16_384,
            "batch.size": min(1_000_000, self._wish.largest_bytes),
            "message.max.bytes": 100_000_000,
            **self._connection.librdkafka(),
            "transactional.id": self._transactional_id(),
            "transaction.timeout.ms": self.transaction_ms,
            "partitioner": "murmur2_random",
            "delivery.report.only.error": True,
            "on_delivery": self._on_delivery,
            "log_level": 0,
            "error_cb": lambda _: None,
            "logger": quiet_logger(),
        }

    def _on_delivery(self, error: Any, message: Any) -> None:
        """Only the first that was refused tells why: what follows fails with it."""
        if error is not None and self._refused is None:
            self._refused = (str(message.topic()), error)

    def _grouped(self) -> dict[str, Any]:
        return {**self._connection.librdkafka(), "group.id": self._wish.job, "enable.auto.commit": False,
                "isolation.level": "read_committed", "log_level": 0}  # fmt: skip

    def committed(self, partitions: Sequence[int]) -> Mapping[int, tuple[int, str]]:
        from confluent_kafka import TopicPartition

        asked = [TopicPartition(self._wish.topic, one) for one in partitions]
        with librdkafka_errors("OffsetFetch", f"Group {self._wish.job!r}", self._connection):
            answer = self._consumer.committed(asked, timeout=self._limit_s)
        return {one.partition: (one.offset, one.metadata or "") for one in answer if one.offset >= 0}

    def begin(self) -> None:
        self._refused = None
        with self._inside("BeginTransaction"):
            self._producer.begin_transaction()
        self._open = True

    def produce(self, record: Outgoing) -> None:
        topic, partition, key, value, headers, timestamp_ms = record
        while True:
            try:
                self._producer.produce(topic, value, key, partition, headers=headers, timestamp=timestamp_ms)
                return
            except BufferError:
                self._producer.poll(0.05)
            except self._kafka_exception as error:
                raise self._failure(error.args[0], f"Produce to {topic!r}") from None

    @cached_property
    def _kafka_exception(self) -> type[Exception]:
        """Looked up once: `produce` is called millions of times."""
        from confluent_kafka import KafkaException

        return KafkaException

    def commit(self, offsets: Mapping[int, tuple[int, str]]) -> None:
        from confluent_kafka import TopicPartition

        topic = self._wish.topic
        positions = [TopicPartition(topic, one, offset, metadata) for one, (offset, metadata) in offsets.items()]
        if positions:
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
        if self._refused is not None:
            topic, reason = self._refused
            if reason.name() == "TOPIC_AUTHORIZATION_FAILED":
                return acl_missing("Produce", f"Topic {topic!r}")
            return SessionLost(f"Produce to {topic!r}: {reason.name()}: {reason.str()}")
        if name.endswith("AUTHORIZATION_FAILED"):
            return acl_missing(api, _REFUSES.get(name, "{!r}").format(self._wish.job))
        return SessionLost(f"{api}: {name}: {error.str()}")
