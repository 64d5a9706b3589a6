"""`txn list` and `txn hanging` beside Kafka's own TransactionsCommand, `--help` beside its libraries: in turns.

Kafka's tool runs on the lab's Java with the options that `kafka-transactions.sh` gives it, without the script's own
time. Each command is a process of its own; its time is from start to end, its memory the peak that the kernel saw.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from fixtures.lab import wait_until
from fixtures.measuring import in_turns, kafka_tool

from eosctl.adapters.connection import KafkaConnection
from eosctl.adapters.kafka_python import KafkaPythonAdmin
from eosctl.domain.lab import LabWish
from eosctl.lab import clients, engine
from eosctl.lab.state import LabState

TOPICS, PARTITIONS_EACH = 100, 100
IDS, IDS_AT_ONCE = 20_000, 1_000
OPEN_PRODUCERS, OPEN_EACH = 20, 50
MEMORY_LIMIT_KIB = 150 * 1024
EOSCTL = str(Path(sys.executable).with_name("eosctl"))


@pytest.fixture(scope="module")
def small_lab(home: None) -> Iterator[LabState]:
    """A lab of this file's own, with a few transactional ids."""
    state, _ = engine.up("bench", LabWish())
    try:
        admin = KafkaPythonAdmin(KafkaConnection.of(clients.librdkafka_settings(state)), timeout_ms=60_000)
        _make_ids(admin, [f"small-{number:03}" for number in range(100)])
        admin.close()
        yield state
    finally:
        engine.down("bench", purge=True)


@pytest.fixture(scope="module")
def large_lab(small_lab: LabState) -> Iterator[LabState]:
    """The same with 10,000 partitions, 20,000 transactional ids, and 1,000 partitions in open transactions."""
    admin = KafkaPythonAdmin(KafkaConnection.of(clients.librdkafka_settings(small_lab)), timeout_ms=60_000)
    _make_topics(small_lab)
    _make_ids(admin, [f"large-{number:05}" for number in range(IDS)])
    admin.close()
    producers = [_left_open(small_lab, number) for number in range(OPEN_PRODUCERS)]
    yield small_lab
    for one in producers:
        one.abort_transaction(60)


def test_list_is_three_times_as_fast_as_kafkas_own(small_lab: LabState) -> None:
    print("\n100 transactional ids:")
    found = in_turns({"eosctl txn list": _eosctl(small_lab, "txn", "list"),
                      "kafka-transactions.sh list": _kafka(small_lab, "list")})  # fmt: skip
    assert 3 * found["eosctl txn list"].seconds <= found["kafka-transactions.sh list"].seconds


def test_help_takes_less_than_three_times_its_libraries() -> None:
    print("\nHelp:")
    bare = 'python -c "import typer, rich"'
    found = in_turns({"eosctl --help": (EOSCTL, "--help"), bare: (sys.executable, "-c", "import typer, rich")})
    assert found["eosctl --help"].seconds < 3 * found[bare].seconds


def test_hanging_is_twice_as_fast_as_kafkas_own_on_10_000_partitions_and_20_000_ids(large_lab: LabState) -> None:
    print("\n10,000 partitions, 20,000 transactional ids, 1,000 partitions in open transactions:")
    broker = ("find-hanging", "--broker-id", "1")
    found = in_turns({"eosctl txn hanging": _eosctl(large_lab, "txn", "hanging"),
                      "kafka-transactions.sh find-hanging --broker-id": _kafka(large_lab, *broker)})  # fmt: skip
    own = found["kafka-transactions.sh find-hanging --broker-id"]
    assert 2 * found["eosctl txn hanging"].seconds <= own.seconds


def test_memory_stays_under_150_mb_at_that_size(large_lab: LabState) -> None:
    print("\nAt that size; Kafka's list does not describe what it lists:")
    asked = (("txn", "hanging", "--all"), ("txn", "list"), ("txn", "list", "-o", "json"))
    eosctl = {" ".join(("eosctl", *words)): _eosctl(large_lab, *words) for words in asked}
    found = in_turns({**eosctl, "kafka-transactions.sh list": _kafka(large_lab, "list")}, rounds=3)
    assert {name for name in eosctl if found[name].peak_kib > MEMORY_LIMIT_KIB} == set()


def _eosctl(lab: LabState, *words: str) -> tuple[str, ...]:
    return (EOSCTL, *words, "--bootstrap-server", lab.bootstrap_servers, "--timeout", "60s")


def _kafka(lab: LabState, *words: str) -> tuple[str, ...]:
    return kafka_tool(lab, "org.apache.kafka.tools.TransactionsCommand", *words)


def _make_topics(lab: LabState) -> None:
    """In batches, for a controller takes 10,000 partitions at most in one request; then waits for the leaders."""
    from confluent_kafka.admin import NewTopic

    admin = clients.librdkafka_admin(lab)
    names = [f"large-{number:03}" for number in range(TOPICS)]
    for start in range(0, TOPICS, 20):
        made = [NewTopic(name, PARTITIONS_EACH, 1) for name in names[start : start + 20]]
        for future in admin.create_topics(made, operation_timeout=60, request_timeout=60).values():
            future.result(60)

    def led() -> bool:
        topics = admin.list_topics(timeout=60).topics
        return all(
            name in topics and sum(one.leader >= 0 for one in topics[name].partitions.values()) == PARTITIONS_EACH
            for name in names
        )

    wait_until(led, limit_s=120)


def _make_ids(admin: KafkaPythonAdmin, ids: Sequence[str]) -> None:
    """One raw InitProducerId each, a thousand under way at once; a loading coordinator is asked again."""
    from kafka.protocol.producer.transaction import InitProducerIdRequest

    def attempt(left: list[str], last: bool) -> list[str]:
        nodes, missing = admin.coordinators("transaction", left)
        requests = [
            (node, InitProducerIdRequest(transactional_id=name, transaction_timeout_ms=60_000, producer_id=-1,
                                         producer_epoch=-1, min_version=3, max_version=5))
            for name, node in nodes.items()
        ]  # fmt: skip
        answers = zip(nodes, admin.send(requests), strict=True)
        again = [name for name, answer in answers if isinstance(answer, BaseException) or answer.error_code]
        assert not last, f"{len(again)} ids were not made"
        return [*missing, *again]

    for start in range(0, len(ids), IDS_AT_ONCE):
        admin.until_settled(ids[start : start + IDS_AT_ONCE], attempt)


def _left_open(lab: LabState, number: int) -> object:
    """A producer with a transaction open on 50 partitions."""
    producer = clients.transactional_producer(lab, f"open-{number:02}", 900_000)
    producer.begin_transaction()
    for partition in range(OPEN_EACH):
        producer.produce(f"large-{number:03}", b"x", partition=partition)
    assert producer.flush(60) == 0
    return producer
