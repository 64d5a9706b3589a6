"""The crash test's proxies before real servers: a lost answer is lost for the program alone, a cut is got over."""

import threading
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from fixtures.lab import LIMIT_S, wait_until

from eosctl.lab import clients
from eosctl.lab.state import LabState
from eosctl.proof.effects import Reader
from eosctl.proof.proxy import Trap
from eosctl.proof.wires import Wires


@pytest.fixture
def wires(lab: LabState, database: str) -> Iterator[Wires]:
    made = Wires({"bootstrap.servers": lab.bootstrap_servers, "log_level": 0}, database)
    yield made
    made.close()


def test_the_answer_of_a_commit_is_lost_and_the_commit_is_not(wires: Wires, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as direct:
        direct.execute("CREATE TABLE paid (id TEXT)")
    for point, rows in (("before-database-commit", 0), ("after-database-commit", 1)):
        trap = Trap(point, 1)
        wires.arm(trap)
        threading.Thread(target=_drop, args=(trap,), daemon=True).start()
        with pytest.raises(psycopg.OperationalError), psycopg.connect(wires.dsn) as connection:  # noqa: PT012
            connection.execute("INSERT INTO paid VALUES ('1')")
            connection.commit()
        with psycopg.connect(database) as direct:
            wait_until(lambda direct=direct, rows=rows: _rows(direct) == rows)
    assert wires.passed() == ("database-commit",)


def _drop(trap: Trap) -> None:
    trap.sprung.wait(LIMIT_S)
    trap.decide(forward=False)


def _rows(connection: "psycopg.Connection[tuple[int]]") -> int:
    found = connection.execute("SELECT count(*) FROM paid").fetchone()
    connection.rollback()
    return found[0] if found else -1


def test_an_offset_is_committed_though_nobody_was_told(wires: Wires, lab: LabState, topic: str) -> None:
    from confluent_kafka import Consumer, TopicPartition

    group = f"g-{uuid.uuid4().hex[:8]}"
    consumer = Consumer({**wires.kafka, "group.id": group, "enable.auto.commit": False})
    reader = Reader(clients.librdkafka_settings(lab), group, topic)
    trap = Trap("after-offset-commit", 1)
    wires.arm(trap)
    try:
        consumer.commit(offsets=[TopicPartition(topic, 0, 5)], asynchronous=True)
        assert trap.sprung.wait(LIMIT_S)
        wait_until(lambda: reader.position() == 5)
        trap.decide(forward=False)
    finally:
        consumer.close()
        reader.close()
        clients.librdkafka_admin(lab)
    assert "offset-commit" in wires.passed()


def test_a_transaction_commits_behind_cut_and_slow_connections(wires: Wires, lab: LabState, topic: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({**wires.kafka, "transactional.id": f"x-{uuid.uuid4().hex[:8]}"})
    producer.init_transactions(LIMIT_S)
    for number in range(2):
        producer.begin_transaction()
        producer.produce(topic, str(number).encode(), partition=0)
        producer.poll(0.05)
        if number:
            wires.slow("kafka", 0.3)
        else:
            assert wires.cut("kafka") > 0
        producer.commit_transaction(60)
    assert clients.ends(lab, topic, [0], committed=True)[0] == clients.ends(lab, topic, [0], committed=False)[0]
    assert {"produce", "transaction-commit"} <= set(wires.passed())


def test_a_client_never_learns_the_way_round_the_proxy(wires: Wires, lab: LabState, topic: str) -> None:
    from confluent_kafka.admin import AdminClient

    admin = AdminClient(wires.kafka)
    brokers = admin.list_topics(topic, timeout=LIMIT_S).brokers.values()
    told = {f"{one.host}:{one.port}" for one in brokers}
    assert told == set(wires.kafka["bootstrap.servers"].split(","))
    assert told.isdisjoint(lab.bootstrap_servers.split(","))
