"""The lab's own Kafka clients, for its incidents and for tests: each made from a LabState, plain or secure."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from eosctl.lab.state import LabState

LIMIT_S = 40.0
"""The longest wait for one answer of a lab's broker, in seconds."""

_KAFKA_PYTHON = {
    "security.protocol": "security_protocol",
    "sasl.mechanism": "sasl_mechanism",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
    "ssl.ca.location": "ssl_cafile",
    "ssl.certificate.location": "ssl_certfile",
    "ssl.key.location": "ssl_keyfile",
}


def librdkafka_settings(state: LabState) -> dict[str, Any]:
    """What every librdkafka client of the lab's own user needs."""
    return {"bootstrap.servers": state.bootstrap_servers, **state.security, "log_level": 0}


def librdkafka_admin(state: LabState) -> Any:
    """A confluent_kafka AdminClient. Hold it until its futures have answered."""
    from confluent_kafka.admin import AdminClient

    return AdminClient(librdkafka_settings(state))


def transactional_producer(state: LabState, transactional_id: str, timeout_ms: int) -> Any:
    """A transactional Producer after `init_transactions`: earlier instances of that id are fenced."""
    from confluent_kafka import Producer

    producer = Producer(
        {
            **librdkafka_settings(state),
            "transactional.id": transactional_id,
            "transaction.timeout.ms": timeout_ms,
            "message.timeout.ms": min(timeout_ms, 60_000),
            "linger.ms": 1,
        }
    )
    producer.init_transactions(LIMIT_S)
    return producer


@contextmanager
def kip664_admin(state: LabState) -> Iterator[Any]:
    """A kafka-python KafkaAdminClient, closed at the end: it alone speaks KIP-664."""
    from kafka.admin import KafkaAdminClient

    admin = KafkaAdminClient(
        bootstrap_servers=state.bootstrap_servers.split(","),
        request_timeout_ms=round(LIMIT_S * 1_000),
        **{_KAFKA_PYTHON[key]: value for key, value in state.security.items()},
    )
    try:
        yield admin
    finally:
        admin.close()


def ends(state: LabState, topic: str, partitions: Sequence[int], *, committed: bool) -> dict[int, int]:
    """Each partition's last stable offset (`committed`) or high watermark."""
    from confluent_kafka import IsolationLevel, TopicPartition
    from confluent_kafka import admin as kafka_admin

    spec: Any = kafka_admin.OffsetSpec  # type: ignore[attr-defined]  # public, but not in its __all__
    level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
    wanted = {TopicPartition(topic, one): spec.latest() for one in partitions}
    admin = librdkafka_admin(state)
    answers = admin.list_offsets(wanted, isolation_level=level, request_timeout=LIMIT_S)
    return {one.partition: int(answer.result(LIMIT_S).offset) for one, answer in answers.items()}
