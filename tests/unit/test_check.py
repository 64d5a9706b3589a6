"""`check`: what each reading makes of a look, that one check hides no other, and what monitoring systems are told."""

import re
from dataclasses import replace
from typing import Any

import pytest
from fixtures.checks import NOW, ORDERS, everything, kafka_away, memory, page
from fixtures.fake_gateways import FakeGateways
from fixtures.fake_kafka import FakeKafka
from hypothesis import given
from hypothesis import strategies as st

from eosctl.adapters.prometheus import Rounds, exposition
from eosctl.cli.monitoring import address_of
from eosctl.core.errors import Notice, Refused, Unreachable, UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.domain.audit.facts import Slot
from eosctl.domain.checks.levels import Level, Limits
from eosctl.domain.checks.measures import Judged, Round, judge
from eosctl.domain.checks.wishes import Wish
from eosctl.domain.dedup import DedupMapping
from eosctl.domain.dedup_window import fixed_paths, unseen_reset
from eosctl.domain.dedup_window import judge as judge_path
from eosctl.operations import check
from eosctl.operations import check_sources as sources
from eosctl.operations.check import CheckParams
from eosctl.operations.check_entries import CHECKS
from eosctl.operations.check_sources import Each
from eosctl.operations.dedup.window import WindowSnapshot
from eosctl.operations.dedup_paths import SeenPaths
from eosctl.render.nagios import nagios_line

KAFKA_ALONE = ("transaction-age", "hanging-transactions", "blocked-records")
PERFDATUM = re.compile(r"('[^'=]+'|[A-Za-z0-9-]+)=(U|[0-9.]+(s|B|);[0-9.]*;[0-9.]*;0)")


def levels(found: Round) -> dict[str, Level]:
    return {one.check.name: one.level for one in found.results}


def samples(gateways: Any, *names: str, **wish: Any) -> Round:
    params = CheckParams(names=names, **wish)
    return check.samples(check.observe(gateways, params), params)


@pytest.fixture
def kafka() -> FakeKafka:
    one = FakeKafka([ORDERS])
    one.init("writer")
    return one


def test_a_hang_is_critical_and_nothing_else_is(kafka: FakeKafka) -> None:
    kafka.hang("writer", ORDERS)
    found = samples(FakeGateways(kafka), *KAFKA_ALONE)
    assert levels(found) == {
        "transaction-age": Level.OK,
        "hanging-transactions": Level.CRITICAL,
        "blocked-records": Level.OK,
    }
    assert found.servers == {"kafka": True}


def test_checks_of_the_same_source_look_once(kafka: FakeKafka) -> None:
    gateways = FakeGateways(kafka)
    samples(gateways, "transaction-age", "hanging-transactions")
    assert gateways.transactions.calls == ["producers"]


def test_a_check_that_may_not_look_hides_no_other(kafka: FakeKafka) -> None:
    gateways = FakeGateways(kafka)

    def refused(partitions: Any) -> None:
        raise Refused("acl_missing", "DESCRIBE is missing.")

    gateways.cluster.log_offsets = refused  # type: ignore[method-assign,assignment]
    params = CheckParams(names=KAFKA_ALONE)
    report = check.report(check.observe(gateways, params), params)
    by_name = {row.check: row for row in report.data}
    assert (by_name["blocked-records"].level, by_name["transaction-age"].level) == (Level.UNKNOWN, Level.OK)
    assert by_name["blocked-records"].why == "DESCRIBE is missing."
    assert (report.exit_code, [one.code for one in report.errors]) == (ExitCode.PARTLY_DONE, ["check_unknown"])


def test_a_leader_that_is_silent_makes_what_it_has_unknown(kafka: FakeKafka) -> None:
    kafka.silent_leaders = {ORDERS}
    assert levels(samples(FakeGateways(kafka), "hanging-transactions")) == {"hanging-transactions": Level.UNKNOWN}


def test_a_broker_that_is_away_is_asked_once_and_nothing_is_ok(kafka: FakeKafka) -> None:
    gateways = FakeGateways(kafka)
    asked = []

    def nobody() -> None:
        asked.append(1)
        raise Unreachable("kafka_unreachable", "Nobody answers.")

    gateways.cluster.brokers = nobody  # type: ignore[method-assign,assignment]
    found = samples(gateways)
    assert set(levels(found).values()) == {Level.UNKNOWN}
    assert (len(asked), found.servers, gateways.transactions.calls) == (1, {"kafka": False}, [])


