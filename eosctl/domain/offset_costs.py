"""What lies between two offsets of a partition: records, bytes, times; counted, or judged by a sample. Pure rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from eosctl.core.counts import counted
from eosctl.core.durations import format_size_bytes, format_time, time_from_ms
from eosctl.domain.kafka import TopicPartition

WINDOWS = 3
_MOST_PARTITIONS = 100
_LEAST_WINDOW = 10

Range = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class MoveCost:
    """What a half-open range holds. `offsets` counts transaction markers and aborted records, `records` does not.

    `records` and `size_bytes` are None when nobody looked; they are exact when `sampled` equals `offsets`, else judged
    from so many offsets at the range's beginning, middle and end. Times are those of the first and last record seen.
    """

    offsets: int
    sampled: int = 0
    records: int | None = None
    size_bytes: int | None = None
    first_ms: int | None = None
    last_ms: int | None = None

    @property
    def exact(self) -> bool:
        """Every offset was looked at."""
        return self.sampled == self.offsets

    def words(self) -> str:
        """For the plan: `30 records (4.2 KiB, 2026-03-01T12:00:00.000Z to ...)`."""
        if self.records is None:
            return f"at most {counted(self.offsets, 'record')}"
        about = f"{'' if self.exact else 'about '}{counted(self.records, 'record')}"
        parts = [format_size_bytes(self.size_bytes)] if self.size_bytes else []
        if self.first_ms is not None and self.last_ms is not None:
            parts.append(f"{format_time(time_from_ms(self.first_ms))} to {format_time(time_from_ms(self.last_ms))}")
        return f"{about} ({', '.join(parts)})" if parts else about


@dataclass
class Tally:
    """What a sample of a range has shown so far; grows while records go by, and keeps none of them."""

    sampled: int = 0
    records: int = 0
    size_bytes: int = 0
    first_ms: int | None = None
    last_ms: int | None = None

    def add(self, size_bytes: int, timestamp_ms: int | None) -> None:
        """A record: the bytes of key, value and headers, and its time."""
        self.records += 1
        self.size_bytes += size_bytes
        if timestamp_ms is not None:
            self.first_ms = timestamp_ms if self.first_ms is None else min(self.first_ms, timestamp_ms)
            self.last_ms = timestamp_ms if self.last_ms is None else max(self.last_ms, timestamp_ms)


def windows(ranges: Mapping[TopicPartition, Range], *, budget: int) -> list[dict[TopicPartition, Range]]:
    """What to read, one reading after another; at most `budget` offsets in all.

    A range that fits into its share is read whole. Of others the beginning, the middle and the end are read; beyond
    100 partitions only the largest are.
    """
    largest = sorted(ranges, key=lambda at: (ranges[at][0] - ranges[at][1], at.topic, at.partition))[:_MOST_PARTITIONS]
    readings: list[dict[TopicPartition, Range]] = [{} for _ in range(WINDOWS)]
    left = budget
    for number, at in enumerate(reversed(largest)):  # the smallest first: what they leave goes to the larger
        start, end = ranges[at]
        share = min(end - start, left // (len(largest) - number))
        left -= share
        if share == end - start:
            readings[0][at] = (start, end)
            continue
        size = share // WINDOWS
        if size < _LEAST_WINDOW:
            continue
        middle = start + (end - start - size) // 2
        for reading, begin in zip(readings, (start, middle, end - size), strict=True):
            reading[at] = (begin, begin + size)
    return [one for one in readings if one]


def cost(offsets: int, tally: Tally) -> MoveCost:
    """The cost of a range of so many offsets, from what a sample of it showed."""
    if not tally.sampled:
        return _only_counted(offsets)
    return MoveCost(
        offsets=offsets,
        sampled=tally.sampled,
        records=round(tally.records * offsets / tally.sampled),
        size_bytes=round(tally.size_bytes * offsets / tally.sampled),
        first_ms=tally.first_ms,
        last_ms=tally.last_ms,
    )


@lru_cache(maxsize=1_024)
def _only_counted(offsets: int) -> MoveCost:
    """Of thousands of partitions that nobody looked at, most are alike."""
    return MoveCost(offsets=offsets)


def total(costs: Iterable[MoveCost]) -> MoveCost:
    """All together; what nobody looked at counts with its offsets, and then the whole is not exact."""
    every = list(costs)
    looked = [one for one in every if one.records is not None]
    firsts = [one.first_ms for one in looked if one.first_ms is not None]
    lasts = [one.last_ms for one in looked if one.last_ms is not None]
    return MoveCost(
        offsets=sum(one.offsets for one in every),
        sampled=sum(one.sampled for one in every),
        records=sum(one.offsets if one.records is None else one.records for one in every) if looked else None,
        size_bytes=sum(one.size_bytes or 0 for one in looked) if len(looked) == len(every) and looked else None,
        first_ms=min(firsts, default=None),
        last_ms=max(lasts, default=None),
    )
