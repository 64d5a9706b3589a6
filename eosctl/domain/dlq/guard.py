"""Whether a target already holds a newer record of a key: the rule of `--guard-newer`. Pure.

Within one partition offsets tell which record is newer. Where the origin's place is not one of the target (`--to`
another topic, no origin headers, a key that lies elsewhere since partitions were added) timestamps tell. A copy that
a guarded replay wrote names the place it stands for; any other copy is as old as its timestamp says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eosctl.domain.dlq.decoding import REPLAY_COUNT, REPLAY_ORIGIN
from eosctl.domain.dlq.seen import digest_of

NOWHERE = (-1, -1)


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest record of a key that is known of one partition; partition -1 for a place that nobody knows."""

    partition: int
    offset: int
    written_ms: int

    def joined(self, other: "Mark") -> "Mark":
        """Both in one: the later offset, the later time."""
        return Mark(self.partition, max(self.offset, other.offset), max(self.written_ms, other.written_ms))


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a dead letter goes, the place it has in that topic (`NOWHERE` when it has none), when it was written."""

    topic: str
    key: bytes
    place: tuple[int, int]
    written_ms: int

    @property
    def digest(self) -> bytes:
        """128 bits that name topic and key."""
        return digest_of(self.topic.encode(), self.key)


def is_newer(mark: Mark, one: Destination) -> bool:
    """Whether a record of the target was written after the dead letter."""
    if mark.partition >= 0 and mark.partition == one.place[0]:
        return mark.offset > one.place[1]
    return mark.written_ms > one.written_ms


def mark_of(topic: str, place: tuple[int, int], written_ms: int, headers: Any) -> Mark:
    """The mark of a record of the target: of itself, or, for a copy by a replay, of what it stands for."""
    names = dict(headers or ())
    if REPLAY_COUNT not in names:
        return Mark(*place, written_ms)
    origin, _, at = (names.get(REPLAY_ORIGIN) or b"").decode("utf-8", "replace").rpartition("/")
    partition, _, offset = at.partition(":")
    if origin == topic and partition.isdecimal() and offset.isdecimal():
        return Mark(int(partition), int(offset), written_ms)
    return Mark(*NOWHERE, written_ms)


def origin_header(topic: str, place: tuple[int, int]) -> tuple[str, bytes]:
    """What a guarded replay writes into its copy, so that a later look knows what it stands for."""
    return REPLAY_ORIGIN, f"{topic}/{place[0]}:{place[1]}".encode()


@dataclass
class Marks:
    """The marks of one batch's keys by digest, and what the batch itself has sent."""

    known: dict[bytes, dict[int, Mark]] = field(default_factory=dict)
    sent: list[tuple[bytes, Mark]] = field(default_factory=list)

    @classmethod
    def of(cls, found: Iterable[tuple[bytes, Mark]]) -> "Marks":
        """From what an index holds."""
        marks = cls()
        for digest, mark in found:
            marks._join(digest, mark)
        return marks

    def has_newer(self, one: Destination) -> bool:
        """Whether the target holds, or this batch sends, a newer record of the key."""
        marks: Mapping[int, Mark] = self.known.get(one.digest) or {}
        return any(is_newer(mark, one) for mark in marks.values())

    def send(self, one: Destination) -> None:
        """The dead letter goes on: what follows of its key is held against it, too."""
        mark = Mark(*one.place, one.written_ms)
        self._join(one.digest, mark)
        self.sent.append((one.digest, mark))

    def _join(self, digest: bytes, mark: Mark) -> None:
        by_partition = self.known.setdefault(digest, {})
        before = by_partition.get(mark.partition)
        by_partition[mark.partition] = mark if before is None else before.joined(mark)
