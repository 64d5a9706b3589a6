"""A real `read_committed` member of a group on a lab: reads what it may, commits, and says how much it was."""

import time
from typing import Any

from eosctl.core.errors import OperationFailed
from eosctl.lab import clients
from eosctl.lab.incidents.parts import client_settings
from eosctl.lab.state import LabState

_LIMIT_S = 30


def read_on(state: LabState, group: str, topic: str) -> int:
    """How many records the group could read, from its committed offsets to the last stable offsets of now.

    It counts to the last stable offset, not to the high watermark: behind an open transaction that would wait for
    ever. Raises OperationFailed when the limit passes first.
    """
    from confluent_kafka import Consumer

    settings = {**client_settings(state), "group.id": group, "isolation.level": "read_committed"}
    consumer = Consumer({**settings, "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    try:
        return _read(consumer, state, topic)
    finally:
        consumer.close()


def _read(consumer: Any, state: LabState, topic: str) -> int:
    consumer.subscribe([topic])
    partitions = range(len(consumer.list_topics(topic, timeout=_LIMIT_S).topics[topic].partitions))
    ends = clients.ends(state, topic, partitions, committed=True)
    until, count = time.monotonic() + _LIMIT_S, 0
    while not _arrived(consumer, ends):
        record = consumer.poll(0.1)
        if record is not None and record.error() is None:
            count += 1
        if time.monotonic() > until:
            raise OperationFailed("group_stands_still", f"The group did not reach the end of {topic} in {_LIMIT_S} s.")
    if count:
        consumer.commit(asynchronous=False)
    return count


def _arrived(consumer: Any, ends: dict[int, int]) -> bool:
    """Whether every partition is assigned and its position (or committed offset, before a first record) is the end."""
    assigned = consumer.assignment()
    if len(assigned) < len(ends):
        return False
    positions = {one.partition: one.offset for one in consumer.position(assigned)}
    before = {one.partition: one.offset for one in consumer.committed(assigned, timeout=_LIMIT_S)}
    return all(max(positions[one], before[one]) >= end for one, end in ends.items())
