"""Brokers, topics, offsets, groups and records against a real broker; and every bad day of reaching one."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fixtures.lab import wait_until

from eosctl.adapters.gateways import LiveGateways
from eosctl.core.errors import EosctlError, OperationFailed, Unreachable, UsageError
from eosctl.core.progress import NeverStop, Silent
from eosctl.domain.kafka import TopicPartition
from eosctl.lab import clients
from eosctl.lab.state import LabState

TIMEOUT_MS = 10_000


@contextmanager
def gateways_of(state: LabState, *, timeout_ms: int = TIMEOUT_MS, **changes: str) -> Iterator[LiveGateways]:
    """All gateways for a lab, some of its properties changed."""
    kafka = {"bootstrap.servers": state.bootstrap_servers, **state.security}
    kafka |= {key.replace("_", "."): value for key, value in changes.items()}
    live = LiveGateways(
        kafka={key: value for key, value in kafka.items() if value},
        dsn=state.dsn, profile={}, timeout_ms=timeout_ms, progress=Silent(), stop=NeverStop(),
    )  # fmt: skip
    try:
        yield live
    finally:
        live.close()


@pytest.fixture
def live(lab: LabState) -> Iterator[LiveGateways]:
    with gateways_of(lab) as gateways:
        yield gateways


def failure(ask: Callable[[], object]) -> EosctlError:
    """What `ask` raises; each test's own time limit holds for never hanging."""
    with pytest.raises(EosctlError) as caught:
        ask()
    return caught.value


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# --- the cluster ---------------------------------------------------------------------------------------------------


def test_the_cluster_names_itself_its_brokers_and_topics(lab: LabState, topic: str, live: LiveGateways) -> None:
    assert live.target(("kafka",)) == {"kafka_cluster_id": lab.cluster_id}
    assert [f"{one.host}:{one.port}" for one in live.cluster.brokers()] == [lab.bootstrap_servers]
    assert live.cluster.controller_id() == live.cluster.brokers()[0].node_id
    (found,) = live.cluster.topics([topic])
    assert [one.partition for one in found.partitions] == [TopicPartition(topic, number) for number in range(3)]
    assert all(one.leader == 1 and one.in_sync == (1,) for one in found.partitions)
    assert topic in {one.name for one in live.cluster.topics()}
    assert not any(one.internal for one in live.cluster.topics(include_internal=False))


def test_an_unknown_topic_is_named_with_its_neighbours_and_not_created(topic: str, live: LiveGateways) -> None:
    error = failure(lambda: live.cluster.topics([topic[:-1] + "_"]))
    assert (error.code, type(error)) == ("unknown_topic", UsageError)
    assert topic in error.hint
    assert topic[:-1] + "_" not in {one.name for one in live.cluster.topics()}


def test_log_offsets_tell_what_read_committed_may_see(lab: LabState, topic: str, live: LiveGateways) -> None:
    every = [TopicPartition(topic, number) for number in range(3)]
    producer = clients.transactional_producer(lab, f"open-{topic}", 60_000)
    producer.begin_transaction()
    for _ in range(4):
        producer.produce(topic, value=b"v", partition=1)
    producer.flush(10)
    offsets = live.cluster.log_offsets(every)
    assert {(one.log_start, one.last_stable, one.high_watermark) for one in offsets.values()} == {(0, 0, 0), (0, 0, 4)}
    producer.abort_transaction(10)
    wait_until(lambda: live.cluster.log_offsets(every)[every[1]].last_stable == 5)
    assert live.cluster.delete_records({every[1]: 3}) == {every[1]: 3}
    assert live.cluster.log_offsets(every)[every[1]].log_start == 3
    assert live.cluster.log_offsets([]) == {}


def test_offsets_for_times(lab: LabState, topic: str, live: LiveGateways) -> None:
    from confluent_kafka import Producer

    producer = Producer(clients.librdkafka_settings(lab))
    for number in range(3):
        producer.produce(topic, value=b"v", partition=0, timestamp=1_000_000 + number * 1_000)
    assert producer.flush(10) == 0
    one = TopicPartition(topic, 0)
    assert live.cluster.offsets_for_times([one], 1_001_000) == {one: 1}
    assert live.cluster.offsets_for_times([one], 1_001_001) == {one: 2}
    assert live.cluster.offsets_for_times([one], 9_000_000) == {one: None}


def test_configurations_of_topics_and_brokers(make_topic: Callable[..., str], live: LiveGateways) -> None:
    name = make_topic(partitions=1, retention_ms="12345")
    configs = live.cluster.topic_configs([name])[name]
    assert (configs["retention.ms"].value, configs["retention.ms"].is_default) == ("12345", False)
    assert configs["cleanup.policy"].is_default
    (broker,) = live.cluster.broker_configs([1]).items
    assert broker[1]["transaction.partition.verification.enable"].value == "false"


def test_a_topic_is_created_once(topic: str, live: LiveGateways) -> None:
    live.cluster.create_topic(topic, partitions=1)
    assert len(live.cluster.topics([topic])[0].partitions) == 3


# --- bad days ------------------------------------------------------------------------------------------------------


def both_clients(live: LiveGateways) -> list[Callable[[], object]]:
    """One question by kafka-python, one by librdkafka."""
    return [live.cluster.brokers, lambda: live.cluster.broker_configs([1])]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("client", [0, 1])
