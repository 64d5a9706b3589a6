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
from eosctl.domain.offsets import Drift, OffsetMeans, OffsetsMapping, drift, mapping_of
from eosctl.domain.steps.offsets import MoveOffsets
from eosctl.operations.offsets_move import MoveParams, MoveSeen, plan_move
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
        assert move.back().back() == move
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
        (GroupProtocol.SHARE, 0, "group_protocol"),
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
    with pytest.raises(Refused, match="changed while"):
        plan_move("offsets.reset", MoveSeen(seen(0, 10, 4, 4), {AT: 1}, (AT,)), PARAMS, clamp=True)


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
