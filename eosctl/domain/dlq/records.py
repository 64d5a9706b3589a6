"""What a dead letter's record offers before anything is decoded: the shape that the driver's messages have too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class RawRecord(Protocol):
    """A record as the driver hands it over; methods, so that no copy is made of each of many million records."""

    def partition(self) -> int | None:
        """Its partition."""

    def offset(self) -> int | None:
        """Its offset."""

    def timestamp(self) -> tuple[int, int]:
        """(type, milliseconds); type 0 is none, 1 the producer's, 2 the broker's."""

    def key(self) -> Any:
        """The key's bytes or None."""

    def value(self) -> Any:
        """The value's bytes or None."""

    def headers(self) -> Any:
        """(name, bytes or None) in order, or None for no headers."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one read, in order for each partition. `positions` is the next offset by partition.

    A partition that is through has its range's end as its position, past markers and gaps. A batch in the order of
    origins has no positions; `after` tells the place of its last record.
    """

    records: Sequence[RawRecord]
    positions: Mapping[int, int]
    after: str = ""


@dataclass(frozen=True, slots=True)
class PlainRecord:
    """A RawRecord of plain values, for tests, rehydrated records and the index on disk."""

    at: tuple[int, int]
    time: tuple[int, int]
    raw_key: bytes | None
    raw_value: bytes | None
    raw_headers: tuple[tuple[str, bytes | None], ...] = ()

    def partition(self) -> int:
        """Its partition."""
        return self.at[0]

    def offset(self) -> int:
        """Its offset."""
        return self.at[1]

    def timestamp(self) -> tuple[int, int]:
        """(type, milliseconds)."""
        return self.time

    def key(self) -> bytes | None:
        """The key's bytes or None."""
        return self.raw_key

    def value(self) -> bytes | None:
        """The value's bytes or None."""
        return self.raw_value

    def headers(self) -> tuple[tuple[str, bytes | None], ...]:
        """The headers in order."""
        return self.raw_headers


@dataclass(frozen=True, slots=True)
class RehydratedRecord(PlainRecord):
    """A dead letter that was only a pointer, with key, value and headers of the record that it points to.

    Place and time are the dead letter's; `origin_ms` is the time of the record itself, 0 when it has none.
    """

    origin_ms: int = 0
