"""What is done for thousands of partitions at once gives what was done for each of them before."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eosctl.adapters.connection import KafkaConnection
from eosctl.adapters.kafka_records import KafkaRecords
from eosctl.core.plan import Plan
from eosctl.domain.kafka import TopicPartition, in_order
from eosctl.domain.offset_costs import MoveCost
from eosctl.domain.steps.offsets import MoveOffsets, OffsetMove

PLACES = st.builds(TopicPartition, st.text("ab-", min_size=1, max_size=3), st.integers(0, 30))


@given(st.sets(PLACES))
def test_partitions_in_order_are_as_sorted_has_them(places: set[TopicPartition]) -> None:
    assert in_order(places) == sorted(places)


@given(st.lists(st.integers(0, 3), max_size=5), st.integers(1, 12))
def test_the_first_rows_of_a_plan_are_those_of_the_whole(rows: list[int], limit: int) -> None:
    cost = MoveCost(offsets=1)
    moves = tuple(
        OffsetMove(topic="t", partition=at, expects_offset=2, offset=1, again=cost if kind & 1 else None,
                   skipped=cost if kind & 2 else None)
        for at, kind in enumerate(rows)
    )  # fmt: skip
    plan = Plan(
        operation="o", summary="s", steps=(MoveOffsets(group="g", moves=moves), MoveOffsets(group="h", moves=moves))
    )
    first, count = plan.first_effects(limit)
    assert (first, count) == (plan.effects()[:limit], len(plan.effects()))


class Consumer:
    """Has `there` records in each of its partitions and gives what a batch asks for; says what it was asked."""

    def __init__(self, there: dict[int, int]) -> None:
        self.messages = [_message(at, offset) for at, count in there.items() for offset in range(count)]
        self.asked: list[int] = []
        self.unassigned: list[int] = []

    def consume(self, count: int, wait_s: float) -> list[Any]:
        self.asked.append(count)
        batch, self.messages = self.messages[:count], self.messages[count:]
        return batch

    def incremental_unassign(self, places: list[Any]) -> None:
        self.unassigned += [one.partition for one in places]


def _message(partition: int, offset: int) -> Any:
    return SimpleNamespace(topic=lambda: "t", partition=lambda: partition, offset=lambda: offset, error=lambda: None,
                           timestamp=lambda: (1, 7), key=lambda: None, value=lambda: b"v", headers=lambda: None,
                           leader_epoch=lambda: 0)  # fmt: skip


@pytest.mark.parametrize(("ends", "there"), [({0: 1, 1: 1, 2: 1}, {0: 2, 1: 2, 2: 2}), ({0: 3, 1: 1}, {0: 3, 1: 1})])
def test_a_batch_asks_for_no_more_records_than_are_left(ends: dict[int, int], there: dict[int, int]) -> None:
    consumer = Consumer(there)
    left = {TopicPartition("t", at): end for at, end in ends.items()}
    reader = KafkaRecords(KafkaConnection({}), timeout_ms=1_000)
    total = sum(ends.values())
    found = [(one.partition.partition, one.offset) for one in reader._until_ends(consumer, left, total)]
    assert sorted(found) == [(at, offset) for at, end in ends.items() for offset in range(end)]
    assert consumer.asked[0] == total
    assert all(0 < one <= total for one in consumer.asked)
    assert set(consumer.unassigned) < set(ends)