def test_a_broker_that_goes_away_between_two_looks_is_not_asked_again(kafka: FakeKafka) -> None:
    gateways = FakeGateways(kafka)

    def gone(partitions: Any) -> None:
        raise Unreachable("kafka_unreachable", "Nobody answers.")

    def never(partitions: Any) -> None:
        pytest.fail("It was asked again.")

    gateways.transactions.describe_producers = gone  # type: ignore[method-assign,assignment]
    gateways.cluster.log_offsets = never  # type: ignore[method-assign,assignment]
    found = samples(gateways, *KAFKA_ALONE)
    assert set(levels(found).values()) == {Level.UNKNOWN}
    assert found.servers == {"kafka": False}


def test_what_has_nothing_to_look_at_is_left_out_unless_it_is_named(kafka: FakeKafka) -> None:
    gateways = FakeGateways(kafka)
    left = samples(gateways, "transaction-age").left_out
    named = samples(gateways, "transaction-age", "slot-wal")
    assert left == {}
    assert levels(named)["slot-wal"] is Level.UNKNOWN
    assert named.results[-1].why == "Nothing to look at: No database was named."
    away = check.samples(replace(kafka_away(), wish=Wish()), CheckParams())
    assert "slot-wal" in away.left_out
    assert "slot-wal" not in levels(away)


@pytest.mark.parametrize(
    ("outbox", "says"),
    [
        ({"orders": {"published_at": None}}, "the profile maps no table in tables.outbox with marks"),
        ({}, "the profile maps no table in tables.outbox with marks"),
        ({"orders": {}}, ""),
        (["orders"], ""),
        ({"orders": "outbox"}, ""),
    ],
)
def test_an_outbox_that_only_debezium_reads_is_left_out_and_a_wrong_mapping_is_not(
    kafka: FakeKafka, outbox: Any, says: str
) -> None:
    gateways: Any = FakeGateways(kafka)
    gateways.profile = {"tables": {"outbox": outbox}}
    assert sources.no_outbox(gateways, Wish()) == says


def test_no_server_at_all_is_an_error(kafka: FakeKafka) -> None:
    with pytest.raises(UsageError, match="No database"):
        samples(FakeGateways(kafka), "slot-wal")


def test_the_lag_of_a_partition_without_a_leader_is_unknown_and_of_a_topic_that_is_gone_none() -> None:
    look = everything().looks["groups"]
    [shown] = look.found.values()
    assert {one.subject: one.value for one in sources.group_lags(look, Wish()).measures} == {
        ("billing", "orders"): 120,
        ("audit", "orders"): 0,
    }
    leaderless = replace(shown, seen=replace(shown.seen, counts={"orders": 1, "gone": 1}))
    failures = sources.group_lags(Each({"*": leaderless}, ()), Wish()).failures
    assert [one.message for one in failures] == ["gone:0 has no leader: the lag of billing is not known."]


def test_patterns_that_overlap_count_a_lag_once() -> None:
    [shown] = everything().looks["groups"].found.values()
    measured = sources.group_lags(Each({"*": shown, "bill*": shown}, ()), Wish())
    assert {one.subject: one.value for one in measured.measures}["billing", "orders"] == 120


def test_drift_is_measured_only_where_both_stores_have_an_offset() -> None:
    measured = sources.offset_drifts(everything().looks["stored_offsets"], Wish(topics=("orders",)))
    assert [(one.subject, one.value) for one in measured.measures] == [(("orders", "billing", "orders"), 1_500)]


def test_a_dead_letter_topic_that_was_named_and_does_not_exist_is_unknown() -> None:
    measured = sources.dead_letter_growth(everything().looks["dead_letters"], Wish(dead_letter_topics=("nope",)))
    assert [one.message for one in measured.failures] == ["There is no topic 'nope'."]


def test_a_connect_that_is_silent_makes_dead_letters_unknown_unless_their_topics_are_named() -> None:
    seen = replace(everything().looks["dead_letters"], failures=(Notice("connect_unreachable", "Nobody answers."),))
    assert [one.code for one in sources.dead_letter_growth(seen, Wish()).failures] == ["connect_unreachable"]
    named = sources.dead_letter_growth(seen, Wish(dead_letter_topics=("orders-dlt",)))
    assert ([one.subject for one in named.measures], named.failures) == ([("orders-dlt",)], ())


