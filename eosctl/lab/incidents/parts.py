"""What incidents are made of: topics, plain records, groups with offsets, processes that hold a transaction open."""

import sys
import time
from typing import Any

from eosctl.core.errors import OperationFailed
from eosctl.lab.engine import record_process
from eosctl.lab.processes import is_running, log_tail, start
from eosctl.lab.state import LabProcess, LabState, known_state

LIMIT_S = 30
_MOVING = ("NOT_COORDINATOR", "COORDINATOR_LOAD_IN_PROGRESS", "COORDINATOR_NOT_AVAILABLE")


def client_settings(state: LabState) -> dict[str, Any]:
    """librdkafka properties of the lab's own user."""
    return {"bootstrap.servers": state.bootstrap_servers, **state.security, "log_level": 0}


def ensure_topic(state: LabState, topic: str, partitions: int = 3) -> None:
    """Makes the topic when there is none, and waits until it can be used."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    client = AdminClient(client_settings(state))
    try:
        client.create_topics([NewTopic(topic, partitions, min(3, state.brokers))])[topic].result(LIMIT_S)
    except KafkaException as error:
        if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
            raise OperationFailed("incident_failed", f"{topic} can't be made: {error.args[0].str()}.") from None
    until = time.monotonic() + LIMIT_S
    while not client.list_topics(topic=topic, timeout=LIMIT_S).topics[topic].partitions:
        if time.monotonic() > until:
            raise OperationFailed("incident_failed", f"{topic} has no leader.")
        time.sleep(0.05)


def produce(state: LabState, topic: str, count: int, *, partition: int, word: str) -> None:
    """Plain records with keys and JSON values, delivered."""
    from confluent_kafka import Producer

    producer = Producer({**client_settings(state), "linger.ms": 5})
    for number in range(count):
        producer.produce(topic, key=f"{word}-{number}", value=f'{{"{word}": {number}}}', partition=partition)
    if producer.flush(LIMIT_S):
        raise OperationFailed("incident_failed", f"Not all records reached {topic}.")


def commit_position(state: LabState, group: str, topic: str, partition: int, offset: int) -> None:
    """A group's committed offset, without a member. On a fresh lab the group's coordinator may still have to load."""
    from confluent_kafka import Consumer, KafkaException, TopicPartition

    consumer = Consumer({**client_settings(state), "group.id": group, "enable.auto.commit": False})
    until = time.monotonic() + LIMIT_S
    try:
        while True:
            try:
                consumer.commit(offsets=[TopicPartition(topic, partition, offset)], asynchronous=False)
                return
            except KafkaException as error:
                if error.args[0].name() not in _MOVING or time.monotonic() > until:
                    raise
                time.sleep(0.1)
    finally:
        consumer.close()


def high_watermark(state: LabState, topic: str, partition: int) -> int:
    """The partition's high watermark."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({**client_settings(state), "group.id": "eosctl-lab-probe"})
    try:
        return int(consumer.get_watermark_offsets(TopicPartition(topic, partition), LIMIT_S)[1])
    finally:
        consumer.close()


def start_holder(state: LabState, role: str, *args: str) -> LabProcess:
    """Starts a process that opens a transaction (`holder.py`) and waits until it says that it is open."""
    old = known_state(state.name).process(role)
    if old is not None and is_running(old):
        raise OperationFailed("incident_exists", f"The incident {role} is there already.", hint="eosctl lab status")
    log = state.path("logs", f"{role}.log")
    log.unlink(missing_ok=True)
    properties = state.path("security", "admin.properties")
    env = {"EOSCTL_LAB_SERVERS": state.bootstrap_servers}
    if state.secure:
        env["EOSCTL_LAB_PROPERTIES"] = str(properties)
    process = start(role, [sys.executable, "-m", "eosctl.lab.incidents.holder", *args], log=log, env=env)
    record_process(state, process)
    until = time.monotonic() + LIMIT_S
    while not (log.exists() and "open" in log.read_text(encoding="utf-8")):
        if not is_running(process) or time.monotonic() > until:
            raise OperationFailed("incident_failed", f"{role} did not open its transaction.", why=log_tail(log))
        time.sleep(0.05)
    return process
