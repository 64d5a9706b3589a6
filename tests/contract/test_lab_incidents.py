"""Real incidents on a real lab: each is what it says, and no other servers can be broken."""

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from fixtures.lab import LIMIT_S, processes_below, wait_until

from eosctl.core.errors import OperationFailed, Refused, Unreachable, UsageError
from eosctl.domain.lab import Incident, LabWish
from eosctl.lab import clients, engine, incidents
from eosctl.lab.gateway import LocalLab
from eosctl.lab.state import LabState

Inject = Callable[..., Incident]


def test_a_hanging_transaction_is_open_on_its_partition_and_unknown_to_its_coordinator(
    lab: LabState, inject: Inject
) -> None:
    from kafka.structs import TopicPartition

    facts = inject("hanging-transaction", partition="1").facts
    topic, start = facts["topic"], int(facts["start_offset"])
    assert clients.ends(lab, topic, [1], committed=True)[1] == start
    assert clients.ends(lab, topic, [1], committed=False)[1] == start + 1 + int(facts["records_behind"])
    with clients.kip664_admin(lab) as admin:
        described = admin.describe_transactions([facts["transactional_id"]])[facts["transactional_id"]]
        place = TopicPartition(topic, 1)
        producers = admin.describe_producers([place])[place].active_producers
    assert described.state.value == "CompleteCommit"
    open_there = {one.producer_id: one.current_transaction_start_offset for one in producers}
    assert open_there == {int(facts["producer_id"]): start}
    assert described.producer_id == int(facts["producer_id"])


def test_the_group_behind_a_hanging_transaction_reads_nothing(lab: LabState, inject: Inject) -> None:
    from confluent_kafka import Consumer, TopicPartition

    facts = inject("hanging-transaction").facts
    settings = {"group.id": facts["group"], "isolation.level": "read_committed", "enable.auto.commit": False}
    consumer = Consumer({**clients.librdkafka_settings(lab), **settings})
    try:
        position = consumer.committed([TopicPartition(facts["topic"], 0)], LIMIT_S)
        assert position[0].offset == int(facts["start_offset"])
        consumer.assign(position)
        assert consumer.poll(1.0) is None
    finally:
        consumer.close()


def test_nothing_hangs_on_brokers_that_verify(own_name: str) -> None:
    state, _ = engine.up(own_name, LabWish(transaction_version=2))
    with pytest.raises(UsageError) as caught:
        incidents.inject(state, "hanging-transaction", {})
    assert caught.value.code == "hang_impossible"
    with pytest.raises(OperationFailed, match="refused the write"):
        incidents.inject(replace(state, transaction_version=0), "hanging-transaction", {})


def test_a_fenced_zombie_is_refused_its_next_write(lab: LabState, inject: Inject) -> None:
    facts = inject("zombie").facts
    log = Path(facts["log"])
    wait_until(lambda: "wrote" in log.read_text(encoding="utf-8"))
    with clients.kip664_admin(lab) as admin:
        described = admin.describe_transactions([facts["transactional_id"]])[facts["transactional_id"]]
    assert described.state.value == "Ongoing"
    assert {one.topic for one in described.topic_partitions} == {facts["topic"], "__consumer_offsets"}
    clients.transactional_producer(lab, facts["transactional_id"], 60_000)
    wait_until(lambda: "refused" in log.read_text(encoding="utf-8"))
    assert "_FENCED" in log.read_text(encoding="utf-8").splitlines()[-1]


def test_a_zombie_ends_with_its_lab(own_name: str) -> None:
    state, _ = engine.up(own_name, LabWish())
    incident = LocalLab().inject(own_name, "zombie", {})
    assert LocalLab().labs()[0].incidents == ("zombie",)
    with pytest.raises(OperationFailed, match="there already"):
        LocalLab().inject(own_name, "zombie", {})
    _, ended = engine.down(own_name, purge=False)
    assert ended[0] == "zombie"
    assert not psutil.pid_exists(int(incident.facts["pid"]))
    assert not processes_below(Path(state.folder))


@pytest.mark.parametrize("name", ["long-transaction", "crashed-producer"])
def test_an_open_transaction_stops_the_last_stable_offset(lab: LabState, inject: Inject, name: str) -> None:
    facts = inject(name).facts
    with clients.kip664_admin(lab) as admin:
        described = admin.describe_transactions([facts["transactional_id"]])[facts["transactional_id"]]
    assert described.state.value == "Ongoing"
    assert described.transaction_timeout_ms == int(facts["timeout_ms"])
    assert clients.ends(lab, facts["topic"], [0], committed=True) == {0: 0}
    assert clients.ends(lab, facts["topic"], [0], committed=False)[0] > 1


def test_dead_letters_carry_springs_binary_headers(lab: LabState, inject: Inject) -> None:
    from confluent_kafka import Consumer, TopicPartition

    facts = inject("dead-letters", count="30").facts
    ends = clients.ends(lab, facts["dead_letter_topic"], range(3), committed=True)
    assert sum(ends.values()) == 30
    busiest = max(ends, key=lambda one: ends[one])
    consumer = Consumer({**clients.librdkafka_settings(lab), "group.id": "reads-headers", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(facts["dead_letter_topic"], busiest, 0)])
        record = wait_until(lambda: consumer.poll(1.0))
        headers = dict(record.headers())
        origin = TopicPartition(facts["topic"], busiest, int.from_bytes(headers["kafka_dlt-original-offset"], "big"))
        consumer.assign([origin])
        before = wait_until(lambda: consumer.poll(1.0))
    finally:
        consumer.close()
    assert headers["kafka_dlt-original-partition"] == busiest.to_bytes(4, "big")
    assert headers["kafka_dlt-original-consumer-group"] == facts["group"].encode()
    assert headers["kafka_dlt-original-topic"] == facts["topic"].encode()
    assert (before.key(), before.value()) == (record.key(), record.value())


def test_only_a_lab_may_be_broken(lab: LabState, inject: Inject) -> None:
    with pytest.raises(Refused) as caught:
        incidents.inject(replace(lab, cluster_id="another-cluster"), "dead-letters", {})
    assert caught.value.code == "not_a_lab"
    with pytest.raises(Refused, match="not on this machine"):
        incidents.inject(replace(lab, bootstrap_servers="kafka.example.com:9092"), "dead-letters", {})
    with pytest.raises(UsageError, match="no incident 'hanging'"):
        incidents.inject(lab, "hanging", {})
    with pytest.raises(UsageError, match="no option 'topics'"):
        incidents.inject(lab, "dead-letters", {"topics": "orders"})
    with pytest.raises(UsageError, match="not a whole number"):
        incidents.inject(lab, "dead-letters", {"count": "many"})


def test_an_incident_on_a_lab_that_is_gone_is_unreachable(lab: LabState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eosctl.lab.incidents.target._LIMIT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        gone = replace(lab, bootstrap_servers=f"127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises(Unreachable):
            incidents.inject(gone, "dead-letters", {})
