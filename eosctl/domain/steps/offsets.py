"""Steps on offsets: a group's numbers in one store, and records kept before they are skipped.

How they are done: `runtime/steps/offsets.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

from eosctl.core.counts import counted
from eosctl.core.plan import Effect, Step
from eosctl.domain.offset_costs import MoveCost
from eosctl.domain.offsets import OffsetsMapping


@dataclass(frozen=True, kw_only=True)
class OffsetMove:
    """One partition: the next-to-read offset that was seen and the one that shall be; None is no offset.

    `again` and `skipped` are what lies between the two, None when nothing does.
    """

    topic: str
    partition: int
    expects_offset: int | None
    offset: int | None
    leader_epoch: int | None = None
    metadata: str = ""
    expects_leader_epoch: int | None = None
    expects_metadata: str = ""
    again: MoveCost | None = None
    skipped: MoveCost | None = None

    @property
    def place(self) -> str:
        """`topic:partition`."""
        return f"{self.topic}:{self.partition}"

    def back(self) -> "OffsetMove":
        """The way back."""
        return OffsetMove(topic=self.topic, partition=self.partition, expects_offset=self.offset,
                          offset=self.expects_offset, leader_epoch=self.expects_leader_epoch,
                          metadata=self.expects_metadata, expects_leader_epoch=self.leader_epoch,
                          expects_metadata=self.metadata)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MoveOffsets(Step):
    """Moves a group's offsets in Kafka (no `mapping`), or in a table in one transaction."""

    kind: ClassVar[str] = "offsets.move"
    done_when: ClassVar[str] = "every partition has its new offset"

    group: str
    moves: tuple[OffsetMove, ...]
    mapping: OffsetsMapping | None = None

    @property
    def store(self) -> str:
        """Where, in words."""
        return f"table {self.mapping.table}" if self.mapping else "Kafka"

    def describe(self) -> str:
        forgets = all(one.offset is None for one in self.moves)
        what = f"Forget the offsets of {self.group}" if forgets else f"Move {self.group}"
        return f"{what} on {counted(len(self.moves), 'partition')} in {self.store}"

    def effects(self) -> tuple[Effect, ...]:
        return tuple(self._rows())

    def first_effects(self, limit: int) -> tuple[Effect, ...]:
        return tuple(islice(self._rows(), limit))

    def count_effects(self) -> int:
        return sum(1 + (one.again is not None) + (one.skipped is not None) for one in self.moves)

    def _rows(self) -> Iterator[Effect]:
        return (effect for one in self.moves for effect in self._effects(one))

    def _effects(self, one: OffsetMove) -> tuple[Effect, ...]:
        where = Effect(one.place, f"offset in {self.store}", _text(one.expects_offset), _text(one.offset))
        costs = (("processed again", one.again), ("never processed", one.skipped))
        return (where, *(Effect(one.place, what, "-", cost.words()) for what, cost in costs if cost is not None))


@dataclass(frozen=True, kw_only=True)
class SkippedRange:
    """Records of a partition from `first` to before `end` that a move to `offset` skips."""

    topic: str
    partition: int
    first: int
    end: int
    offset: int

    @property
    def place(self) -> str:
        """`topic:partition`."""
        return f"{self.topic}:{self.partition}"


@dataclass(frozen=True, kw_only=True)
class SaveSkipped(Step):
    """Keeps records that a move skips: in a new `file`, a JSON object a line, or in a topic (`to_topic`)."""

    kind: ClassVar[str] = "offsets.save_skipped"
    done_when: ClassVar[str] = "the file is there, or the group is past the records"

    group: str
    ranges: tuple[SkippedRange, ...]
    file: str = ""
    to_topic: str = ""
    mapping: OffsetsMapping | None = None

    @property
    def where(self) -> str:
        """In words."""
        return self.file or f"topic {self.to_topic}"

    def describe(self) -> str:
        return f"Keep the records that {self.group} skips in {self.where}"

    def effects(self) -> tuple[Effect, ...]:
        return tuple(
            Effect(one.place, f"kept in {self.where}", "-", f"offsets {one.first} to {one.end - 1}")
            for one in self.ranges
        )


def _text(offset: int | None) -> str:
    return "-" if offset is None else str(offset)
