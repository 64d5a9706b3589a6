"""Verdicts on open transactions: never a false hang however the cluster moves during the scan, never a hang missed."""

from collections.abc import Callable
from typing import Any

import pytest
from fixtures.fake_gateways import FakeGateways
from fixtures.fake_kafka import NOW_MS, FakeKafka
from hypothesis import given, settings
from hypothesis import strategies as st

from eosctl.domain.kafka import (
    ActiveProducer,
    CoordinatorEpoch,
    Offset,
    ProducerEpoch,
    ProducerId,
    TopicPartition,
    TransactionDescription,
    TransactionState,
)
from eosctl.domain.transactions import OPEN_STATES, TWO_PHASE_TIMEOUT_MS, Verdict, holds, is_late
from eosctl.operations.scanning import Scanned, scan

ORDERS = [TopicPartition("orders", number) for number in range(3)]
OFFSETS = TopicPartition("__consumer_offsets", 0)
PLACES = (*ORDERS, OFFSETS)
IDS = ("payments-1", "payments-2", "payments-3")
Key = tuple[TopicPartition, int, int]
Move = Callable[[FakeKafka, str, TopicPartition], Any]
HEALTHY: tuple[Move, ...] = (
    FakeKafka.add,
    FakeKafka.write,
    FakeKafka.write,
    FakeKafka.mark,
    FakeKafka.acknowledge,
    lambda kafka, name, _: kafka.end(name, commit=True),
    lambda kafka, name, _: kafka.end(name, commit=False),
    lambda kafka, name, _: kafka.finish(name),
    lambda kafka, name, _: kafka.init(name),
)
LATE_WRITES: tuple[Move, ...] = (*HEALTHY, FakeKafka.hang)


class Watched:
    """A cluster that makes random moves before every single answer, and remembers every true hang on the way."""

    def __init__(self, kafka: FakeKafka, draw: Any, moves: tuple[Move, ...], actors: tuple[str, ...] = IDS) -> None:
        self.kafka, self.draw, self.moves, self.actors = kafka, draw, moves, actors
        self.gateways = FakeGateways(kafka, self.tick)
        self.always: set[Key] | None = None
        self.ever: set[Key] = set()

    def tick(self) -> None:
        for _ in range(self.draw.randrange(4)):
            self.draw.choice(self.moves)(self.kafka, self.draw.choice(self.actors), self.draw.choice(PLACES))
        now = self.kafka.truly_hanging()
        self.ever |= now
        self.always = now if self.always is None else self.always & now

    def scan(self) -> Scanned:
        self.always = None
        scanned = scan(self.gateways, PLACES)
        self.always = (self.always or set()) & self.kafka.truly_hanging()
        return scanned


def cluster(version: int, brokers: int = 1) -> FakeKafka:
    kafka = FakeKafka(PLACES, transaction_version=version, brokers=brokers)
    for name in IDS:
        kafka.init(name)
    return kafka


def keys(scanned: Scanned, verdict: Verdict) -> set[Key]:
    return {
        (one.producer.partition, one.producer.producer_id, one.producer.transaction_start_offset or 0)
        for one in scanned.transactions
        if one.verdict is verdict
    }


@given(st.randoms(use_true_random=False), st.sampled_from([1, 2]))
@settings(max_examples=400, deadline=None)
def test_healthy_transactions_are_never_called_hanging_however_they_start_and_end(draw: Any, version: int) -> None:
    watched = Watched(cluster(version), draw, HEALTHY)
    for _ in range(5):
        scanned = watched.scan()
        assert watched.ever == set()
        assert {one.verdict for one in scanned.transactions} <= {Verdict.OPEN}


@given(st.randoms(use_true_random=False), st.sampled_from([1, 2]))
@settings(max_examples=400, deadline=None)
def test_what_hangs_all_through_a_scan_is_found_and_nothing_else_is_called_hanging(draw: Any, version: int) -> None:
    watched = Watched(cluster(version), draw, LATE_WRITES)
    for _ in range(20):
        watched.tick()
    for _ in range(3):
        watched.ever = set()
        found = keys(watched.scan(), Verdict.HANGING)
        assert watched.always is not None
        assert watched.always <= found <= watched.ever


@given(st.randoms(use_true_random=False), st.sampled_from([1, 2]), st.sampled_from(["silent", "leaderless"]))
@settings(max_examples=300, deadline=None)
def test_a_coordinator_that_is_away_never_makes_a_healthy_transaction_hang(draw: Any, version: int, away: str) -> None:
    watched = Watched(cluster(version, brokers=3), draw, HEALTHY)
    for _ in range(10):
        watched.tick()
    getattr(watched.kafka, f"{away}_coordinators").add(draw.randrange(1, 4))
    assert keys(watched.scan(), Verdict.HANGING) == set()


@pytest.mark.parametrize("away", ["silent", "leaderless"])
def test_what_a_missing_coordinator_may_hold_is_unknown(away: str) -> None:
    kafka = cluster(1, brokers=3)
    kafka.add("payments-1", ORDERS[0])
    kafka.write("payments-1", ORDERS[0])
    getattr(kafka, f"{away}_coordinators").add(kafka.ids["payments-1"].coordinator)
    scanned = scan(FakeGateways(kafka), PLACES)
    assert [one.verdict for one in scanned.transactions] == [Verdict.UNKNOWN]
    assert scanned.failures


