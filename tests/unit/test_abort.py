"""`txn abort`: what it refuses, in which order it goes, what it checks again before it writes a marker for ever."""

import shlex

import pytest
from fixtures.fake_gateways import FakeGateways
from fixtures.fake_kafka import FakeKafka
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import Refused, UsageError
from eosctl.core.plan import Plan, plan_from_dict
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.steps.txn import AbortTransaction
from eosctl.operations.txn import abort
from eosctl.operations.txn.abort import TxnAbortParams
from eosctl.runtime.handler import NotUndoable
from eosctl.runtime.steps.txn import AbortTransactionHandler

ORDERS = [TopicPartition("orders", number) for number in range(2)]
HANDLER = AbortTransactionHandler()


@pytest.fixture
def kafka() -> FakeKafka:
    one = FakeKafka(ORDERS)
    for name in ("first", "second writer"):
        one.init(name)
    return one


def planned(kafka: FakeKafka, **wish: object) -> Plan:
    gateways, params = FakeGateways(kafka), TxnAbortParams.model_validate(wish)
    return abort.plan(abort.observe(gateways, params), params)


def step_of(plan: Plan) -> AbortTransaction:
    [step] = plan.steps
    assert isinstance(step, AbortTransaction)
    return step


def opened(kafka: FakeKafka, name: str, partition: TopicPartition) -> None:
    kafka.add(name, partition)
    kafka.write(name, partition)


def done(kafka: FakeKafka, step: AbortTransaction) -> dict[str, object]:
    gateways = FakeGateways(kafka)
    assert HANDLER.look(gateways, step).state == "ready"
    return dict(HANDLER.verify(gateways, step, HANDLER.act(gateways, step)))


@pytest.mark.parametrize("by", ["producer_id", "start_offset"])
def test_a_hanging_transaction_is_aborted_and_the_last_stable_offset_moves(kafka: FakeKafka, by: str) -> None:
    kafka.hang("first", ORDERS[0])
    wish = {"topic_partition": "orders:0", by: {"producer_id": 1_000, "start_offset": 0}[by]}
    step = step_of(planned(kafka, **wish))
    assert not step.forced
    assert kafka.last_stable(ORDERS[0]) == 0
    assert done(kafka, step)["last_stable_offset"] == kafka.ends[ORDERS[0]]
    assert HANDLER.look(FakeGateways(kafka), step).state == "done"


@pytest.mark.parametrize("age_ms", [0, 100_000])
def test_what_its_coordinator_knows_is_refused_and_points_at_fencing(kafka: FakeKafka, age_ms: int) -> None:
    opened(kafka, "second writer", ORDERS[0])
    kafka.clock.ms += age_ms
    with pytest.raises(Refused) as caught:
        planned(kafka, topic_partition="orders:0", producer_id=1_001)
    command = caught.value.hint.partition("eosctl ")[2]
    assert shlex.split(command) == ["producers", "fence", "second writer"]


def test_force_spells_out_what_it_tears_apart(kafka: FakeKafka) -> None:
    opened(kafka, "first", ORDERS[0])
    plan = planned(kafka, topic_partition="orders:0", producer_id=1_000, force=True)
    assert step_of(plan).forced
    assert [one.code for one in plan.warnings] == ["forced"]
    assert "half a transaction" in plan.warnings[0].message
    assert done(kafka, step_of(plan))["transaction"] == "closed"


def test_an_uncertain_verdict_is_refused(kafka: FakeKafka) -> None:
    kafka.hang("first", ORDERS[0])
    kafka.silent_coordinators.add(1)
    with pytest.raises(Refused) as caught:
        planned(kafka, topic_partition="orders:0", producer_id=1_000)
    assert caught.value.code == "not_certain"