def test_a_way_that_nobody_could_judge_makes_a_window_unknown_and_an_absent_one_does_not() -> None:
    assert sources.unsafe_paths(everything().looks["dedup_windows"], Wish()).failures == ()
    judged = tuple(judge_path(one, memory(), None) for one in (*fixed_paths(), unseen_reset()))
    snapshot = WindowSnapshot(DedupMapping(), SeenPaths(memory(), judged, ()))
    result = judge(CHECKS["dedup-window"], Limits(0, 0), sources.unsafe_paths(Each({"t": snapshot}, ()), Wish()))
    assert (result.level, result.seen) == (Level.UNKNOWN, False)
    assert "manual reset" in result.why


@pytest.mark.parametrize(
    ("slot", "level"),
    [
        (Slot("s", True, "reserved", 1), Level.OK),
        (Slot("s", False, "extended", 2 << 30), Level.WARNING),
        (Slot("s", False, None, None), Level.OK),
        (Slot("s", True, "unreserved", 1), Level.CRITICAL),
        (Slot("s", False, "lost", None), Level.CRITICAL),
        (Slot("other", True, "reserved", 1), Level.CRITICAL),
    ],
)
def test_a_slot_is_judged_by_its_wal_and_by_its_fate(slot: Slot, level: Level) -> None:
    one = CHECKS["slot-wal"]
    assert judge(one, one.limits, sources.slot_wal((slot,), Wish(slots=("s",)))).level is level


def test_a_nagios_line_has_one_bar_and_a_datum_for_each_check() -> None:
    found = check.samples(everything(), CheckParams())
    words, data = nagios_line(found).split(" | ")
    assert words.startswith("EOSCTL CRITICAL - ")
    assert [one for one in data.split(" ") if not PERFDATUM.fullmatch(one)] == []
    assert len(data.split(" ")) == len(CHECKS)


@given(st.text(), st.text())
def test_no_name_breaks_a_nagios_line(subject: str, why: str) -> None:
    found = check.samples(everything(), CheckParams())
    bad = replace(found.results[0], measures=(Judged((subject,), None, Level.CRITICAL, why),), why=why)
    line = nagios_line(replace(found, results=(bad,)))
    assert line.count("|") == 1
    assert len(line.splitlines()) == 1


@given(st.text(), st.integers(0, 2**53))
def test_prometheus_reads_back_what_was_measured_whatever_its_name(topic: str, value: int) -> None:
    found = check.samples(everything(), CheckParams())
    hanging = next(one for one in found.results if one.check.name == "hanging-transactions")
    one = replace(hanging, measures=(Judged((topic,), value, Level.CRITICAL),))
    read = page(exposition(replace(found, results=(one,))))
    assert read["eosctl_hanging_transactions"] == {(topic,): float(value)}


def test_an_unseen_check_has_no_value_and_its_age_grows() -> None:
    seconds = [NOW.timestamp()]
    rounds = Rounds(serving=True, now=lambda: seconds[0])
    rounds.update(check.samples(everything(), CheckParams()))
    away = check.samples(kafka_away(), CheckParams())
    seconds[0] += 300
    rounds.update(replace(away, at=NOW))
    families = {one.name: one.samples for one in rounds.collect()}
    assert [(one.labels, one.value) for one in families["eosctl_up"]] == [({"server": "kafka"}, 0.0)]
    assert families["eosctl_hanging_transactions"] == []
    assert {one.value for one in families["eosctl_check_status"]} == {3.0}
    assert {one.value for one in families["eosctl_sample_age_seconds"]} == {300.0}
    assert {one.value for one in families["eosctl_sample_timestamp_seconds"]} == {NOW.timestamp()}


def test_a_file_says_when_it_was_looked_and_no_age_that_would_stand_still() -> None:
    read = page(exposition(check.samples(everything(), CheckParams())))
    assert "eosctl_sample_age_seconds" not in read
    assert set(read["eosctl_sample_timestamp_seconds"].values()) == {NOW.timestamp()}


@pytest.mark.parametrize(
    ("text", "address"),
    [(":9642", ("", 9642)), ("9642", ("", 9642)), ("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:9642", ("::1", 9642))],
)
def test_an_address_is_read(text: str, address: tuple[str, int]) -> None:
    assert address_of(text) == address


@pytest.mark.parametrize("text", ["", "localhost", "::1:9642", ":99999", "host:http"])
def test_a_wrong_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not an address"):
        address_of(text)


def test_every_reason_is_told_once() -> None:
    report = check.report(kafka_away(), CheckParams())
    assert report.errors == (Notice("kafka_unreachable", "Kafka at k1:9092 can't be reached.", "Check the address."),)
