"""Blocked partitions: what blocks them, who waits and how much is hidden, and the command that helps."""

import shlex
from typing import Any

import pytest
from fixtures.fake_gateways import FakeGateways
from fixtures.fake_kafka import FakeKafka
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.core.report import Report
from eosctl.domain.blocked import affected
from eosctl.domain.groups import java_hash, offsets_partition
from eosctl.domain.kafka import CommittedOffset, GroupOffsets, LogOffsets, Offset, TopicPartition, TransactionState
from eosctl.domain.transactions import Verdict
from eosctl.operations.txn import blocked
from eosctl.operations.txn.blocked import TxnBlockedParams

ORDERS = TopicPartition("orders", 0)
QUIET = TopicPartition("quiet", 0)
OFFSETS = TopicPartition("__consumer_offsets", 0)


@pytest.fixture
def kafka() -> FakeKafka:
    one = FakeKafka([ORDERS, QUIET, OFFSETS])
    for name in ("steady", "night report"):
        one.init(name)
    one.groups = {"billing": {ORDERS: 0, QUIET: 0}, "audit": {QUIET: 0}, "stats": {ORDERS: 2}}
    return one


def asked(kafka: FakeKafka, **wish: Any) -> Report:
    params = TxnBlockedParams.model_validate(wish)
    return blocked.report(blocked.observe(FakeGateways(kafka), params), params)


def opened(kafka: FakeKafka, name: str, partition: TopicPartition) -> None:
    kafka.add(name, partition)
    kafka.write(name, partition)


def test_nothing_is_blocked_without_an_open_transaction_and_no_group_is_asked(kafka: FakeKafka) -> None:
    opened(kafka, "steady", ORDERS)
    kafka.finish("steady")
    report = asked(kafka)
    assert (report.data, report.exit_code, report.warnings) == ((), ExitCode.DONE, ())


def test_a_hang_is_explained_with_its_groups_and_the_command_that_frees_them(kafka: FakeKafka) -> None:
    kafka.hang("night report", ORDERS)
    kafka.ends[ORDERS] += 9
    report = asked(kafka)
    [row] = report.data
    assert (row.last_stable_offset, row.high_watermark, row.blocked_records) == (0, 10, 10)
    assert (row.verdict, row.transactional_id) == (Verdict.HANGING, "night report")
    assert shlex.split(row.remedy) == ["eosctl", "txn", "abort", "orders:0", "--producer-id", "1001"]
    assert [(one.group, one.lag_to_last_stable, one.hidden_lag) for one in row.groups] == [
        ("billing", 0, 10),
        ("stats", 0, 8),
    ]
    assert report.exit_code is ExitCode.PROBLEM


def test_a_healthy_open_transaction_is_no_problem_and_wants_patience(kafka: FakeKafka) -> None:
    opened(kafka, "steady", ORDERS)
    report = asked(kafka)
    assert [(one.verdict, one.remedy) for one in report.data] == [(Verdict.OPEN, "wait")]
    assert report.exit_code is ExitCode.DONE


@pytest.mark.parametrize(
    ("state", "remedy"),
    [
        (TransactionState.ONGOING, ["eosctl", "producers", "fence", "night report"]),
        (TransactionState.PREPARE_ABORT, ["wait"]),
    ],
)
def test_a_late_one_is_fenced_unless_it_is_decided_already(
    kafka: FakeKafka, state: TransactionState, remedy: list[str]
) -> None:
    opened(kafka, "night report", ORDERS)
    kafka.clock.ms += 60_001
    kafka.ids["night report"].state = state
    report = asked(kafka)
    assert [(one.verdict, shlex.split(one.remedy)) for one in report.data] == [(Verdict.LATE, remedy)]
    assert report.exit_code is ExitCode.PROBLEM


def test_a_hang_behind_a_healthy_transaction_is_a_problem_too(kafka: FakeKafka) -> None:
    opened(kafka, "steady", ORDERS)
    kafka.hang("night report", ORDERS)
    report = asked(kafka)
    assert [(one.verdict, one.also_open) for one in report.data] == [(Verdict.OPEN, 1)]
    assert ([one.code for one in report.warnings], report.exit_code) == (["blocked_next"], ExitCode.PROBLEM)
    assert "eosctl txn abort orders:0 --producer-id 1001" in report.warnings[0].hint


def test_a_group_sees_only_what_it_reads_and_where_its_offsets_live(kafka: FakeKafka) -> None:
    kafka.hang("steady", ORDERS)
    kafka.hang("steady", OFFSETS)
    assert [one.topic for one in asked(kafka, group="audit").data] == ["__consumer_offsets"]
    assert [one.topic for one in asked(kafka, group="billing").data] == ["__consumer_offsets", "orders"]
    assert [one.code for one in asked(kafka, group="audit").warnings] == ["offsets_blocked"]


def test_a_blocked_partition_without_an_open_transaction_is_said(
    kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka.ends[QUIET] = 5
    monkeypatch.setattr(kafka, "last_stable", lambda partition: 3 if partition == QUIET else kafka.ends[partition])
    report = asked(kafka)
    assert (report.data, [one.code for one in report.warnings]) == ((), ["marker_not_replicated"])


def test_an_unknown_group_is_named_with_the_nearest(kafka: FakeKafka) -> None:
    with pytest.raises(UsageError) as caught:
        asked(kafka, group="biling")
    assert "'billing'" in caught.value.hint


def test_min_age_hides_what_is_young(kafka: FakeKafka) -> None:
    kafka.hang("steady", ORDERS)
    kafka.clock.ms += 60_000
    assert len(asked(kafka, min_age="1m").data) == 1
    report = asked(kafka, min_age="61s")
    assert (report.data, report.exit_code) == ((), ExitCode.DONE)


def test_a_coordinator_that_is_away_makes_the_answer_partial(kafka: FakeKafka) -> None:
    opened(kafka, "steady", ORDERS)
    kafka.silent_coordinators.add(1)
    report = asked(kafka)
    assert [one.verdict for one in report.data] == [Verdict.UNKNOWN]
    assert (report.exit_code, bool(report.errors)) == (ExitCode.PARTLY_DONE, True)


@given(st.integers(0, 1_000), st.integers(0, 1_000), st.integers(0, 2_000))
def test_visible_and_hidden_lag_make_up_the_whole(stable: int, behind: int, committed: int) -> None:
    log = LogOffsets(Offset(0), Offset(stable), Offset(stable + behind))
    groups = [GroupOffsets("billing", {ORDERS: CommittedOffset(Offset(committed))})]
    found = affected(ORDERS, log, groups)
    assert bool(found) == (committed < stable + behind)
    for one in found:
        assert one.lag_to_last_stable + one.hidden_lag == one.lag_to_high_watermark
        assert min(one.lag_to_last_stable, one.hidden_lag) >= 0
        assert one.hidden_lag <= behind


@pytest.mark.parametrize(
    ("text", "value"),
    [("", 0), ("a", 97), ("billing", -109829509), ("polygenelubricants", -(2**31)), ("\N{GRINNING FACE}", 1772899)],
)
def test_strings_are_hashed_as_java_does(text: str, value: int) -> None:
    assert java_hash(text) == value


def test_a_negative_hash_is_made_positive_as_kafka_does_and_not_by_a_mask() -> None:
    assert offsets_partition("billing", 50) == 109829509 % 50
    assert offsets_partition("polygenelubricants", 50) == 0