def test_a_producer_id_that_nobody_knows_is_aborted_with_a_warning(kafka: FakeKafka) -> None:
    kafka.append(4_711, 0, ORDERS[1])
    plan = planned(kafka, topic_partition="orders:1", producer_id=4_711)
    assert [one.code for one in plan.warnings] == ["producer_id_unknown"]


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({}, "bad_topic_partition"),
        ({"topic_partition": "orders"}, "bad_topic_partition"),
        ({"topic_partition": "orders:0"}, "which_transaction"),
        ({"topic_partition": "orders:9", "producer_id": 1}, "unknown_partition"),
        ({"topic_partition": "oders:0", "producer_id": 1}, "unknown_topic"),
        ({"topic_partition": "orders:0", "producer_id": 1}, "no_such_transaction"),
        ({"topic_partition": "orders:0", "all_hanging": True}, "too_many_wishes"),
    ],
)
def test_a_wish_that_does_not_fit_is_said_to_be_so(kafka: FakeKafka, wish: dict[str, object], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        planned(kafka, **wish)
    assert caught.value.code == code


def test_all_hanging_takes_what_hangs_and_leaves_what_is_open(kafka: FakeKafka) -> None:
    kafka.hang("first", ORDERS[0])
    opened(kafka, "second writer", ORDERS[0])
    assert step_of(planned(kafka, all_hanging=True)).producer_id == 1_000


def test_two_on_one_partition_are_aborted_in_the_order_of_the_log(kafka: FakeKafka) -> None:
    kafka.hang("second writer", ORDERS[0])
    kafka.hang("first", ORDERS[0])
    steps = planned(kafka, all_hanging=True).steps
    assert [one.producer_id for one in steps if isinstance(one, AbortTransaction)] == [1_001, 1_000]


def test_one_behind_an_earlier_open_transaction_is_verified_though_readers_still_wait(kafka: FakeKafka) -> None:
    opened(kafka, "second writer", ORDERS[0])
    kafka.hang("first", ORDERS[0])
    after = done(kafka, step_of(planned(kafka, all_hanging=True)))
    assert (after["last_stable_offset"], after["still_blocked_by"]) == (0, 1_001)


def test_a_plan_is_stale_when_the_producers_next_transaction_took_the_partition(kafka: FakeKafka) -> None:
    kafka.hang("first", ORDERS[0])
    step = step_of(planned(kafka, all_hanging=True))
    kafka.add("first", ORDERS[0])
    state = HANDLER.look(FakeGateways(kafka), step)
    assert state.state == "changed"
    assert "not hanging" in state.reason


def test_a_plan_is_stale_when_the_epoch_moved(kafka: FakeKafka) -> None:
    kafka.hang("first", ORDERS[0])
    step = step_of(planned(kafka, all_hanging=True))
    kafka.init("first")
    kafka.hang("first", ORDERS[0])
    assert HANDLER.look(FakeGateways(kafka), step).state == "changed"


def test_another_transaction_of_the_same_producer_is_left_alone(kafka: FakeKafka) -> None:
    kafka.hang("first", ORDERS[0])
    step = step_of(planned(kafka, all_hanging=True))
    kafka.close(1_000, 0, ORDERS[0])
    opened(kafka, "first", ORDERS[0])
    assert HANDLER.look(FakeGateways(kafka), step).state == "done"


def test_a_marker_has_no_way_back(kafka: FakeKafka) -> None:
    kafka.hang("first", ORDERS[0])
    assert isinstance(HANDLER.undo(step_of(planned(kafka, all_hanging=True)), {}, {}), NotUndoable)


@given(st.integers(1, 5), st.integers(0, 5))
def test_a_plan_survives_its_file(hanging: int, healthy: int) -> None:
    kafka = FakeKafka(ORDERS)
    for number in range(hanging + healthy):
        kafka.init(str(number))
        if number < hanging:
            kafka.hang(str(number), ORDERS[number % 2])
        else:
            opened(kafka, str(number), ORDERS[number % 2])
    plan = planned(kafka, all_hanging=True)
    assert len(plan.steps) == hanging
    assert plan_from_dict(plan.as_dict()).steps == plan.steps
