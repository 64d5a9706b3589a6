"""KIP-664 against a real broker: what coordinators and leaders say, abort markers, fencing, and what is refused."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fixtures.lab import wait_until

from eosctl.adapters.connection import KafkaConnection
from eosctl.adapters.kafka_cluster import KafkaCluster
from eosctl.adapters.kafka_python import KafkaPythonAdmin
from eosctl.adapters.kafka_transactions import KafkaTransactions
from eosctl.adapters.librdkafka import ConfluentAdmin
from eosctl.core.errors import OperationFailed, UsageError, WorldChanged
from eosctl.domain.kafka import (
    AbortMarker,
    ActiveProducer,
    CoordinatorEpoch,
    ProducerEpoch,
    ProducerId,
    TopicPartition,
    TransactionState,
)
from eosctl.domain.lab import Incident
from eosctl.lab import clients
from eosctl.lab.state import LabState

TIMEOUT_MS = 10_000
STRANGE = ("with spaces", "regex .*[x](y)|z", "ünïcödé", "quote'\"$")
Inject = Callable[..., Incident]


@contextmanager
def admin_of(state: LabState, **changes: str) -> Iterator[KafkaPythonAdmin]:
    """Our admin client for a lab."""
    connection = KafkaConnection.of({"bootstrap.servers": state.bootstrap_servers, **state.security, **changes})
    admin = KafkaPythonAdmin(connection, timeout_ms=TIMEOUT_MS)
    try:
        yield admin
    finally:
        admin.close()


@pytest.fixture
def admin(lab: LabState) -> Iterator[KafkaPythonAdmin]:
    with admin_of(lab) as one:
        yield one


@pytest.fixture
def gateway(admin: KafkaPythonAdmin) -> KafkaTransactions:
    return KafkaTransactions(admin)


@pytest.fixture
def cluster(admin: KafkaPythonAdmin) -> KafkaCluster:
    return KafkaCluster(admin, ConfluentAdmin(admin.connection, timeout_ms=TIMEOUT_MS))


def fresh_id(word: str = "tx") -> str:
    return f"{word}-{uuid.uuid4().hex[:8]}"


def producer_on(gateway: KafkaTransactions, partition: TopicPartition, producer_id: int) -> ActiveProducer:
    found = [one for one in gateway.describe_producers([partition]).items if one.producer_id == producer_id]
    assert len(found) == 1
    return found[0]


# --- list and describe ---------------------------------------------------------------------------------------------


def test_an_open_transaction_is_listed_described_and_seen_on_its_partition(
    lab: LabState, topic: str, gateway: KafkaTransactions
) -> None:
    transactional_id, partition = fresh_id(), TopicPartition(topic, 1)
    producer = clients.transactional_producer(lab, transactional_id, 30_000)
    producer.begin_transaction()
    producer.produce(topic, value=b"v", partition=1)
    producer.flush(10)

    listed = {one.transactional_id: one for one in gateway.list_transactions().items}[transactional_id]
    assert listed.state is TransactionState.ONGOING
    (described,) = gateway.describe_transactions([transactional_id]).items
    assert (described.producer_id, described.coordinator_id) == (listed.producer_id, listed.coordinator_id)
    assert (described.timeout_ms, described.partitions) == (30_000, (partition,))
    assert described.started_at_ms is not None
    seen = producer_on(gateway, partition, listed.producer_id)
    assert (seen.producer_epoch, seen.last_sequence, seen.transaction_start_offset) == (described.producer_epoch, 0, 0)
    assert seen.coordinator_epoch == -1

    producer.commit_transaction(10)
    wait_until(lambda: producer_on(gateway, partition, listed.producer_id).transaction_start_offset is None)
    (described,) = gateway.describe_transactions([transactional_id]).items
    assert described.started_at_ms is None


def test_the_broker_filters_by_state_producer_and_age(lab: LabState, topic: str, gateway: KafkaTransactions) -> None:
    transactional_id = fresh_id()
    producer = clients.transactional_producer(lab, transactional_id, 30_000)
    (idle,) = gateway.list_transactions(id_pattern=transactional_id).items
    producer.begin_transaction()
    producer.produce(topic, value=b"v")
    producer.flush(10)
    ongoing = gateway.list_transactions(states=[TransactionState.ONGOING], producer_ids=[idle.producer_id]).items
    assert [one.transactional_id for one in ongoing] == [transactional_id]
    assert not gateway.list_transactions(states=[TransactionState.EMPTY], producer_ids=[idle.producer_id]).items
    assert not gateway.list_transactions(producer_ids=[idle.producer_id], older_than_ms=3_600_000).items
    producer.abort_transaction(10)


def test_patterns_mean_what_python_says_whoever_matches_them(gateway: KafkaTransactions) -> None:
    word = uuid.uuid4().hex[:8]
    ids = {f"{word}-{one}" for one in (*STRANGE, "a1", "b1")}
    for one in ids:
        gateway.fence(one, timeout_ms=60_000)

    def matching(pattern: str) -> set[str]:
        return {one.transactional_id for one in gateway.list_transactions(id_pattern=pattern).items}

    assert matching(word) == ids
    assert matching(f"^{word}-(a|b)1$") == {f"{word}-a1", f"{word}-b1"}
    assert matching(f"^nothing|{word}-a1$") == {f"{word}-a1"}
    assert matching(rf"{word}-regex \.\*\[x\]") == {f"{word}-regex .*[x](y)|z"}
    assert matching(rf"{word}-(?=a)") == {f"{word}-a1"}
    assert matching(f"{word}-a{{1,1}}1") == {f"{word}-a1"}
    assert matching(f"({word}){{1,2000}}-a") == {f"{word}-a1"}, "RE2J refuses such a count; it is matched here"


def test_strange_ids_are_described_and_unknown_ones_left_out(gateway: KafkaTransactions) -> None:
    ids = [fresh_id(one) for one in STRANGE]
    for one in ids:
        gateway.fence(one, timeout_ms=60_000)
    answer = gateway.describe_transactions([*ids, fresh_id("never-seen"), fresh_id("never .*[ seen")])
    assert {one.transactional_id for one in answer.items} == set(ids)
    assert not answer.failures
    assert gateway.describe_transactions([fresh_id("never")]).items == ()


def test_many_ids_and_partitions_go_at_once(make_topic: Callable[..., str], gateway: KafkaTransactions) -> None:
    name = make_topic(partitions=60)
    assert gateway.describe_producers([TopicPartition(name, number) for number in range(60)]).items == ()
    assert gateway.describe_transactions([f"nobody-{number}" for number in range(6_000)]).items == ()


def test_unknown_topics_and_partitions_are_named(topic: str, gateway: KafkaTransactions) -> None:
    with pytest.raises(UsageError) as caught:
        gateway.describe_producers([TopicPartition(topic[:-1] + "_", 0)])
    assert caught.value.code == "unknown_topic"
    assert topic in caught.value.hint
    with pytest.raises(UsageError, match="There is no partition") as caught:
        gateway.describe_producers([TopicPartition(topic, 3)])
    assert "3 partitions" in caught.value.why


# --- abort markers -------------------------------------------------------------------------------------------------


def test_an_abort_marker_ends_a_real_hang(inject: Inject, gateway: KafkaTransactions, cluster: KafkaCluster) -> None:
    facts = inject("hanging-transaction").facts
    partition = TopicPartition(facts["topic"], int(facts["partition"]))
    hanging = producer_on(gateway, partition, int(facts["producer_id"]))
    assert hanging.transaction_start_offset == int(facts["start_offset"])
    (described,) = gateway.describe_transactions([facts["transactional_id"]]).items
    assert described.partitions == ()
    before = cluster.log_offsets([partition])[partition]
    assert before.last_stable == int(facts["start_offset"]) < before.high_watermark

    gateway.write_abort_marker(
        AbortMarker(partition, hanging.producer_id, hanging.producer_epoch, hanging.coordinator_epoch)
    )

    assert producer_on(gateway, partition, hanging.producer_id).transaction_start_offset is None
    after = cluster.log_offsets([partition])[partition]
    assert after.last_stable == after.high_watermark == before.high_watermark + 1


def test_an_older_coordinator_or_producer_epoch_is_refused(inject: Inject, gateway: KafkaTransactions) -> None:
    facts = inject("hanging-transaction").facts
    partition = TopicPartition(facts["topic"], int(facts["partition"]))
    seen = producer_on(gateway, partition, int(facts["producer_id"]))
    newer = AbortMarker(partition, seen.producer_id, seen.producer_epoch, CoordinatorEpoch(seen.coordinator_epoch + 5))
    gateway.write_abort_marker(newer)
    with pytest.raises(WorldChanged) as caught:
        gateway.write_abort_marker(
            AbortMarker(partition, seen.producer_id, seen.producer_epoch, seen.coordinator_epoch)
        )
    assert caught.value.code == "coordinator_fenced"
    with pytest.raises(WorldChanged) as caught:
        gateway.write_abort_marker(
            AbortMarker(partition, seen.producer_id, ProducerEpoch(seen.producer_epoch - 1), newer.coordinator_epoch)
        )
    assert caught.value.code == "producer_moved"


def test_a_marker_for_an_unknown_topic_is_a_usage_error(gateway: KafkaTransactions) -> None:
    marker = AbortMarker(TopicPartition("nobody", 0), ProducerId(1), ProducerEpoch(0), CoordinatorEpoch(0))
    with pytest.raises(UsageError) as caught:
        gateway.write_abort_marker(marker)
    assert caught.value.code == "unknown_topic"


# --- fencing -------------------------------------------------------------------------------------------------------


def test_fencing_aborts_what_is_open_and_the_old_producer_is_refused(
    lab: LabState, topic: str, gateway: KafkaTransactions
) -> None:
    from confluent_kafka import KafkaException

    transactional_id = fresh_id()
    producer = clients.transactional_producer(lab, transactional_id, 45_000)
    producer.begin_transaction()
    producer.produce(topic, value=b"v", partition=0)
    producer.flush(10)
    (before,) = gateway.describe_transactions([transactional_id]).items

    fenced = gateway.fence(transactional_id, timeout_ms=before.timeout_ms)

    assert fenced.producer_id == before.producer_id
    assert fenced.producer_epoch > before.producer_epoch
    (after,) = gateway.describe_transactions([transactional_id]).items
    assert (after.producer_epoch, after.partitions, after.timeout_ms) == (fenced.producer_epoch, (), 45_000)
    assert producer_on(gateway, TopicPartition(topic, 0), before.producer_id).transaction_start_offset is None
    with pytest.raises(KafkaException) as caught:
        producer.commit_transaction(10)
    assert caught.value.args[0].fatal()


def test_a_transaction_timeout_above_the_brokers_limit_is_refused(gateway: KafkaTransactions) -> None:
    with pytest.raises(OperationFailed) as caught:
        gateway.fence(fresh_id(), timeout_ms=10_000_000)
    assert caught.value.code == "bad_transaction_timeout"


# --- brokers that are too old, down, or say no ----------------------------------------------------------------------


def test_a_broker_too_old_says_since_when(lab: LabState) -> None:
    connection = KafkaConnection.of({"bootstrap.servers": lab.bootstrap_servers})
    admin = KafkaPythonAdmin(connection, timeout_ms=TIMEOUT_MS, api_version=(2, 7))
    gateway = KafkaTransactions(admin)
    assert list(gateway.unsupported()) == ["ListTransactions", "DescribeTransactions", "DescribeProducers"]
    with pytest.raises(OperationFailed) as caught:
        gateway.list_transactions()
    assert caught.value.code == "api_unsupported"
    assert "3.0 (KIP-664)" in caught.value.why
    admin.close()


def test_a_missing_acl_is_named_with_its_resource(secure_lab: LabState) -> None:
    limited = {"sasl.username": "limited", "sasl.password": _password(secure_lab, "limited")}
    with admin_of(secure_lab, **limited) as admin:
        gateway = KafkaTransactions(admin)
        assert gateway.list_transactions().items == (), "the broker lists what this user may describe"
        with pytest.raises(OperationFailed) as caught:
            gateway.describe_transactions(["somebody's"])
        assert caught.value.code == "acl_missing"
        assert '"somebody\'s"' in caught.value.message
        with pytest.raises(OperationFailed, match="InitProducerId is not allowed on TransactionalId 'x y'") as caught:
            gateway.fence("x y", timeout_ms=60_000)
        assert "on the TransactionalId" in caught.value.why


def _password(state: LabState, user: str) -> str:
    from eosctl.adapters.connection import properties_file

    return properties_file(state.path("security", f"{user}.properties"))["sasl.password"]
