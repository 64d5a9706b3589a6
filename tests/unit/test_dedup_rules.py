"""Dedup tables without a database: mappings, ids, the window's verdicts, layouts, what status makes of its numbers."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import EosctlError, Refused, UsageError
from eosctl.domain.dedup import DedupKind, DedupMapping, IdRule, all_mappings, checked, fitted, is_mapped, mapping_of
from eosctl.domain.dedup_ids import as_stored, fingerprint, id_by, ids_of
from eosctl.domain.dedup_layout import (
    DayPartition,
    Layout,
    bound_of,
    differences,
    for_layout,
    missing_days,
    object_name,
)
from eosctl.domain.dedup_status import DedupNumbers, forecast_bytes, notices
from eosctl.domain.dedup_window import (
    DAY_MS,
    DEAD_LETTERS_AT_LEAST_MS,
    HOUR_MS,
    Memory,
    PathKind,
    RedeliveryPath,
    TopicRetention,
    WindowVerdict,
    dead_letter_path,
    judge,
    reset_path,
    retention_of,
    too_short,
    unseen_dead_letters,
    worst,
    written_up,
)
from eosctl.domain.tables import CatalogueColumn, CatalogueIndex, TableCatalogue, TableName

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def catalogue(*columns: str, kind: str = "table", **types: str) -> TableCatalogue:
    found = tuple(CatalogueColumn(one, types.get(one, "text"), True) for one in columns)
    return TableCatalogue(TableName("t", "public"), kind, found)


# --- the mapping ---


def test_kinds_bring_their_own_columns_and_the_profile_overrides_them() -> None:
    tables = {"dedup": {"pay": {"table": "shop.payments", "kind": "business", "retention": "7d", "topics": "orders"},
                        "seen": {"offset": None, "topics": ["a", "b"]}}}  # fmt: skip
    pay, seen = mapping_of(tables, "pay"), mapping_of(tables, "seen")
    assert (pay.message_id, pay.processed_at, pay.partition, pay.kind) == (
        "idempotency_key", "created_at", None, DedupKind.BUSINESS)  # fmt: skip
    assert (pay.retention_ms, pay.topics, pay.table) == (7 * DAY_MS, ("orders",), TableName("payments", "shop"))
    assert (seen.table, seen.offset, seen.partition) == (TableName("seen"), None, "partition")
    assert list(all_mappings(tables)) == ["pay", "seen"]
    assert (is_mapped(tables, "pay"), is_mapped(tables, "other"), is_mapped(tables, "")) == (True, False, False)
    assert mapping_of({}, "").table == TableName("processed_messages")


@pytest.mark.parametrize(("given_mapping", "code"), [
    ([], "bad_mapping"), ({"a": "x"}, "bad_mapping"), ({"a": {"messageid": "x"}}, "bad_mapping"),
    ({"a": {"retention": "7"}}, "bad_mapping"), ({"a": {"retention": "0d"}}, "bad_mapping"),
    ({"a": {"kind": "other"}}, "bad_mapping"), ({"a": {"id_rule": "x"}}, "bad_mapping"),
    ({"a": {"time_zone": "Europe/Berlin"}}, "bad_mapping"), ({"a": {"topics": [1]}}, "bad_mapping"),
    ({"a": {"message_id": None}}, "bad_mapping"), ({"a": {}, "b": {}}, "which_dedup"),
    ({"a": {"table": "a.b.c"}}, "bad_table_name"),
])  # fmt: skip
def test_a_wrong_mapping_is_refused(given_mapping: Any, code: str) -> None:
    if given_mapping == []:
        given_mapping = [1]
    with pytest.raises(UsageError) as caught:
        mapping_of({"dedup": given_mapping}, "")
    assert caught.value.code == code


def test_a_table_that_nobody_maps_is_fitted_and_a_mapped_one_is_not() -> None:
    found = catalogue("fingerprint", "created_at")
    mapping = fitted(found, DedupMapping(table=TableName("t")))
    assert (mapping.message_id, mapping.processed_at, mapping.partition, mapping.kind) == (
        "fingerprint", "created_at", None, DedupKind.FINGERPRINTS)  # fmt: skip
    assert checked(found, mapping).table == TableName("t", "public")
    with pytest.raises(UsageError) as caught:
        checked(found, DedupMapping(table=TableName("t")))
    assert "It has fingerprint, created_at" in caught.value.why


# --- ids ---


def test_without_a_message_id_header_the_position_is_the_id() -> None:
    ids = ids_of("orders", 3, 42, key=b"k", value=None, headers=[("idempotency_key", b"p-1")])
    assert id_by(IdRule.MESSAGE_ID, ids).id == "3-42"
    assert id_by(IdRule.TOPIC_PARTITION_OFFSET, ids).id == "orders-3-42"
    assert id_by(IdRule.IDEMPOTENCY_KEY, ids).id == "p-1"
    assert id_by(IdRule.FINGERPRINT, ids).id == fingerprint(b"k", b"")


@given(st.binary(max_size=20), st.binary(max_size=20), st.integers(0, 9), st.integers(0, 9))
def test_a_fingerprint_depends_on_content_only(key: bytes, value: bytes, partition: int, offset: int) -> None:
    first = ids_of("t", partition, offset, key=key, value=value, headers=())[-1]
    assert first == ids_of("other", partition + 1, offset + 1, key=key, value=value, headers=[("a", b"b")])[-1]
    assert len(str(first.id)) == 64


def test_ids_are_written_as_the_column_stores_them_and_wrong_ones_refused() -> None:
    assert as_stored("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11") == "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    assert (as_stored("bigint", " 007"), as_stored("bytea", "AB"), as_stored("text", "x")) == ("7", "\\xab", "x")
    for kind, wrong in (("uuid", "x"), ("bigint", "1.5"), ("bytea", "zz"), ("text", "a\0b")):
        with pytest.raises(UsageError):
            as_stored(kind, wrong)


# --- the window ---

paths = st.builds(
    RedeliveryPath,
    kind=st.sampled_from(PathKind),
    topic=st.just("t"),
    needed_ms=st.one_of(st.none(), st.integers(0, 100 * DAY_MS)),
    source=st.just("s"),
    known=st.booleans(),
)
memories = st.builds(
    Memory,
    now=st.just(NOW),
    ttl_ms=st.one_of(st.none(), st.integers(1, 100 * DAY_MS)),
    oldest_at=st.one_of(st.none(), st.integers(0, 100 * 86_400).map(lambda s: NOW - timedelta(seconds=s))),
    purged=st.booleans(),
)
counts = st.one_of(st.none(), st.integers(0, 5))


@given(paths, memories, counts)
def test_safe_is_never_said_of_a_ttl_that_is_too_short_or_of_forgotten_records(
    path: RedeliveryPath, memory: Memory, count: int | None
) -> None:
    verdict = judge(path, memory, count).verdict
    if memory.ttl_ms is not None and (path.needed_ms is None or memory.ttl_ms < path.needed_ms):
        assert verdict is not WindowVerdict.SAFE
    if memory.purged and count and (path.needed_ms is None or (memory.coverage_ms or 0) < path.needed_ms):
        assert verdict is not WindowVerdict.SAFE
    if not memory.purged and memory.ttl_ms is None:
        assert verdict is WindowVerdict.SAFE
    if verdict is WindowVerdict.UNSAFE:
        assert path.known


@given(paths, memories, counts, st.integers(1, 50 * DAY_MS))
def test_keeping_entries_longer_never_makes_it_worse(
    path: RedeliveryPath, memory: Memory, count: int | None, more_ms: int
) -> None:
    if memory.ttl_ms is None:
        return
    longer = Memory(memory.now, memory.ttl_ms + more_ms, memory.oldest_at, memory.purged)
    if judge(path, memory, count).verdict is WindowVerdict.SAFE:
        assert judge(path, longer, count).verdict is WindowVerdict.SAFE


@given(st.lists(paths, max_size=6), st.integers(1, 100 * DAY_MS))
def test_a_purge_is_refused_by_exactly_the_known_paths_that_need_more(every: list[RedeliveryPath], age_ms: int) -> None:
    short = too_short(every, age_ms)
    wanted = [one for one in every if one.known and (one.needed_ms is None or one.needed_ms > age_ms)]
    assert sorted(map(repr, short)) == sorted(map(repr, wanted))
    needs = [float("inf") if one.needed_ms is None else one.needed_ms for one in short]
    assert needs == sorted(needs, reverse=True), "the longest comes first"


def test_paths_follow_retention_records_and_thirty_days() -> None:
    old = TopicRetention("orders", 7 * DAY_MS, NOW - timedelta(days=9))
    assert reset_path(old, NOW).needed_ms == 9 * DAY_MS
    assert reset_path(TopicRetention("orders", 7 * DAY_MS, None), NOW).needed_ms == 7 * DAY_MS
    assert reset_path(TopicRetention("orders", None, None), NOW).needed_ms is None
    assert dead_letter_path(TopicRetention("d", DAY_MS, None), NOW).needed_ms == DEAD_LETTERS_AT_LEAST_MS
    assert dead_letter_path(TopicRetention("d", 60 * DAY_MS, None), NOW).needed_ms == 60 * DAY_MS
    assert not unseen_dead_letters().known
    assert retention_of({"cleanup.policy": "compact", "retention.ms": "1"}) is None
    assert retention_of({"cleanup.policy": "compact,delete", "retention.ms": "5"}) == 5
    assert retention_of({"cleanup.policy": "delete", "retention.ms": "-1"}) is None
    judged = judge(unseen_dead_letters(), Memory(NOW, 7 * DAY_MS, None, False), None)
    assert worst([judged]) is WindowVerdict.UNKNOWN


@given(st.integers(1, 10**11))
def test_a_hinted_duration_is_never_too_short(duration_ms: int) -> None:
    from eosctl.core.durations import parse_duration_ms

    assert 0 <= parse_duration_ms(written_up(duration_ms)) - duration_ms < HOUR_MS


# --- layouts ---


def test_a_table_of_the_layout_differs_in_nothing_and_any_other_in_something() -> None:
    mapping = for_layout(DedupMapping(), Layout.GROUPED)
    columns = {"message_id": "character varying(255)", "processed_at": "timestamp with time zone",
               "partition": "integer", "offset": "character varying(50)",
               "consumer_group": "character varying(255)"}  # fmt: skip
    key = CatalogueIndex("k", ("message_id", "consumer_group"), unique=True, primary=True)
    made = tuple(CatalogueColumn(name, kind, False) for name, kind in columns.items())
    same = TableCatalogue(TableName("processed_messages"), "table", made, (key,))
    assert differences(same, mapping, Layout.GROUPED) == ()
    assert differences(TableCatalogue(same.table, "table", made), mapping, Layout.GROUPED) == (
        "no unique key on (consumer_group, message_id)",)  # fmt: skip
    assert len(differences(catalogue("message_id", "note"), mapping, Layout.GROUPED)) == 6
    with pytest.raises(EosctlError):
        for_layout(mapping, Layout.PLAIN)
    with pytest.raises(UsageError):
        for_layout(DedupMapping(offset=None), Layout.PLAIN)


def test_days_that_exist_are_not_made_again() -> None:
    have = (DayPartition(TableName("t_20260301"), datetime(2026, 3, 2, tzinfo=UTC)), DayPartition(TableName("d"), None))
    missing = missing_days(have, "t", date(2026, 3, 1), 2)
    assert missing == (("t_20260302", date(2026, 3, 2)), ("t_20260303", date(2026, 3, 3)))
    assert bound_of("2026-03-02") == bound_of("2026-03-02 00:00:00+00") == datetime(2026, 3, 2, tzinfo=UTC)
    assert bound_of("abc") is None
    assert bound_of(None) is None


@given(st.text(min_size=1, max_size=80), st.sampled_from(["processed_at", "20260301"]))
def test_a_made_name_fits_postgresql(table: str, suffix: str) -> None:
    assert len(object_name(table, suffix).encode()) <= 63
    assert object_name(table, suffix).endswith(suffix)


# --- status ---


def test_the_forecast_is_rate_times_window_times_row() -> None:
    numbers = DedupNumbers(1_000, 150_000, 0, 10.0, 5, 7 * DAY_MS)
    assert forecast_bytes(numbers) == 10 * 24 * 7 * 150
    assert forecast_bytes(DedupNumbers(0, 8_192, 0, 0.0, 0, 7 * DAY_MS)) is None
    found = notices("t", DedupNumbers(100_000, 1, 50_000, 1.0, 5, 7 * DAY_MS), has_index=False, index_line="X;")
    assert [one.code for one in found] == ["no_time_index", "entries_past_window", "bloat"]
    assert "--older-than 7d" in found[1].hint
    assert notices("t", numbers_without_problem(), has_index=True, index_line="") == ()


def numbers_without_problem() -> DedupNumbers:
    return DedupNumbers(1_000, 150_000, 100, 10.0, 0, 7 * DAY_MS)


def test_refused_is_an_error_with_the_difference() -> None:
    from eosctl.domain.dedup_layout import require_same

    with pytest.raises(Refused) as caught:
        require_same(catalogue("message_id"), DedupMapping(), Layout.PLAIN)
    assert "processed_at timestamp with time zone is missing" in caught.value.why
