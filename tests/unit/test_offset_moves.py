"""The planner of moves never leaves the log, plans nothing twice, and its undo leads back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import Refused, UsageError
from eosctl.domain.kafka import (
    CommittedOffset,
    GroupDescription,
    GroupMember,
    GroupProtocol,
    LogOffsets,
    Offset,
    TopicPartition,
)
from eosctl.domain.offset_activity import Evidence, TableActivity
from eosctl.domain.offset_costs import Tally, cost, windows
from eosctl.domain.offsets import Drift, OffsetMeans, OffsetsMapping, drift, mapping_of
from eosctl.domain.steps.offsets import MoveOffsets
from eosctl.operations.offsets_move import plan_move
from eosctl.operations.offsets_safety import MoveParams, MoveSeen
from eosctl.operations.offsets_seen import OffsetsSeen

AT = TopicPartition("payments", 0)
NUMBERS = st.integers(0, 1_000)
PARAMS = MoveParams(group="orders", store="both")


def seen(start: int, length: int, kafka: int, table: int) -> OffsetsSeen:
    log = LogOffsets(Offset(start), Offset(start + length), Offset(start + length))
    return OffsetsSeen(kafka={"orders": {AT: CommittedOffset(Offset(kafka))}}, table={"orders": {AT: table}},
                       logs={AT: log}, counts={"payments": 1}, mapping=OffsetsMapping())  # fmt: skip


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.integers(-2_000, 4_000))
def test_a_move_stays_in_the_log_is_idempotent_and_its_undo_returns(
    start: int, length: int, kafka: int, table: int, wish: int
) -> None:
    before = seen(start, length, kafka, table)
    plan = plan_move("offsets.reset", MoveSeen(before, {AT: wish}), PARAMS, clamp=True)
    moves = [(one, move) for one in plan.steps if isinstance(one, MoveOffsets) for move in one.moves]
    for step, move in moves:
        assert move.offset is not None
        assert start <= move.offset <= start + length
        assert move.expects_offset == (table if step.mapping else kafka)
        assert (move.back().offset, move.back().expects_offset) == (move.expects_offset, move.offset)
        assert move.back().back() == replace(move, again=None, skipped=None)
    wished = min(max(wish, start), start + length)
    after = seen(start, length, wished, wished)
    assert plan_move("offsets.reset", MoveSeen(after, {AT: wish}), PARAMS, clamp=True).steps == ()


def test_the_table_moves_before_kafka() -> None:
    plan = plan_move("offsets.reset", MoveSeen(seen(0, 10, 4, 4), {AT: 1}), PARAMS, clamp=True)
    assert [one.mapping is not None for one in plan.steps if isinstance(one, MoveOffsets)] == [True, False]


@pytest.mark.parametrize(
    ("protocol", "members", "code"),
    [
        (GroupProtocol.CLASSIC, 1, "group_active"),
        (GroupProtocol.SHARE, 1, "group_active"),
        (GroupProtocol.STREAMS, 0, "group_protocol"),
    ],
)
def test_a_group_that_can_not_be_moved_is_refused(protocol: GroupProtocol, members: int, code: str) -> None:
    about = GroupDescription("orders", protocol, "Stable", 1, (GroupMember("m", "worker-7", "host"),) * members)
    unsafe = replace(seen(0, 10, 4, 4), descriptions={"orders": about})
    with pytest.raises(Refused) as refused:
        plan_move("offsets.reset", MoveSeen(unsafe, {AT: 1}), PARAMS, clamp=True)
    assert refused.value.code == code


def test_a_table_whose_rows_move_is_refused() -> None:
    young = TableActivity("consumer_offsets", Evidence.COMMITS, {AT: 59_999})
    active = replace(seen(0, 10, 4, 4), activity=young)
    with pytest.raises(Refused, match="by PostgreSQL's commit timestamps") as refused:
        plan_move("offsets.reset", MoveSeen(active, {AT: 1}), PARAMS, clamp=True)
    assert refused.value.code == "table_active"
    quiet = replace(active, activity=replace(young, ages_ms={AT: 60_000}))
    told = plan_move("offsets.reset", MoveSeen(quiet, {AT: 1}), PARAMS, clamp=True).warnings
    assert "table_quiet" in {one.code for one in told}
    assert plan_move("offsets.reset", MoveSeen(active, {AT: 4}), PARAMS, clamp=True).steps == ()  # it is there already


@given(
    st.dictionaries(st.integers(0, 20), st.integers(0, 200_000)), st.sets(st.integers(0, 20)), st.integers(0, 100_000)
)
def test_the_youngest_row_that_is_not_settled_decides(ages: dict[int, int], settled: set[int], idle_ms: int) -> None:
    places = {TopicPartition("t", one): age for one, age in ages.items()}
    found = TableActivity("t", Evidence.WATCHED, places).busy(idle_ms, {TopicPartition("t", one) for one in settled})
    young = [age for one, age in ages.items() if age < idle_ms and one not in settled]
    assert (None if found is None else places[found]) == (min(young) if young else None)


@given(NUMBERS)
def test_both_meanings_are_converted_and_back(offset: int) -> None:
    for means in OffsetMeans:
        mapping = OffsetsMapping(offset_means=means)
        assert mapping.next_to_read(mapping.stored(offset)) == offset
    assert OffsetsMapping(offset_means=OffsetMeans.LAST_PROCESSED).stored(offset) == offset - 1


@pytest.mark.parametrize(
    ("kafka", "table", "expected"),
    [(5, 5, Drift.EQUAL), (5, 6, Drift.OFF_BY_ONE), (5, 9, Drift.TABLE_AHEAD), (9, 5, Drift.KAFKA_AHEAD),
     (5, None, Drift.ONLY_KAFKA), (None, 5, Drift.ONLY_TABLE), (11, 11, Drift.OUT_OF_RANGE)],
)  # fmt: skip
def test_drift_has_a_name(kafka: int | None, table: int | None, expected: Drift) -> None:
    assert drift(kafka, table, LogOffsets(Offset(0), Offset(10), Offset(10))) is expected


@pytest.mark.parametrize(
    ("tables", "code"),
    [
        ({"offsets": {"a": {"topc": "t"}}}, "bad_mapping"),
        ({"offsets": {"a": {"offset_means": "nonsense"}}}, "bad_mapping"),
        ({"offsets": {"a": {}, "b": {}}}, "which_offsets"),
    ],
)
def test_a_bad_mapping_is_named(tables: dict[str, object], code: str) -> None:
    with pytest.raises(UsageError) as refused:
        mapping_of(tables, "")
    assert refused.value.code == code


def test_nothing_processed_is_no_row_where_a_table_holds_the_last_processed() -> None:
    before = replace(seen(0, 10, 4, 4), mapping=OffsetsMapping(offset_means=OffsetMeans.LAST_PROCESSED))
    plan = plan_move("offsets.reset", MoveSeen(before, {AT: 0}), PARAMS, clamp=True)
    table, kafka = (one.moves[0].offset for one in plan.steps if isinstance(one, MoveOffsets))
    assert (table, kafka) == (None, 0)
    assert "row_removed" in {one.code for one in plan.warnings}
    gone = replace(before, table={"orders": {AT: 4, TopicPartition("payments", 1): 7}})
    assert plan_move("offsets.reset", MoveSeen(gone, {AT: 1}), PARAMS, clamp=True).steps


def test_a_table_without_a_row_of_the_group_is_said() -> None:
    bare = replace(seen(0, 10, 4, 4), table={})
    with pytest.raises(UsageError) as refused:
        plan_move("offsets.reset", MoveSeen(bare, {AT: 1}), PARAMS, clamp=True)
    assert refused.value.code == "no_rows"
    new = PARAMS.model_copy(update={"allow_new": True})
    assert len(plan_move("offsets.reset", MoveSeen(bare, {AT: 1}), new, clamp=True).steps) == 2


def test_behind_the_log_start_and_into_an_open_transaction_are_said() -> None:
    log = LogOffsets(Offset(100), Offset(150), Offset(200))
    world = replace(seen(0, 10, 180, 180), logs={AT: log})
    behind = plan_move("offsets.reset", MoveSeen(world, {AT: 3}), PARAMS, clamp=True)
    assert any("the log's start" in one.message for one in behind.warnings)
    inside = plan_move("offsets.reset", MoveSeen(world, {AT: 160}), PARAMS, clamp=True)
    assert "open_transaction" in {one.code for one in inside.warnings}


@given(st.dictionaries(st.integers(0, 200), st.tuples(NUMBERS, st.integers(1, 5_000))), st.integers(0, 20_000))
def test_a_sample_stays_in_its_ranges_and_its_budget(wanted: dict[int, tuple[int, int]], budget: int) -> None:
    ranges = {TopicPartition("t", one): (start, start + length) for one, (start, length) in wanted.items()}
    readings = windows(ranges, budget=budget)
    assert sum(end - start for one in readings for start, end in one.values()) <= budget
    for reading in readings:
        for at, (start, end) in reading.items():
            assert ranges[at][0] <= start < end <= ranges[at][1]


def test_a_sample_says_how_exact_it_is() -> None:
    def tally(sampled: int) -> Tally:
        found = Tally(sampled=sampled)
        for size, time_ms in ((300, 3_000), (100, 1_000)):
            found.add(size, time_ms)
        return found

    assert cost(2, tally(2)).words() == "2 records (400 B, 1970-01-01T00:00:01.000Z to 1970-01-01T00:00:03.000Z)"
    judged = cost(30, tally(3))
    assert (judged.exact, judged.records, judged.size_bytes) == (False, 20, 4_000)
    assert judged.words().startswith("about 20 records (3.9 KiB")
    assert cost(30, Tally()).words() == "at most 30 records"
