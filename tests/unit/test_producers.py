"""Zombie evidence: found where it is, absent from healthy producers of both transaction versions."""

from typing import Any

import pytest
from fixtures.fake_gateways import FakeGateways
from fixtures.fake_kafka import NOW_MS, FakeKafka, active, description
from hypothesis import given, settings
from hypothesis import strategies as st

from eosctl.core.exit_codes import ExitCode
from eosctl.core.report import Report
from eosctl.domain.kafka import GroupListing, GroupProtocol, TopicPartition, TransactionState
from eosctl.domain.producers import Confidence, Evidence, GroupsSeen, Sample, init_bumps, suspects
from eosctl.operations.producers import list as listing
from eosctl.operations.producers import zombies
from eosctl.operations.producers.list import ProducersListParams
from eosctl.operations.producers.zombies import ProducersZombiesParams

ORDERS = TopicPartition("orders", 0)
OFFSETS = TopicPartition("__consumer_offsets", 0)
NO_GROUPS = GroupsSeen((), 0)
VERSIONS = pytest.mark.parametrize("version", [1, 2])


def cluster(version: int = 1) -> FakeKafka:
    kafka = FakeKafka([ORDERS, OFFSETS], transaction_version=version)
    kafka.init("ledger")
    return kafka


def sample(kafka: FakeKafka) -> Sample:
    descriptions = tuple(description(name, one) for name, one in kafka.ids.items())
    producers = tuple(active(where, pid, one) for where, found in kafka.leaders.items() for pid, one in found.items())
    return Sample(kafka.clock.ms, descriptions, producers)


def evidence(samples: list[Sample], kafka: FakeKafka, groups: GroupsSeen = NO_GROUPS) -> dict[Evidence, Confidence]:
    found = suspects(samples, groups, transaction_version=kafka.transaction_version)
    return {one.evidence: one.confidence for one in found}


def transaction(kafka: FakeKafka, partition: TopicPartition = ORDERS, *, end: bool = True) -> None:
    kafka.add("ledger", partition)
    kafka.write("ledger", partition)
    if end:
        kafka.finish("ledger")


@given(st.randoms(use_true_random=False), st.sampled_from([1, 2]))
@settings(max_examples=200, deadline=None)
def test_a_healthy_producer_is_never_suspected_and_may_be_restarted_once(draw: Any, version: int) -> None:
    kafka = cluster(version)
    samples = [sample(kafka)]
    restart = draw.randrange(60)
    for number in range(60):
        where = draw.choice([ORDERS, OFFSETS])
        match draw.randrange(5):
            case 0:
                kafka.add("ledger", where)
            case 1:
                kafka.write("ledger", where)
            case 2:
                kafka.finish("ledger")
            case 3:
                kafka.end("ledger")
            case _:
                samples.append(sample(kafka))
        if number == restart:
            kafka.init("ledger")
            if kafka.ids["ledger"].state is TransactionState.PREPARE_ABORT:
                kafka.finish("ledger")
                kafka.init("ledger")
    assert evidence([*samples, sample(kafka)], kafka) == {}


@VERSIONS
def test_an_old_epoch_that_writes_while_the_coordinator_holds_a_newer_one_is_a_zombie(version: int) -> None:
    kafka = cluster(version)
    transaction(kafka)
    old = kafka.leaders[ORDERS][1_000].epoch
    kafka.init("ledger")
    first = sample(kafka)
    kafka.append(1_000, old, ORDERS)
    [one] = suspects([first, sample(kafka)], NO_GROUPS, transaction_version=version)
    assert (one.evidence, one.confidence) == (Evidence.STALE_EPOCH, Confidence.HIGH)


@VERSIONS
def test_an_old_epoch_that_is_only_remembered_is_none(version: int) -> None:
    kafka = cluster(version)
    transaction(kafka)
    for _ in range(3):
        transaction(kafka, OFFSETS)
    kafka.init("ledger")
    assert evidence([sample(kafka), sample(kafka)], kafka) == {}


def test_what_an_old_epoch_left_open_is_aborted_and_not_fenced() -> None:
    kafka = cluster()
    transaction(kafka)
    kafka.hang("ledger", ORDERS)
    kafka.init("ledger")
    [one] = suspects([sample(kafka), sample(kafka)], NO_GROUPS, transaction_version=1)
    assert one.remedy == "eosctl txn abort orders:0 --producer-id 1000"


def test_a_transaction_past_its_timeout_is_evidence_and_is_fenced() -> None:
    kafka = cluster()
    transaction(kafka, end=False)
    kafka.clock.ms += 60_001
    [one] = suspects([sample(kafka)], NO_GROUPS, transaction_version=1)
    assert (one.evidence, one.remedy) == (Evidence.PAST_TIMEOUT, "eosctl producers fence ledger")


