"""Records of a topic that a Spring consumer could not process, in its dead-letter topic.

The headers are those of Spring's DeadLetterPublishingRecoverer, numbers in binary as it writes them.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eosctl.core.counts import counted
from eosctl.core.errors import OperationFailed
from eosctl.domain.lab import Incident
from eosctl.lab import clients
from eosctl.lab.incidents.parts import commit_position, ensure_topic
from eosctl.lab.state import LabState

_PARTITIONS = 3
_FAILURES = (
    ("org.springframework.dao.DataIntegrityViolationException", "duplicate key value violates unique constraint"),
    ("java.net.SocketTimeoutException", "Read timed out"),
    ("com.fasterxml.jackson.core.JsonParseException", "Unexpected character ('}' (code 125))"),
)


@dataclass(frozen=True)
class _Origin:
    """Where one record of the origin topic went."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes
    value: bytes


def inject(state: LabState, options: Mapping[str, str]) -> Incident:
    """Puts `count` (100) records of `topic` (orders) that failed in `group` (orders-service) into `<topic>-dlt`."""
    topic, group = options.get("topic", "orders"), options.get("group", "orders-service")
    count, dead = int(options.get("count", "100")), f"{topic}-dlt"
    for name in (topic, dead):
        ensure_topic(state, name, _PARTITIONS)
    origins = _write_origins(state, topic, count)
    _write_dead_letters(state, dead, topic, group, origins)
    for partition, offset in clients.ends(state, topic, range(_PARTITIONS), committed=False).items():
        commit_position(state, group, topic, partition, offset)
    return Incident(
        incident="dead-letters",
        lab=state.name,
        happened=f"{counted(count, 'record')} of {topic} failed in {group}; the dead-letter topic is {dead}.",
        look=f"eosctl dlq inspect {dead}",
        mend=f"eosctl dlq replay {dead}",
        facts={"topic": topic, "dead_letter_topic": dead, "group": group, "records": str(count)},
    )


def _write_origins(state: LabState, topic: str, records: int) -> list[_Origin]:
    origins: list[_Origin] = []
    refused: list[Any] = []

    def delivered(error: Any, message: Any) -> None:
        if error is not None:
            refused.append(error)
            return
        place = (message.partition(), message.offset(), message.timestamp()[1])
        origins.append(_Origin(*place, message.key(), message.value()))

    producer = _producer(state)
    for number in range(records):
        value = f'{{"order": {number}, "amount_cents": {500 + number}}}'
        producer.produce(topic, key=f"customer-{number % 17}", value=value, on_delivery=delivered)
        producer.poll(0)
    _flushed(producer, topic, refused)
    return sorted(origins, key=lambda one: (one.partition, one.offset))


def _write_dead_letters(state: LabState, dead: str, topic: str, group: str, origins: list[_Origin]) -> None:
    refused: list[Any] = []
    producer = _producer(state)
    for number, one in enumerate(origins):
        fqcn, message = _FAILURES[number % len(_FAILURES)]
        producer.produce(
            dead,
            key=one.key,
            value=one.value,
            partition=one.partition,
            headers=_headers(topic, group, one, fqcn, message),
            on_delivery=lambda error, _: refused.append(error) if error is not None else None,
        )
        producer.poll(0)
    _flushed(producer, dead, refused)


def _producer(state: LabState) -> Any:
    """Places keys as Java's producer does, which Spring uses."""
    from confluent_kafka import Producer

    return Producer({**clients.librdkafka_settings(state), "partitioner": "murmur2_random", "linger.ms": 5})


def _headers(topic: str, group: str, origin: _Origin, fqcn: str, message: str) -> list[tuple[str, bytes]]:
    trace = f"{fqcn}: {message}\n\tat com.example.orders.OrderListener.onOrder(OrderListener.java:42)\n"
    return [
        ("kafka_dlt-exception-fqcn", b"org.springframework.kafka.listener.ListenerExecutionFailedException"),
        ("kafka_dlt-exception-cause-fqcn", fqcn.encode()),
        ("kafka_dlt-exception-message", f"Listener failed; {message}".encode()),
        ("kafka_dlt-exception-stacktrace", trace.encode()),
        ("kafka_dlt-original-topic", topic.encode()),
        ("kafka_dlt-original-partition", origin.partition.to_bytes(4, "big")),
        ("kafka_dlt-original-offset", origin.offset.to_bytes(8, "big")),
        ("kafka_dlt-original-timestamp", origin.timestamp_ms.to_bytes(8, "big")),
        ("kafka_dlt-original-timestamp-type", b"CreateTime"),
        ("kafka_dlt-original-consumer-group", group.encode()),
        ("retry_topic-attempts", (3).to_bytes(4, "big")),
        ("retry_topic-original-timestamp", origin.timestamp_ms.to_bytes(8, "big")),
        ("retry_topic-backoff-timestamp", round(time.time() * 1_000).to_bytes(8, "big")),
    ]


def _flushed(producer: Any, topic: str, refused: list[Any]) -> None:
    left = producer.flush(clients.LIMIT_S)
    if left or refused:
        reason = f"{refused[0].str()}." if refused else ""
        raise OperationFailed(
            "incident_failed", f"{counted(left + len(refused), 'record')} did not reach {topic}.", why=reason
        )