def test_a_closed_port_is_unreachable_without_waiting_for_the_time_limit(lab: LabState, client: int) -> None:
    with gateways_of(lab, bootstrap_servers=f"127.0.0.1:{closed_port()}", timeout_ms=600_000) as live:
        error = failure(both_clients(live)[client])
    assert (error.code, type(error)) == ("kafka_unreachable", Unreachable)
    assert "127.0.0.1:" in error.message
    assert "Connection refused" in error.why


@pytest.mark.parametrize("client", [0, 1])
def test_a_port_that_does_not_speak_kafka_is_unreachable(lab: LabState, client: int) -> None:
    port = lab.dsn.rpartition(":")[2].partition("/")[0]
    with gateways_of(lab, bootstrap_servers=f"127.0.0.1:{port}", timeout_ms=3_000) as live:
        error = failure(both_clients(live)[client])
    assert isinstance(error, Unreachable)
    assert error.code in ("kafka_unreachable", "kafka_timeout")


@pytest.mark.parametrize("client", [0, 1])
def test_a_port_that_never_answers_times_out(lab: LabState, client: int) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        servers = f"127.0.0.1:{silent.getsockname()[1]}"
        with gateways_of(lab, bootstrap_servers=servers, timeout_ms=1_500) as live:
            error = failure(both_clients(live)[client])
    assert (error.code, type(error)) == ("kafka_timeout", Unreachable)


@pytest.mark.parametrize("client", [0, 1])
def test_a_wrong_password_is_told_as_such(secure_lab: LabState, client: int) -> None:
    with gateways_of(secure_lab, sasl_password="wrong") as live:
        error = failure(both_clients(live)[client])
    assert (error.code, type(error)) == ("kafka_sasl_refused", Unreachable)
    assert "wrong" not in error.why


@pytest.mark.parametrize("client", [0, 1])
def test_tls_to_a_plaintext_port_is_told_as_such(lab: LabState, client: int) -> None:
    with gateways_of(lab, security_protocol="SSL", timeout_ms=2_000) as live:
        error = failure(both_clients(live)[client])
    assert (error.code, type(error)) == ("kafka_tls_refused", Unreachable)


@pytest.mark.parametrize("client", [0, 1])
def test_plaintext_to_a_tls_port_is_unreachable(secure_lab: LabState, client: int) -> None:
    with gateways_of(secure_lab, security_protocol="PLAINTEXT", timeout_ms=2_000) as live:
        error = failure(both_clients(live)[client])
    assert isinstance(error, Unreachable)
    assert error.code in ("kafka_tls_refused", "kafka_unreachable")


@pytest.mark.parametrize("client", [0, 1])
def test_an_authority_that_nobody_trusts_is_a_tls_refusal(secure_lab: LabState, client: int) -> None:
    with gateways_of(secure_lab, ssl_ca_location="", timeout_ms=4_000) as live:
        error = failure(both_clients(live)[client])
    assert error.code == "kafka_tls_refused"


def test_a_secure_broker_serves_both_clients_by_password_and_by_certificate(secure_lab: LabState) -> None:
    from eosctl.adapters.connection import properties_file

    certificate = properties_file(secure_lab.path("security", "certificate.properties"))
    for changes in ({}, {**certificate, "sasl.mechanism": "", "sasl.username": "", "sasl.password": ""}):
        with gateways_of(secure_lab, **changes) as live:
            assert live.cluster.cluster_id() == secure_lab.cluster_id
            assert live.cluster.broker_configs([1]).items
            assert not live.transactions.list_transactions().failures


def test_a_missing_acl_names_api_and_resource(secure_lab: LabState) -> None:
    from eosctl.adapters.connection import properties_file

    with gateways_of(secure_lab) as live:
        live.cluster.create_topic("guarded", partitions=1)
        wait_until(lambda: "guarded" in {one.name for one in live.cluster.topics()})
    with gateways_of(secure_lab, **properties_file(secure_lab.path("security", "limited.properties"))) as live:
        failed = live.cluster.broker_configs([1])
        assert not failed.items
        assert [one.code for one in failed.failures] == ["acl_missing"]
        error = failure(lambda: live.groups.commit("nobody's", {}))
        assert isinstance(error, OperationFailed)
        assert error.code == "acl_missing"
        error = failure(lambda: live.transactions.describe_producers([TopicPartition("guarded", 0)]))
        assert error.code in ("acl_missing", "unknown_topic")


# --- a broker down of three ----------------------------------------------------------------------------------------


def test_a_broker_that_stands_still_of_three_is_a_partial_answer(three_brokers: LabState) -> None:
    import psutil

    process = three_brokers.process("broker-3")
    assert process is not None
    with gateways_of(three_brokers, timeout_ms=3_000) as live:
        assert len(live.cluster.brokers()) == 3
        assert not live.transactions.list_transactions().failures
        psutil.Process(process.pid).suspend()
        try:
            # the signal is sent, and its threads may still answer for a moment
            failures = wait_until(lambda: live.transactions.list_transactions().failures)
            assert [("broker 3" in one.message) for one in failures] == [True]
            assert live.groups.groups().failures
        finally:
            psutil.Process(process.pid).resume()
        wait_until(lambda: not live.transactions.list_transactions().failures)