@VERSIONS
@pytest.mark.parametrize(("takeovers", "found"), [(1, None), (2, Confidence.MEDIUM), (3, Confidence.HIGH)])
def test_an_epoch_that_instances_take_in_turn_is_a_race(version: int, takeovers: int, found: Confidence | None) -> None:
    kafka = cluster(version)
    samples = [sample(kafka)]
    for _ in range(takeovers):
        kafka.init("ledger")
        samples.append(sample(kafka))
        transaction(kafka)
        samples.append(sample(kafka))
    assert evidence(samples, kafka).get(Evidence.EPOCH_RACE) == found


def test_the_bump_of_each_transaction_of_version_2_is_no_race() -> None:
    kafka = cluster(2)
    samples = []
    for number in range(20):
        transaction(kafka, end=number % 2 == 0)
        samples.append(sample(kafka))
        kafka.finish("ledger")
    assert kafka.ids["ledger"].epoch == 20
    assert evidence(samples, kafka) == {}


@VERSIONS
def test_one_takeover_of_an_open_transaction_counts_once(version: int) -> None:
    kafka = cluster(version)
    transaction(kafka, end=False)
    before = description("ledger", kafka.ids["ledger"])
    FakeGateways(kafka).transactions.fence("ledger", timeout_ms=60_000)
    after = description("ledger", kafka.ids["ledger"])
    assert after.producer_epoch - before.producer_epoch == 2
    assert init_bumps([before, after], transaction_version=version) == 1


@pytest.mark.parametrize(("writes", "found"), [(True, Confidence.HIGH), (False, Confidence.MEDIUM)])
def test_two_producer_ids_under_one_transactional_id(writes: bool, found: Confidence) -> None:
    kafka = cluster()
    transaction(kafka)
    samples = [sample(kafka)]
    kafka.ids["ledger"].producer_id = 2_000
    samples.append(sample(kafka))
    if writes:
        kafka.append(1_000, 0, ORDERS)
    samples.append(sample(kafka))
    assert evidence(samples, kafka)[Evidence.TWO_PRODUCER_IDS] is found


def test_a_coordinator_that_changes_the_id_when_its_epochs_are_used_up_is_no_evidence() -> None:
    kafka = cluster(2)
    kafka.ids["ledger"].epoch = 32_766
    samples = [sample(kafka)]
    kafka.ids["ledger"].producer_id, kafka.ids["ledger"].epoch = 2_000, 0
    assert evidence([*samples, sample(kafka)], kafka) == {}


@pytest.mark.parametrize(("state", "found"), [("Empty", True), ("Stable", False)])
def test_an_open_transaction_with_offsets_of_a_group_without_members(state: str, found: bool) -> None:
    kafka = cluster()
    transaction(kafka, OFFSETS, end=False)
    groups = GroupsSeen((GroupListing("billing", GroupProtocol.CLASSIC, state),), 1)
    assert (Evidence.GONE_FROM_GROUP in evidence([sample(kafka), sample(kafka)], kafka, groups)) is found


def zombie_report(kafka: FakeKafka, tick: Any = lambda: None, **wish: Any) -> tuple[Report, FakeGateways]:
    gateways, params = FakeGateways(kafka, tick), ProducersZombiesParams.model_validate(wish)
    return zombies.report(zombies.observe(gateways, params), params), gateways


def test_the_sample_lasts_as_long_as_wished_and_ends() -> None:
    report, gateways = zombie_report(cluster(), sample="3s")
    assert (gateways.clock.slept_ms, report.exit_code, report.data) == (3_000, ExitCode.DONE, ())
    report, gateways = zombie_report(cluster(), sample="0s")
    assert (gateways.clock.slept_ms, [one.code for one in report.warnings]) == (0, ["no_sample"])


def test_a_zombie_is_found_with_exit_code_3() -> None:
    kafka = cluster()
    transaction(kafka, end=False)
    kafka.clock.ms = NOW_MS + 120_000
    report, _ = zombie_report(kafka, sample="1s")
    assert (report.exit_code, [one.evidence for one in report.data]) == (ExitCode.PROBLEM, [Evidence.PAST_TIMEOUT])


def test_producers_are_listed_with_the_transactional_id_where_it_is_known() -> None:
    kafka = cluster()
    transaction(kafka, end=False)
    kafka.append(77, 0, OFFSETS)
    params = ProducersListParams()
    report = listing.report(listing.observe(FakeGateways(kafka), params), params)
    rows = [(one.topic, one.producer_id, one.transactional_id, one.transaction_start_offset) for one in report.data]
    assert rows == [("__consumer_offsets", 77, None, 0), ("orders", 1_000, "ledger", 0)]
