"""A replay with ledger and window beside the bare transactional loop, and counting beside the bare consume loop."""

import os
import subprocess
import sys
import time
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from fixtures.dead_letters import DeadLetters, result_of, spring
from fixtures.lab import LIMIT_S

from eosctl.lab import clients

_RECORDS = 500_000
_VALUE = b"x" * 300


def _fill(one: DeadLetters) -> None:
    settings = {**clients.librdkafka_settings(one.lab), "linger.ms": 20, "queue.buffering.max.messages": 500_000}
    producer = Producer(settings)
    for number in range(_RECORDS):
        headers = spring(one.topic, number % 3, number)
        while True:
            try:
                producer.produce(one.dead, _VALUE, b"key-%d" % (number % 5_000), number % 3, headers=headers)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(120) == 0


def _reader(one: DeadLetters, group: str) -> Any:
    consumer = Consumer({**clients.librdkafka_settings(one.lab), "group.id": group, "enable.auto.commit": False,
                         "isolation.level": "read_committed", "queued.min.messages": 200_000})  # fmt: skip
    consumer.assign([TopicPartition(one.dead, partition, 0) for partition in range(3)])
    return consumer


def _bare_consume_s(one: DeadLetters) -> float:
    consumer, began, done = _reader(one, "bare-consume"), time.monotonic(), 0
    while done < _RECORDS:
        for message in consumer.consume(10_000, LIMIT_S):
            message.headers()
            done += 1
    consumer.close()
    return time.monotonic() - began


def _bare_transactions_s(one: DeadLetters, target: str) -> float:
    producer = Producer({**clients.librdkafka_settings(one.lab), "transactional.id": target, "linger.ms": 5,
                         "partitioner": "murmur2_random", "delivery.report.only.error": True})  # fmt: skip
    producer.init_transactions(LIMIT_S)
    consumer, began, done = _reader(one, target), time.monotonic(), 0
    while done < _RECORDS:
        messages = consumer.consume(10_000, LIMIT_S)
        producer.begin_transaction()
        positions: dict[int, int] = {}
        for message in messages:
            while True:
                try:
                    producer.produce(target, message.value(), message.key(), headers=message.headers())
                    break
                except BufferError:
                    producer.poll(0.05)
            positions[message.partition()] = message.offset() + 1
        offsets = [TopicPartition(one.dead, partition, offset) for partition, offset in positions.items()]
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), LIMIT_S)
        producer.commit_transaction(LIMIT_S)
        done += len(messages)
    consumer.close()
    return time.monotonic() - began


def test_a_replay_keeps_two_thirds_of_the_bare_loops_rate(dead_letters: DeadLetters, make_topic: Any) -> None:
    """Process start is part of the replay's time. The bare loop runs before and after it: a machine's load moves."""
    _fill(dead_letters)
    before = _bare_transactions_s(dead_letters, make_topic())
    began = time.monotonic()
    result = result_of(dead_letters.replay("--no-scan"))
    replay = time.monotonic() - began
    bare = (before + _bare_transactions_s(dead_letters, make_topic())) / 2
    consume = _bare_consume_s(dead_letters)
    began = time.monotonic()
    assert dead_letters.data("inspect", dead_letters.dead, "--group-by", "cause")[0]["records"] == _RECORDS
    inspect = time.monotonic() - began
    print(f"records/s: replay {_RECORDS / replay:,.0f}, bare transactional loop {_RECORDS / bare:,.0f}; "
          f"inspect --group-by cause {_RECORDS / inspect:,.0f}, bare consume {_RECORDS / consume:,.0f}")  # fmt: skip
    assert result["replayed"] == _RECORDS
    assert bare / replay >= 0.65
    assert consume / inspect >= 0.5


_MEASURED = """
import atexit, sys

def tell():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            print("HWM", line.split()[1], file=sys.stderr)

atexit.register(tell)
from eosctl.cli.main import main
sys.argv = ["eosctl", *sys.argv[1:]]
sys.exit(main())
"""


def _peak_mb(one: DeadLetters, *words: str) -> int:
    """The most memory that the whole process of a replay had resident (VmHWM: nothing of its parent's)."""
    command = [sys.executable, "-c", _MEASURED, "dlq", "replay", one.dead, "--yes", "-o", "json", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=900, env=one.env())
    return int(done.stderr.split("HWM ")[1].split()[0]) // 1_024


def _fill_ledger(one: DeadLetters, identities: int) -> None:
    """Identities of an earlier run, packed as a replay packs them."""
    producer = Producer({**clients.librdkafka_settings(one.lab), "queue.buffering.max.kbytes": 65_536})
    for _ in range(identities // 40_000):
        while True:
            try:
                producer.produce(f"{one.dead}.replayed", os.urandom(640_000), b"earlier-run", 0)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(300) == 0


def test_a_replay_fits_into_its_memory_with_and_without_a_full_ledger(dead_letters: DeadLetters) -> None:
    """10,000,000 identities within the window; then none."""
    _fill(dead_letters)
    dead_letters.replay("--limit", "1", "--no-scan")
    bare = _peak_mb(dead_letters, "--dedup-window", "0s", "--no-scan", "--job", "without-a-window")
    _fill_ledger(dead_letters, 10_000_000)
    full = _peak_mb(dead_letters, "--no-scan", "--job", "with-a-window")
    print(f"the whole process: {full} MB with 10,000,000 identities in the window, {bare} MB without")
    assert bare < 150
    assert full < 250
