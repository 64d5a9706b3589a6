"""The rules of `check`: limits and levels, what the profile may say, and that nothing unseen is ever called well."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import Notice, UsageError
from eosctl.domain.checks.levels import Level, Limits, Unit, level_of, parse_limit, worst
from eosctl.domain.checks.measures import Check, Measure, Measured, judge
from eosctl.domain.checks.wishes import Wish, wish_of, with_flags
from eosctl.operations.check_entries import CHECKS, ENTRIES

VALUES = st.integers(0, 10**12)
LIMITS = st.builds(lambda one, more: Limits(one, one + more), VALUES, VALUES)
LAG = CHECKS["group-lag"]
ORDER = [Level.OK, Level.UNKNOWN, Level.WARNING, Level.CRITICAL]


@given(VALUES, VALUES, LIMITS)
def test_a_higher_value_is_never_better(low: int, more: int, limits: Limits) -> None:
    assert ORDER.index(level_of(low, limits)) <= ORDER.index(level_of(low + more, limits))


@given(LIMITS)
def test_a_limit_itself_is_within_it(limits: Limits) -> None:
    assert limits.warning is not None
    assert limits.critical is not None
    assert level_of(limits.warning, limits) is Level.OK
    assert level_of(limits.warning + 1, limits) is not Level.OK
    assert level_of(limits.critical + 1, limits) is Level.CRITICAL


@given(VALUES)
def test_limits_that_are_off_never_alert(value: int) -> None:
    assert level_of(value, Limits(None, None)) is Level.OK


@given(st.lists(st.sampled_from(Level)))
def test_the_worst_level_decides(levels: list[Level]) -> None:
    assert ORDER.index(worst(levels)) == max((ORDER.index(one) for one in levels), default=0)


@given(st.lists(VALUES, max_size=5), LIMITS, st.booleans())
def test_what_did_not_answer_is_never_ok(values: list[int], limits: Limits, failed: bool) -> None:
    measures = tuple(Measure((f"g{number}", "t"), value) for number, value in enumerate(values))
    failures = (Notice("no_leader", "Nobody knows."),) if failed else ()
    result = judge(LAG, limits, Measured(measures, failures))
    assert (result.level is Level.OK) == (not failed and all(level_of(one, limits) is Level.OK for one in values))
    assert result.seen == (not failed)
    if values and level_of(max(values), limits) is not Level.OK:
        assert result.level is level_of(max(values), limits)
        assert result.measures[0].value == max(values)


def test_nothing_there_to_measure_is_zero() -> None:
    result = judge(LAG, LAG.limits, Measured())
    assert [(one.subject, one.value, one.level) for one in result.measures] == [(("", ""), 0, Level.OK)]


def test_a_part_that_did_not_answer_does_not_hide_what_is_bad() -> None:
    measured = Measured((Measure(("g", "t"), 10**9),), (Notice("no_leader", "orders:1 has no leader."),))
    result = judge(LAG, LAG.limits, measured)
    assert (result.level, result.why) == (Level.CRITICAL, "orders:1 has no leader.")


@pytest.mark.parametrize(
    ("unit", "text", "value", "base"),
    [
        (Unit.DURATION, "15m", 900_000, 900.0),
        (Unit.SIZE, "1.5GiB", 3 << 29, float(3 << 29)),
        (Unit.SIZE, "512", 512, 512.0),
        (Unit.RECORDS, "10_000", 10_000, 10_000.0),
        (Unit.COUNT, "0", 0, 0.0),
    ],
)
def test_a_limit_is_written_in_its_unit(unit: Unit, text: str, value: int, base: float) -> None:
    assert parse_limit(unit, text) == value
    assert unit.base(value) == base


@pytest.mark.parametrize("given_off", ["off", False, None])
def test_off_is_no_limit_as_yaml_reads_it_too(given_off: Any) -> None:
    assert parse_limit(Unit.COUNT, given_off) is None


@pytest.mark.parametrize(
    ("unit", "wrong"),
    [(Unit.DURATION, "15"), (Unit.SIZE, "10Gb"), (Unit.RECORDS, "1k"), (Unit.COUNT, -1), (Unit.COUNT, True)],
)
def test_a_limit_of_another_unit_is_refused(unit: Unit, wrong: Any) -> None:
    with pytest.raises(UsageError):
        parse_limit(unit, wrong)


def test_a_profile_says_whom_and_from_when_on() -> None:
    section = {
        "names": ["group-lag", "dedup-size"],
        "groups": "orders-*",
        "thresholds": {"group-lag": {"warning": 10, "critical": 50}, "dedup-size": {"warning": False}},
    }
    wish = wish_of(section, CHECKS)
    assert (wish.names, wish.groups) == (("group-lag", "dedup-size"), ("orders-*",))
    assert wish.limits_of(LAG) == Limits(10, 50)
    assert wish.limits_of(CHECKS["dedup-size"]) == Limits(None, CHECKS["dedup-size"].limits.critical)
    assert wish.limits_of(CHECKS["slot-wal"]) == CHECKS["slot-wal"].limits


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"group": ["a"]}, "'groups'"),
        ({"names": ["group-lags"]}, "'group-lag'"),
        ({"thresholds": {"grop-lag": {"warning": 1}}}, "'group-lag'"),
        ({"thresholds": {"group-lag": {"warnign": 1}}}, "'warning'"),
        ({"thresholds": {"transaction-age": {"warning": "15"}}}, "15m"),
        ({"thresholds": {"group-lag": 5}}, "thresholds"),
        ({"topics": [1]}, "checks"),
        ([], "checks"),
    ],
)
def test_a_misspelled_profile_is_refused_with_the_nearest_name(section: Any, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        wish_of(section, CHECKS)
    assert says in caught.value.hint


def flagged(wish: Wish, **flags: Any) -> Wish:
    lists = {name: flags.pop(name) for name in list(flags) if name not in ("warning", "critical")}
    return with_flags(wish, CHECKS, lists, **{"warning": (), "critical": (), **flags})


def test_flags_go_before_the_profile() -> None:
    wish = wish_of(
        {"groups": ["a"], "topics": ["t"], "thresholds": {"group-lag": {"warning": 5, "critical": 9}}}, CHECKS
    )
    wish = flagged(wish, groups=["b"], critical=["group-lag=100"])
    assert (wish.groups, wish.topics, wish.limits_of(LAG)) == (("b",), ("t",), Limits(5, 100))


def test_the_usual_warning_gives_way_to_a_narrower_critical_limit() -> None:
    assert flagged(Wish(), critical=["group-lag=7"]).limits_of(LAG) == Limits(7, 7)
    with pytest.raises(UsageError, match="above critical"):
        flagged(Wish(), warning=["group-lag=9"], critical=["group-lag=7"])


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"names": ["slot-wall"]}, "slot-wal"),
        ({"warning": ["transaction-age"]}, "15m"),
        ({"critical": ["transaktion-age=15m"]}, "transaction-age"),
        ({"warning": ["slot-wal=15m"]}, "GiB"),
    ],
)
def test_wrong_flags_are_refused_with_what_is_right(flags: Any, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        flagged(Wish(), **flags)
    assert says in caught.value.hint


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_an_entry_is_whole(check: Check) -> None:
    limits = check.limits
    assert limits.warning is not None
    assert limits.critical is not None
    assert limits.warning <= limits.critical
    assert check.metric.startswith("eosctl_")
    ending = {Unit.DURATION: "_seconds", Unit.SIZE: "_bytes"}.get(check.unit)
    assert ending is None or check.metric.endswith(ending)
    assert set(check.needs) <= {"kafka", "database"}
    assert len({one.check.metric for one in ENTRIES}) == len(ENTRIES)
