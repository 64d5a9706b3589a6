"""Leaders that metadata named a moment ago are taken for the first question only: one that has moved is asked anew."""

from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from eosctl.adapters import kafka_python
from eosctl.adapters.kafka_python import Leaders
from eosctl.adapters.kafka_transactions import KafkaTransactions
from eosctl.domain.kafka import TopicPartition

NOT_LEADER = 6
ORDERS = TopicPartition("orders", 0)


def metadata(leader: int) -> Any:
    partition = SimpleNamespace(partition_index=0, leader_id=leader)
    return SimpleNamespace(topics=[SimpleNamespace(name="orders", partitions=[partition])])


class MovingAdmin:
    """Leader 1 was seen; it is 2 that leads now."""

    def __init__(self) -> None:
        self.asked: list[int | None] = []

    def version_of(self, request: Any) -> int:
        return 0

    def leaders(self, partitions: Sequence[TopicPartition], *, just_seen: bool = False) -> dict[TopicPartition, int]:
        return {one: 1 if just_seen else 2 for one in partitions}

    def send(self, requests: Sequence[tuple[int | None, Any]]) -> list[Any]:
        return [self._answer(node) for node, _ in requests]

    def until_settled(self, items: Iterable[Any], attempt: Callable[[list[Any], bool], Iterable[Any]]) -> None:
        left = list(items)
        while left:
            left = list(attempt(left, False))

    def _answer(self, node: int | None) -> Any:
        self.asked.append(node)
        code = 0 if node == 2 else NOT_LEADER
        partition = SimpleNamespace(partition_index=0, error_code=code, active_producers=[])
        return SimpleNamespace(error_code=0, topics=[SimpleNamespace(name="orders", partitions=[partition])])


def test_a_leader_that_has_moved_is_asked_for_anew() -> None:
    admin: Any = MovingAdmin()
    assert KafkaTransactions(admin).describe_producers([ORDERS]).failures == ()
    assert admin.asked == [1, 2]


def test_seen_leaders_hold_for_a_second_and_only_when_all_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(kafka_python, "time", SimpleNamespace(monotonic=lambda: now[0]))
    seen = Leaders(metadata(leader=3))
    assert seen.of([ORDERS]) == {ORDERS: 3}
    assert seen.of([ORDERS, TopicPartition("orders", 1)]) is None
    assert Leaders(metadata(leader=-1)).of([ORDERS]) is None
    assert Leaders().of([ORDERS]) is None
    now[0] += 1.5
    assert seen.of([ORDERS]) is None
