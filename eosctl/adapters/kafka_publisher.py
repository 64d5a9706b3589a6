"""An idempotent librdkafka producer that waits for its answers; partitions as the Java client would choose them."""

import logging
import time
from collections.abc import Sequence
from typing import Any

from eosctl.adapters.connection import KafkaConnection
from eosctl.adapters.kafka_errors import librdkafka_errors, probe
from eosctl.domain.outbox_events import OutgoingRecord
from eosctl.ports.publisher import Deliveries, DeliveryError

_LOOK_S = 0.002
"""Only failures are reported, so nothing wakes a poll when the last record was delivered."""
_OUTAGE = {
    "_PURGE_QUEUE",
    "_PURGE_INFLIGHT",
    "_MSG_TIMED_OUT",
    "_TRANSPORT",
    "_ALL_BROKERS_DOWN",
    "_TIMED_OUT",
    "_RESOLVE",
    "_AUTHENTICATION",
    "_SSL",
}
_STOPPED = {"_FATAL", "_GAPLESS_GUARANTEE", "_STATE"}
_FINAL = {"MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE", "TOPIC_EXCEPTION", "INVALID_RECORD"}


class KafkaPublisher:
    """The Publisher. `enable.gapless.guarantee` stops a partition behind a failed batch; a new one goes on."""

    def __init__(self, connection: KafkaConnection, *, timeout_ms: int) -> None:
        self._connection = connection
        self._timeout_ms = timeout_ms
        self._producer: Any = None

    def publish(self, records: Sequence[OutgoingRecord]) -> Deliveries:
        """Produces all, then waits for all answers.

        What librdkafka itself refuses (a record over its own limit) never gets to a partition, so nothing stops there
        behind it: the later records of its key are kept back here.
        """
        failed: dict[int, DeliveryError] = {}
        stopped: set[tuple[str, bytes | None]] = set()
        producer = self._open()
        for position, record in enumerate(records):
            if (record.topic, record.key) in stopped:
                failed[position] = _kept_back()
                continue
            if not self._send(producer, position, record, failed):
                stopped.add((record.topic, record.key))
        self._settle(producer, failed)
        return Deliveries(failed)

    def publish_singly(self, records: Sequence[OutgoingRecord]) -> Deliveries:
        """Each answer is awaited before the next record; a key that failed is not tried again."""
        failed: dict[int, DeliveryError] = {}
        stopped: set[tuple[str, bytes | None]] = set()
        for position, record in enumerate(records):
            if (record.topic, record.key) in stopped:
                failed[position] = _kept_back()
                continue
            producer = self._open()
            self._send(producer, position, record, failed)
            self._settle(producer, failed)
            if position in failed:
                stopped.add((record.topic, record.key))
        return Deliveries(failed)

    def close(self) -> None:
        """Drops the producer; nothing is in flight between batches."""
        self._producer = None

    def _open(self) -> Any:
        if self._producer is None:
            from confluent_kafka import Producer

            probe(self._connection, self._timeout_ms)
            with librdkafka_errors("InitProducerId", "the producer", self._connection):
                self._producer = Producer(self._config())
        return self._producer

    def _config(self) -> dict[str, Any]:
        defaults = {"linger.ms": 2, "topic.metadata.propagation.max.ms": 5_000, "log_level": 0}
        return {
            **defaults,
            **self._connection.librdkafka(),
            "enable.idempotence": True,
            "enable.gapless.guarantee": True,
            "partitioner": "murmur2_random",
            "delivery.report.only.error": True,
            "logger": quiet_logger(),
            "message.timeout.ms": 0,
        }

    def _send(self, producer: Any, position: int, record: OutgoingRecord, failed: dict[int, DeliveryError]) -> bool:
        """Whether the record is on its way; if not, why is in `failed`."""
        from confluent_kafka import KafkaException

        def report(error: Any, message: Any) -> None:
            if error is not None:
                failed[position] = _error(error)

        while True:
            try:
                producer.produce(record.topic, record.value, record.key, headers=record.headers, on_delivery=report)
                return True
            except BufferError:
                producer.poll(_LOOK_S)
            except KafkaException as error:
                failed[position] = _error(error.args[0])
                return False

    def _settle(self, producer: Any, failed: dict[int, DeliveryError]) -> None:
        """Waits for every answer. Polling, for `flush` goes on serving reports with a fatal error's exception pending.

        librdkafka's own message time-out would let a later record pass an expired one, so the limit is kept here: what
        is unanswered then is purged, first to last.
        """
        from confluent_kafka import KafkaException

        until = time.monotonic() + self._timeout_ms / 1_000
        broken = False
        while len(producer):
            try:
                producer.poll(_LOOK_S)
            except KafkaException:
                broken = True
            if not broken and time.monotonic() > until:
                broken = True
                producer.purge()
        if broken:
            self._producer = None


def quiet_logger() -> logging.Logger:
    """librdkafka writes fatal errors to standard error unless a logger takes them."""
    logger = logging.Logger("eosctl.librdkafka")
    logger.addHandler(logging.NullHandler())
    return logger


def _kept_back() -> DeliveryError:
    return DeliveryError("_NOT_TRIED", "an earlier event of its aggregate failed", tried=False)


def _error(error: Any) -> DeliveryError:
    name = str(error.name())
    return DeliveryError(
        name, str(error.str()), outage=name in _OUTAGE, final=name in _FINAL, tried=name not in _STOPPED
    )