def test_a_partition_whose_leader_is_lost_between_the_looks_is_unknown_not_gone() -> None:
    kafka = cluster(1)
    kafka.hang("payments-1", ORDERS[0])

    def lose() -> None:
        if "list" in gateways.transactions.calls:
            kafka.silent_leaders.add(ORDERS[0])

    gateways = FakeGateways(kafka, lose)
    scanned = scan(gateways, PLACES)
    assert [one.verdict for one in scanned.transactions] == [Verdict.UNKNOWN]
    assert scanned.failures


def test_nothing_open_asks_no_coordinator() -> None:
    gateways = FakeGateways(cluster(1))
    assert scan(gateways, PLACES).transactions == ()
    assert gateways.transactions.calls == ["producers"]


def test_healthy_open_transactions_are_looked_at_once() -> None:
    kafka = cluster(1)
    kafka.add("payments-1", ORDERS[0])
    kafka.write("payments-1", ORDERS[0])
    gateways = FakeGateways(kafka)
    assert [one.verdict for one in scan(gateways, PLACES).transactions] == [Verdict.OPEN]
    assert gateways.transactions.calls == ["producers", "list", "describe"]


def test_a_hang_is_found_without_waiting_and_names_its_last_owner() -> None:
    kafka = cluster(1)
    kafka.hang("payments-1", OFFSETS)
    [one] = scan(FakeGateways(kafka), PLACES).transactions
    assert (one.verdict, one.producer.partition) == (Verdict.HANGING, OFFSETS)
    assert one.coordinator is not None
    assert one.coordinator.transactional_id == "payments-1"
    assert kafka.clock.slept_ms == 0


def test_a_late_write_that_the_next_transaction_takes_along_is_not_hanging() -> None:
    kafka = cluster(1)
    kafka.hang("payments-1", ORDERS[1])
    kafka.add("payments-1", ORDERS[1])
    assert [one.verdict for one in scan(FakeGateways(kafka), PLACES).transactions] == [Verdict.OPEN]


def test_a_transaction_of_its_producer_elsewhere_does_not_hold_a_late_write() -> None:
    kafka = cluster(2)
    kafka.hang("payments-1", ORDERS[0])
    kafka.add("payments-1", ORDERS[1])
    kafka.write("payments-1", ORDERS[1])
    found = {one.producer.partition: one.verdict for one in scan(FakeGateways(kafka), PLACES).transactions}
    assert found == {ORDERS[0]: Verdict.HANGING, ORDERS[1]: Verdict.OPEN}


@pytest.mark.parametrize(("age_ms", "verdict"), [(60_000, Verdict.OPEN), (60_001, Verdict.LATE)])
def test_a_transaction_is_late_when_it_is_older_than_its_own_timeout(age_ms: int, verdict: Verdict) -> None:
    kafka = cluster(1)
    kafka.add("payments-1", ORDERS[0])
    kafka.write("payments-1", ORDERS[0])
    kafka.clock.ms += age_ms
    assert [one.verdict for one in scan(FakeGateways(kafka), PLACES).transactions] == [verdict]


@given(st.integers(0, 20), st.integers(0, 20), st.sampled_from(TransactionState), st.booleans(), st.booleans())
def test_a_coordinator_holds_what_its_marker_will_end(
    epoch: int, at_leader: int, state: TransactionState, same_id: bool, has_it: bool
) -> None:
    one = described(state, epoch=epoch, producer_id=7 if same_id else 8, partitions=(ORDERS[0],) if has_it else ())
    expected = same_id and has_it and state in OPEN_STATES and epoch >= at_leader
    assert holds(one, opened(producer_id=7, epoch=at_leader)) == expected


@given(st.integers(0, 10**9), st.integers(1, TWO_PHASE_TIMEOUT_MS), st.sampled_from(TransactionState))
def test_only_an_open_transaction_past_its_timeout_is_late(
    age_ms: int, timeout_ms: int, state: TransactionState
) -> None:
    one = described(state, timeout_ms=timeout_ms, started_at_ms=NOW_MS - age_ms)
    expected = state in OPEN_STATES and age_ms > timeout_ms and timeout_ms != TWO_PHASE_TIMEOUT_MS
    assert is_late(one, NOW_MS) == expected


def described(
    state: TransactionState,
    *,
    producer_id: int = 7,
    epoch: int = 0,
    timeout_ms: int = 60_000,
    started_at_ms: int | None = None,
    partitions: tuple[TopicPartition, ...] = (),
) -> TransactionDescription:
    pid, at = ProducerId(producer_id), ProducerEpoch(epoch)
    return TransactionDescription("payments-1", 1, pid, at, state, timeout_ms, started_at_ms, partitions)


def opened(*, producer_id: int, epoch: int) -> ActiveProducer:
    return ActiveProducer(
        ORDERS[0], ProducerId(producer_id), ProducerEpoch(epoch), 0, NOW_MS, CoordinatorEpoch(0), Offset(5)
    )
