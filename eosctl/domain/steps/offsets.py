"""Steps on offsets: a group's numbers in one store. How they are done: `runtime/steps/offsets.py`."""

from dataclasses import dataclass
from typing import ClassVar

from eosctl.core.plan import Effect, Step
from eosctl.domain.offsets import OffsetsMapping


@dataclass(frozen=True, kw_only=True)
class OffsetMove:
    """One partition: the next-to-read offset that was seen and the one that shall be; None is no offset."""

    topic: str
    partition: int
    expects_offset: int | None
    offset: int | None
    leader_epoch: int | None = None
    metadata: str = ""
    expects_leader_epoch: int | None = None
    expects_metadata: str = ""

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
        count = len(self.moves)
        return f"Move {self.group} on {count} partition{'s' if count != 1 else ''} in {self.store}"

    def effects(self) -> tuple[Effect, ...]:
        return tuple(
            Effect(one.place, f"offset in {self.store}", _text(one.expects_offset), _text(one.offset))
            for one in self.moves
        )


def _text(offset: int | None) -> str:
    return "-" if offset is None else str(offset)
