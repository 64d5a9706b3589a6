"""A slot's forecast and verdict, and the configuration's refusals."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import UsageError
from eosctl.domain.cdc_config import ConnectorWish, as_config, choices, setup_sql
from eosctl.domain.cdc_slot import Forecast, SlotSample, forecast, judge
from eosctl.domain.connect import ConnectorStatus, TaskStatus, short_trace
from eosctl.domain.outbox import OutboxMapping
from eosctl.domain.tables import TableName

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MIB = 1_048_576
SLOT = SlotSample("s", True, "pgoutput", "reserved", 60 * MIB, "0/16B3748", 4 * MIB, MIB, None, 900 * MIB, NOW)
QUIET = Forecast(0, None, "")
WISH = ConnectorWish(name="outbox", prefix="shop", slot="s", publication="p", host="db", port=5_432, database="shop",
                     user="debezium")  # fmt: skip


def later(seconds: float, **changes: object) -> SlotSample:
    return replace(SLOT, now=NOW + timedelta(seconds=seconds), **changes)  # type: ignore[arg-type]


def connector(*states: str) -> ConnectorStatus:
    return ConnectorStatus("outbox", tuple(TaskStatus(part - 1, one, "w") for part, one in enumerate(states)))


RUNNING = connector("RUNNING", "RUNNING")


def codes(slot: SlotSample | None, seen: Forecast, who: ConnectorStatus | None, begun: bool | None) -> list[str]:
    return [one.code for one in judge(slot, seen, who, begun=begun)]


def test_a_growing_slot_ends_at_the_nearer_of_its_limit_and_the_disk() -> None:
    grown = later(2, retained_bytes=8 * MIB, safe_wal_bytes=56 * MIB)
    assert forecast(SLOT, grown, None) == Forecast(2 * MIB, 28_000, "the slot is invalidated")
    assert forecast(SLOT, grown, 10 * MIB) == Forecast(2 * MIB, 5_000, "the disk is full")
    assert forecast(SLOT, replace(grown, safe_wal_bytes=None), None) == Forecast(2 * MIB, None, "")


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(-(10**9), 10**12), st.floats(0, 100))
def test_a_forecast_is_never_negative_and_a_slot_that_shrinks_never_ends(
    first: int, last: int, safe: int, seconds: float
) -> None:
    seen = forecast(replace(SLOT, retained_bytes=first), later(seconds, retained_bytes=last, safe_wal_bytes=safe), None)
    assert seen.growth_bytes_per_s >= 0
    assert seen.ends_in_ms is None or seen.ends_in_ms >= 0
    assert last > first or seen.ends_in_ms is None


@pytest.mark.parametrize(
    ("slot", "seen", "who", "begun", "expected"),
    [
        (SLOT, QUIET, RUNNING, True, []),
        (SLOT, QUIET, None, None, []),
        (None, QUIET, RUNNING, False, ["slot_not_made"]),
        (None, QUIET, connector("RUNNING", "FAILED"), False, ["slot_not_made", "connector_failed"]),
        (None, QUIET, RUNNING, True, ["slot_missing"]),
        (None, QUIET, RUNNING, None, ["slot_missing"]),
        (None, QUIET, None, None, ["slot_missing"]),
        (later(0, wal_status="lost", active=False), QUIET, RUNNING, True, ["slot_lost"]),
        (later(0, wal_status="unreserved"), QUIET, RUNNING, True, ["slot_unreserved"]),
        (later(0, active=False), QUIET, connector("STOPPED"), True, ["slot_inactive", "connector_halted"]),
        (SLOT, Forecast(MIB, 3_600_000, "the disk is full"), RUNNING, True, ["slot_forecast"]),
        (SLOT, Forecast(1, 86_400_001, "the disk is full"), RUNNING, True, []),
        (SLOT, QUIET, connector("PAUSED", "PAUSED"), True, ["connector_halted"]),
        (SLOT, QUIET, connector("FAILED"), True, ["connector_failed"]),
    ],
)
def test_a_verdict(
    slot: SlotSample | None, seen: Forecast, who: ConnectorStatus | None, begun: bool | None, expected: list[str]
) -> None:
    assert codes(slot, seen, who, begun) == expected


def test_only_a_slot_whose_connector_has_sent_is_said_to_have_lost_events() -> None:
    said = {begun: judge(None, QUIET, RUNNING, begun=begun)[0].message for begun in (True, False)}
    assert "may be missing" in said[True]
    assert "missing" not in said[False]


def test_a_trace_is_the_exception_and_its_last_cause() -> None:
    trace = "org.apache.Failed: no\n\tat A.b(A.java:1)\nCaused by: x.First: a\n\tat C\nCaused by: y.Last: b\n"
    assert short_trace(trace) == "org.apache.Failed: no <- y.Last: b"
    assert short_trace("") == ""


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"slot": "Out-Box"}, "bad_slot_name"),
        ({"slot": "x" * 64}, "bad_slot_name"),
        ({"prefix": "a b"}, "bad_topic_prefix"),
        ({"password": "hunter2"}, "secret_in_clear"),
    ],
)
def test_a_wish_that_would_not_run_is_refused(change: dict[str, str], code: str) -> None:
    with pytest.raises(UsageError) as raised:
        choices(OutboxMapping(), replace(WISH, **change))  # type: ignore[arg-type]
    assert raised.value.code == code
    assert "hunter2" not in str(raised.value.notice())


@pytest.mark.parametrize("topic", ["{event_type}", "{aggregate_type}-{aggregate_type}", "$x"])
def test_a_topic_that_the_router_can_t_make_is_refused(topic: str) -> None:
    with pytest.raises(UsageError, match="router"):
        choices(OutboxMapping(topic=topic), WISH)


def test_names_that_need_it_are_quoted_and_escaped() -> None:
    mapping = OutboxMapping(table=TableName('Out"Box', "My Shop"))
    statements = setup_sql(mapping, replace(WISH, user="De-bezium", partitioned=True, snapshot="no_data"))
    assert 'GRANT SELECT ON "My Shop"."Out""Box" TO "De-bezium";' in statements
    assert any("publish_via_partition_root = true" in one for one in statements)
    assert statements[-1] == "SELECT pg_create_logical_replication_slot('s', 'pgoutput');"
    config = as_config(choices(mapping, WISH))
    assert config["table.include.list"] == r"My\ Shop\.Out\"Box"
    assert "exactly.once.support" not in config
    assert as_config(choices(mapping, replace(WISH, exactly_once=True)))["exactly.once.support"] == "required"
