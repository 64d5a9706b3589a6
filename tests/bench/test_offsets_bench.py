"""`offsets` beside Kafka's own ConsumerGroupCommand, each pair in one run: 200 groups, 2,000 partitions, one broker."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import NewTopic
from fixtures.lab import LIMIT_S, wait_until
from fixtures.measuring import kafka_tool

from eosctl.lab import clients
from eosctl.lab.state import LabState

TOOL = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
_TOPICS, _PARTITIONS, _GROUPS, _RUNS = 20, 100, 200, 3


class Many:
    """2,000 partitions with two records each; 200 groups with ten of them, and one group with all."""

    def __init__(self, lab: LabState) -> None:
        self.lab = lab
        self.word = uuid.uuid4().hex[:8]
        self.topics = [f"bench-{self.word}-{number}" for number in range(_TOPICS)]
        self.places = [(topic, one) for topic in self.topics for one in range(_PARTITIONS)]
        self.all = f"bench-{self.word}-all"
        self.admin = clients.librdkafka_admin(lab)
        for made in self.admin.create_topics([NewTopic(one, _PARTITIONS, 1) for one in self.topics]).values():
            made.result(60)
        producer = Producer({"bootstrap.servers": lab.bootstrap_servers, "linger.ms": 50})
        now_ms = int(time.time() * 1_000)
        for topic, partition in self.places:
            for timestamp in (now_ms - 7_200_000, now_ms - 60_000):
                producer.produce(topic, b"value", partition=partition, timestamp=timestamp)
            producer.poll(0)
        assert producer.flush(180) == 0
        share = len(self.places) // _GROUPS
        for number in range(_GROUPS):
            self.commit(f"bench-{self.word}-{number}", self.places[number * share : (number + 1) * share])
        self.commit(self.all, self.places)

    def commit(self, group: str, places: list[tuple[str, int]]) -> None:
        """At the end of each."""
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(*place, 2) for place in places])

        def committed() -> bool:
            answer = next(iter(self.admin.alter_consumer_group_offsets([asked]).values())).result(LIMIT_S)
            return all(one.error is None for one in answer.topic_partitions)

        wait_until(committed)

    def eosctl(self, *words: str) -> tuple[float, int, int]:
        """Seconds from start to end of the process, its peak memory in KiB, lines of its output.

        It runs from compiled modules, as pip leaves them on a user's machine; the first round compiles them.
        """
        command = [sys.executable, "-m", "eosctl", *words, "--bootstrap-server", self.lab.bootstrap_servers]
        compiled = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=compiled)
        assert process.stdout is not None
        lines = process.stdout.read().count("\n")
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return time.monotonic() - began, usage.ru_maxrss, lines

    def kafkas(self, *words: str) -> float:
        """Seconds of Kafka's tool, its virtual machine's start among them, as that of Python is among ours."""
        began = time.monotonic()
        done = subprocess.run(kafka_tool(self.lab, TOOL, *words), capture_output=True, text=True, check=True)
        assert self.topics[-1] in done.stdout
        return time.monotonic() - began


@pytest.fixture
def many(lab: LabState) -> Iterator[Many]:
    """Topics and groups, deleted afterwards."""
    made = Many(lab)
    yield made
    for deleted in made.admin.delete_topics(made.topics).values():
        deleted.result(60)


def side_by_side(
    ours: Callable[[], tuple[float, int, int]], theirs: Callable[[], float]
) -> tuple[float, float, int, int]:
    """The best of three each, in turns; the largest memory; the lines of our last answer."""
    our, their, memory, lines = [], [], [], 0
    for _ in range(_RUNS):
        seconds, kib, lines = ours()
        our.append(seconds)
        memory.append(kib)
        their.append(theirs())
    return min(our), min(their), max(memory), lines


def test_show_and_reset_are_faster_than_kafkas_tool(many: Many) -> None:
    show, describe, show_kib, lines = side_by_side(
        lambda: many.eosctl("offsets", "show", f"bench-{many.word}-*", "-o", "csv"),
        lambda: many.kafkas("--describe", "--all-groups"),
    )
    assert lines == 1 + 2 * _TOPICS * _PARTITIONS
    # moved forth and back, so that each run really moves 2,000 offsets; the time lies between the two records
    reset, kafka_reset, reset_kib, _ = side_by_side(
        lambda: many.eosctl("offsets", "reset", many.all, "--all-topics", "--by-duration", "1h", "--yes"),
        lambda: _kafkas_reset(many),
    )
    print(f"show: {show:.2f} s, Kafka's tool {describe:.2f} s ({describe / show:.1f}x), {show_kib // 1024} MiB; "
          f"reset: {reset:.2f} s, Kafka's tool {kafka_reset:.2f} s ({kafka_reset / reset:.1f}x), "
          f"{reset_kib // 1024} MiB")  # fmt: skip
    assert max(show_kib, reset_kib) < 150 * 1024
    assert describe >= 3 * show
    assert kafka_reset >= 2 * reset


def _kafkas_reset(many: Many) -> float:
    many.commit(many.all, many.places)
    seconds = many.kafkas("--group", many.all, "--reset-offsets", "--all-topics", "--by-duration", "PT1H", "--execute")
    many.commit(many.all, many.places)
    return seconds
