"""What the numbers of a dedup table mean: its size at the window's end, and what somebody should look at. Pure."""

from dataclasses import dataclass

from eosctl.core.counts import counted
from eosctl.core.durations import format_duration_ms
from eosctl.core.errors import Notice
from eosctl.domain.dedup_window import written_up

_BLOAT_FROM_ROWS = 10_000
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class DedupNumbers:
    """Counts of one table; None where they could not be had."""

    rows: int
    size_bytes: int
    dead_rows: int
    rows_per_hour: float | None
    expired_rows: int | None
    retention_ms: int | None

    @property
    def row_bytes(self) -> int | None:
        """Bytes of table and indexes for each row; None for an empty table."""
        return self.size_bytes // self.rows if self.rows else None


def forecast_bytes(numbers: DedupNumbers) -> int | None:
    """The size when the table holds a whole window at the rate of the last day; None without rate, row or window."""
    if numbers.rows_per_hour is None or numbers.retention_ms is None or numbers.row_bytes is None:
        return None
    return round(numbers.rows_per_hour * numbers.retention_ms / _HOUR_MS * numbers.row_bytes)


def notices(name: str, numbers: DedupNumbers, *, has_index: bool, index_line: str) -> tuple[Notice, ...]:
    """What somebody should look at, in the order in which it hurts."""
    found = []
    if not has_index:
        found.append(Notice("no_time_index", f"{name} has no index on its time column: a purge would read all of it.",
                            f"Make it: {index_line}"))  # fmt: skip
    if numbers.expired_rows and numbers.retention_ms:
        age, ttl = format_duration_ms(numbers.retention_ms), written_up(numbers.retention_ms)
        entries = counted(numbers.expired_rows, "entry", "entries")
        found.append(Notice("entries_past_window", f"{name} holds {entries} older than {age}.",
                            f"eosctl dedup purge --table {name} --older-than {ttl}"))  # fmt: skip
    if numbers.dead_rows >= _BLOAT_FROM_ROWS and numbers.dead_rows > numbers.rows // 4:
        found.append(Notice("bloat", f"{name} holds {numbers.dead_rows:,} dead rows beside {numbers.rows:,}.",
                            "Does autovacuum run, or does an old transaction or a slot hold it up?"))  # fmt: skip
    return tuple(found)
