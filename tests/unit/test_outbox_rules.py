"""The outbox's rules: order within an aggregate, lanes shared without overlap, what a comparison counts."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import UsageError
from eosctl.domain import outbox_relay as rules
from eosctl.domain.outbox import OutboxMapping, differences, has_poll_index, has_published_index, mapping_of
from eosctl.domain.outbox_events import (
    NotARecord,
    OutboxEvent,
    ValueForm,
    check_topic_template,
    is_legal_topic,
    record_of,
    topic_of,
)
from eosctl.domain.outbox_reconcile import DEDUP, PENDING, PUBLISHED, TABLE, TOPIC, Comparison, Finding
from eosctl.domain.outbox_status import OutboxLimits, OutboxNumbers, Verdict, bloat_bytes, judge_outbox
from eosctl.domain.steps.outbox import PARTS, part_name, statements_of
from eosctl.domain.tables import CatalogueColumn, CatalogueIndex, TableCatalogue, TableName

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAX_RETRIES = 3


def event(number: int, aggregate: str = "1", *, retries: int = 0, locked: bool = True, **given: Any) -> OutboxEvent:
    settings = {"aggregate_type": "Order", "event_type": "created", "payload": '{"n": 1}', **given}
    return OutboxEvent(
        id=UUID(int=number), aggregate_id=aggregate, created_at=AT, retry_count=retries, locked=locked, **settings
    )


states = st.tuples(st.sampled_from("abc"), st.integers(0, MAX_RETRIES + 1), st.booleans())
batches = st.lists(states, max_size=30).map(
    lambda given: [event(n, name, retries=retries, locked=locked) for n, (name, retries, locked) in enumerate(given)]
)


@given(batches)
def test_what_goes_out_is_the_unbroken_beginning_of_each_aggregate(batch: list[OutboxEvent]) -> None:
    chosen = rules.select(batch, MAX_RETRIES)
    for name in {one.aggregate for one in batch}:
        mine = [one for one in batch if one.aggregate == name]
        out = [one for one in chosen.ready if one.aggregate == name]
        assert out == mine[: len(out)]
        assert all(one.locked and one.retry_count < MAX_RETRIES for one in out)
        stopped = name in chosen.exhausted or name in chosen.locked_elsewhere
        assert stopped == (len(out) < len(mine))


@given(st.integers(1, 100))
def test_the_shares_of_all_relays_cover_every_lane(relays: int) -> None:
    assert rules.fair_share(relays) * relays >= rules.LANES


@given(st.integers(1, 8), st.data())
def test_relays_that_share_in_turn_end_with_all_lanes_held_once(relays: int, data: st.DataObject) -> None:
    held: list[set[int]] = [set() for _ in range(relays)]
    held[0] = set(range(rules.LANES))
    for _ in range(3):
        for number in data.draw(st.permutations(range(relays))):
            mine = held[number]
            mine -= set(rules.lanes_to_release(mine, relays))
            taken = set().union(*(one for at, one in enumerate(held) if at != number))
            wanted = rules.lanes_to_try(mine, taken, relays)
            assert not taken & set(wanted)
            mine |= set(wanted)
            assert len(mine) <= rules.fair_share(relays)
    for mine in held:
        taken = set().union(*(one for one in held if one is not mine))
        mine |= set(rules.lanes_to_try(mine, taken, relays))
    assert sorted(lane for mine in held for lane in mine) == list(range(rules.LANES))


def test_delays_double_and_stay_within_half_a_minute() -> None:
    delays = [rules.retry_delay_ms(count) for count in range(40)]
    assert delays[:4] == [200, 400, 800, 1_600]
    assert delays == sorted(delays)
    assert delays[-1] == 30_000


def test_a_hold_is_let_go_when_its_time_has_come_and_a_longer_one_wins() -> None:
    holds = rules.Holds()
    holds.hold(("order", "1"), 500)
    holds.hold(("order", "1"), 200)
    holds.hold(("order", "2"), 300)
    assert holds.next_due_ms() == 300
    holds.release_due(300)
    assert set(holds.until_ms) == {("order", "1")}
    assert holds.next_due_ms() == 500


def test_a_row_becomes_a_record_with_its_key_and_headers() -> None:
    record = record_of(event(7, "4711"), "{aggregate_type}-events", ValueForm.PAYLOAD)
    assert (record.topic, record.key, record.value) == ("order-events", b"4711", b'{"n": 1}')
    assert record.headers == [
        ("event-type", b"created"),
        ("aggregate-type", b"Order"),
        ("idempotency-key", str(UUID(int=7)).encode()),
    ]


def test_an_envelope_holds_the_row_and_its_payload_as_json() -> None:
    record = record_of(event(7, payload='{"ü": [1, null]}'), "x", ValueForm.ENVELOPE)
    assert record.value is not None
    assert json.loads(record.value) == {
        "id": str(UUID(int=7)), "aggregate_type": "Order", "aggregate_id": "1", "event_type": "created",
        "created_at": "2026-03-01T12:00:00.000Z", "payload": {"ü": [1, None]},
    }  # fmt: skip


@pytest.mark.parametrize("payload", ["no json", "{", b"\xff"])
def test_a_payload_that_is_no_json_fits_in_no_envelope_and_goes_out_alone(payload: str | bytes) -> None:
    with pytest.raises(NotARecord, match="payload_not_json"):
        record_of(event(1, payload=payload), "x", ValueForm.ENVELOPE)
    assert record_of(event(1, payload=payload), "x", ValueForm.PAYLOAD).value is not None


def test_no_payload_is_a_tombstone() -> None:
    assert record_of(event(1, payload=None), "x", ValueForm.PAYLOAD).value is None


@given(st.text(max_size=300))
def test_an_aggregate_type_makes_a_legal_topic_or_no_record(kind: str) -> None:
    topic = topic_of("{aggregate_type}", kind, "e")
    if is_legal_topic(topic):
        assert record_of(event(1, aggregate_type=kind), "{aggregate_type}", ValueForm.PAYLOAD).topic == topic
    else:
        with pytest.raises(NotARecord, match="illegal_topic"):
            record_of(event(1, aggregate_type=kind), "{aggregate_type}", ValueForm.PAYLOAD)


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "ä", "x" * 250, "a/b"])
def test_kafka_would_refuse_these_names(name: str) -> None:
    assert not is_legal_topic(name)


@pytest.mark.parametrize("template", ["{", "{}", "{id}", "{aggregate_id}-x", "}"])
def test_a_template_with_unknown_braces_is_refused(template: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_topic_template(template)
    assert caught.value.code == "bad_topic_template"


ids = st.text("abcdef", min_size=1, max_size=2)


@given(
    st.dictionaries(ids, st.booleans(), max_size=12),
    st.lists(ids, max_size=25),
    st.sets(ids, max_size=12),
    st.booleans(),
)
def test_a_comparison_counts_every_event_in_one_place(
    table: dict[str, bool], topic: list[str], marked: set[str], deduplicated: bool
) -> None:
    seen = Comparison(deduplicated=deduplicated)
    sides = {
        TABLE: [(one, PUBLISHED if published else PENDING) for one, published in table.items()],
        TOPIC: [(one, f"0@{at}") for at, one in enumerate(topic)],
        DEDUP: [(one, "") for one in marked] if deduplicated else [],
    }
    seen.add_bucket(sides, limit=1_000)
    assert seen.published_there + seen.unmarked + seen.lost + seen.pending_absent + seen.processed_gone == len(table)
    assert seen.unknown == len(set(topic) - set(table))
    forgiven = marked if deduplicated else set()
    lost = {one for one, published in table.items() if published and one not in topic and one not in forgiven}
    assert {one.id for one in seen.oddities if one.finding is Finding.LOST} == lost
    assert seen.lost == len(lost)
    assert seen.extra_copies == sum(topic.count(one) - 1 for one in table if one in topic)
    unprocessed = {one.id for one in seen.oddities if one.finding is Finding.UNPROCESSED}
    assert unprocessed == ({one for one in table if one in topic and one not in marked} if deduplicated else set())


def test_oddities_are_named_to_the_limit_and_counted_beyond_it() -> None:
    seen = Comparison()
    seen.add_bucket({TABLE: [(str(n), PUBLISHED) for n in range(10)]}, limit=3)
    assert (seen.lost, len(seen.oddities)) == (10, 3)


WELL = OutboxNumbers(pending=5, failed=0, oldest_pending_age_ms=100, live_rows=10, dead_rows=0, has_poll_index=True)
LIMITS = OutboxLimits(max_age_ms=1_000, max_pending=100)


@pytest.mark.parametrize(
    ("change", "verdict", "reason"),
    [
        ({}, Verdict.OK, None),
        ({"failed": 1}, Verdict.PROBLEM, "events_failed"),
        ({"oldest_pending_age_ms": 1_001}, Verdict.PROBLEM, "oldest_pending"),
        ({"pending": 101}, Verdict.PROBLEM, "backlog"),
        ({"has_poll_index": False}, Verdict.WARNING, "no_poll_index"),
        ({"dead_rows": 20_000}, Verdict.WARNING, "bloat"),
    ],
)
def test_each_trouble_has_its_verdict_and_reason(change: dict[str, Any], verdict: Verdict, reason: str | None) -> None:
    found, reasons = judge_outbox(OutboxNumbers(**{**vars(WELL), **change}), LIMITS)
    assert found is verdict
    assert [one.code for one in reasons] == ([reason] if reason else [])


def test_bloat_is_the_dead_rows_share() -> None:
    assert bloat_bytes(1_000, 3, 1) == 250
    assert bloat_bytes(1_000, 0, 0) == 0


def catalogue(**types: str) -> TableCatalogue:
    columns = {
        "id": "uuid", "aggregate_type": "text", "aggregate_id": "text", "event_type": "text", "payload": "jsonb",
        "created_at": "timestamp with time zone", "published_at": "timestamp with time zone",
        "retry_count": "integer", "last_error": "text", **types,
    }  # fmt: skip
    return TableCatalogue(
        TableName("outbox", "public"), "table", tuple(CatalogueColumn(*one, True) for one in columns.items() if one[1])
    )


def test_a_table_is_held_against_its_mapping_column_by_column() -> None:
    assert differences(catalogue(), OutboxMapping()) == ()
    found = differences(catalogue(payload="", retry_count="text", published_at="date"), OutboxMapping())
    assert found == ("no column payload", "published_at is date, not timestamp", "retry_count is text, not integer")
    assert differences(catalogue(published_at="", retry_count="", last_error=""), OutboxMapping(
        published_at=None, retry_count=None, last_error=None)) == ()  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "predicate", "polls", "purges"),
    [
        (("created_at",), "(published_at IS NULL)", True, False),
        (("published_at",), "(published_at IS NOT NULL)", False, True),
        (("published_at",), None, False, True),
        (("published_at",), "(published_at IS NULL)", False, False),
        (("created_at",), None, False, False),
    ],
)
def test_indexes_are_known_by_what_they_serve(
    columns: tuple[str, ...], predicate: str | None, polls: bool, purges: bool
) -> None:
    index = CatalogueIndex("i", columns, unique=False, primary=False, predicate=predicate)
    table = TableCatalogue(TableName("outbox"), "table", (), (index,))
    assert has_poll_index(table, OutboxMapping()) is polls
    assert has_published_index(table, OutboxMapping()) is purges


@given(st.text(min_size=1, max_size=80))
def test_names_of_parts_fit_postgresql(table: str) -> None:
    names = [part_name(TableName(table), part) for part in PARTS if part != "table"]
    assert all(len(name.encode()) <= 63 for name in names)
    assert len(set(names)) == len(names)


def test_every_part_has_statements() -> None:
    assert all(statements_of(OutboxMapping(), part) for part in PARTS)


@pytest.mark.parametrize(
    ("tables", "name", "code"),
    [
        ({"outbox": ["a"]}, "", "bad_mapping"),
        ({"outbox": {"a": {"tabel": "x"}}}, "a", "bad_mapping"),
        ({"outbox": {"a": {"max_retries": "ten"}}}, "a", "bad_mapping"),
        ({"outbox": {"a": {}, "b": {}}}, "", "which_outbox"),
        ({}, "a.b.c", "bad_table_name"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused_by_name(tables: dict[str, Any], name: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        mapping_of(tables, name)
    assert caught.value.code == code
