"""`producers fence`: a live producer's moving epoch is no fence, a fenced one is not fenced twice."""

import pytest
from fixtures.fake_gateways import FakeGateways
from fixtures.fake_kafka import NOW_MS, FakeKafka

from eosctl.core.errors import Refused, Unreachable, UsageError
from eosctl.core.plan import Plan, PlanMode, plan_from_dict
from eosctl.domain.kafka import TopicPartition, TransactionState
from eosctl.domain.steps.producers import FenceProducer
from eosctl.domain.transactions import TWO_PHASE_TIMEOUT_MS
from eosctl.operations.producers import fence
from eosctl.operations.producers.fence import ProducersFenceParams
from eosctl.runtime.handler import NotUndoable
from eosctl.runtime.steps.producers import FenceProducerHandler

ORDERS = TopicPartition("orders", 0)
HANDLER = FenceProducerHandler()


@pytest.fixture(params=[1, 2])
def kafka(request: pytest.FixtureRequest) -> FakeKafka:
    one = FakeKafka([ORDERS], transaction_version=request.param)
    one.init("copier", timeout_ms=45_000)
    return one


def planned(kafka: FakeKafka, **wish: object) -> Plan:
    gateways, params = FakeGateways(kafka), ProducersFenceParams.model_validate(wish)
    return fence.plan(fence.observe(gateways, params), params)


def step_of(plan: Plan) -> FenceProducer:
    [step] = plan.steps
    assert isinstance(step, FenceProducer)
    return step


def transaction(kafka: FakeKafka, *, end: bool) -> None:
    kafka.add("copier", ORDERS)
    kafka.write("copier", ORDERS)
    if end:
        kafka.finish("copier")


def done(kafka: FakeKafka, step: FenceProducer) -> dict[str, object]:
    gateways = FakeGateways(kafka)
    assert HANDLER.look(gateways, step).state == "ready"
    return dict(HANDLER.verify(gateways, step, HANDLER.act(gateways, step)))


def test_what_is_open_is_aborted_and_the_timeout_kept(kafka: FakeKafka) -> None:
    transaction(kafka, end=False)
    step = step_of(planned(kafka, id=["copier"]))
    assert step.open_partitions == ("orders:0",)
    after = done(kafka, step)
    assert after["state"] == "Empty"
    assert (kafka.ids["copier"].timeout_ms, kafka.ids["copier"].epoch) == (45_000, 2)
    assert kafka.last_stable(ORDERS) == kafka.ends[ORDERS]


@pytest.mark.parametrize("end", [True, False])
def test_a_live_producer_that_goes_on_between_plan_and_fence_is_fenced_all_the_same(
    kafka: FakeKafka, end: bool
) -> None:
    transaction(kafka, end=True)
    plan = planned(kafka, id=["copier"])
    assert [one.answered_by for one in plan.extra_confirmations] == ["--allow-live"]
    transaction(kafka, end=end)
    epoch = kafka.ids["copier"].epoch
    done(kafka, step_of(plan))
    assert kafka.ids["copier"].epoch > epoch
    assert kafka.ids["copier"].state is TransactionState.EMPTY


def test_allow_live_answers_the_question(kafka: FakeKafka) -> None:
    transaction(kafka, end=True)
    assert planned(kafka, id=["copier"], allow_live=True).extra_confirmations == ()


def test_a_producer_at_rest_raises_no_question(kafka: FakeKafka) -> None:
    transaction(kafka, end=True)
    kafka.clock.ms += 61_000
    plan = planned(kafka, id=["copier"])
    assert (plan.extra_confirmations, plan.mode, step_of(plan).live) == ((), PlanMode.INDEPENDENT, False)


def test_a_second_run_does_not_fence_again(kafka: FakeKafka) -> None:
    transaction(kafka, end=False)
    step = step_of(planned(kafka, id=["copier"]))
    done(kafka, step)
    assert HANDLER.look(FakeGateways(kafka), step).state == "done"


def test_a_plan_for_a_producer_at_rest_is_stale_when_a_new_instance_works() -> None:
    kafka = FakeKafka([ORDERS])
    kafka.init("copier")
    kafka.clock.ms += 61_000
    step = step_of(planned(kafka, id=["copier"]))
    kafka.init("copier")
    transaction(kafka, end=False)
    assert HANDLER.look(FakeGateways(kafka), step).state == "changed"


def test_an_old_plan_for_a_live_producer_does_not_hit_the_instance_that_came_after() -> None:
    kafka = FakeKafka([ORDERS])
    kafka.init("copier")
    transaction(kafka, end=True)
    step = step_of(planned(kafka, id=["copier"]))
    kafka.clock.ms = NOW_MS + 3_600_000
    kafka.init("copier")
    transaction(kafka, end=False)
    assert HANDLER.look(FakeGateways(kafka), step).state == "changed"


def test_an_unknown_id_is_refused_with_the_nearest_name_unless_allowed(kafka: FakeKafka) -> None:
    with pytest.raises(Refused) as caught:
        planned(kafka, id=["copyer"])
    assert "'copier'" in caught.value.hint
    step = step_of(planned(kafka, id=["copyer"], allow_new=True))
    assert step.expects_producer_id == -1
    assert HANDLER.look(FakeGateways(kafka), step).state == "ready"


def test_an_id_whose_coordinator_is_away_is_not_called_unknown(kafka: FakeKafka) -> None:
    kafka.silent_coordinators.add(1)
    with pytest.raises(Unreachable):
        planned(kafka, id=["copier"], allow_new=True)


def test_two_phase_commit_is_refused_while_open_and_fenced_at_rest(kafka: FakeKafka) -> None:
    kafka.ids["copier"].timeout_ms = TWO_PHASE_TIMEOUT_MS
    assert step_of(planned(kafka, id=["copier"])).timeout_ms == 60_000
    transaction(kafka, end=False)
    with pytest.raises(Refused) as caught:
        planned(kafka, id=["copier"])
    assert caught.value.code == "two_phase_commit"


def test_a_pattern_takes_what_it_matches_and_an_id_may_hold_anything(kafka: FakeKafka) -> None:
    for name in ("a b", "a+b", "aab"):
        kafka.init(name)
    assert [vars(one)["transactional_id"] for one in planned(kafka, id_regex="^a").steps] == ["a b", "a+b", "aab"]
    assert step_of(planned(kafka, id=["a+b"])).transactional_id == "a+b"


@pytest.mark.parametrize("wish", [{}, {"id": ["copier"], "id_regex": "c"}])
def test_somebody_must_be_named_in_one_way(kafka: FakeKafka, wish: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        planned(kafka, **wish)


def test_a_fence_has_no_way_back_and_its_plan_survives_its_file(kafka: FakeKafka) -> None:
    plan = planned(kafka, id=["copier"])
    assert isinstance(HANDLER.undo(step_of(plan), {}, {}), NotUndoable)
    assert plan_from_dict(plan.as_dict()).steps == plan.steps
