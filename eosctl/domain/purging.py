"""Rules of a purge in batches, pure: how large the next batch is, how long to rest after one, when it is over."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from eosctl.core.errors import UsageError
from eosctl.domain.tables import TableName

SMALLEST_BATCH = 100
_GROW = 1.25
_SHRINK_AT_MOST = 4


@dataclass(frozen=True, kw_only=True)
class PurgeWish:
    """How rows older than `age_ms` are deleted. 0 means no limit for `rate_per_s`, `pause_ms` and `max_rows`.

    The age is measured by the server's clock. `until` ends the purge, `max_wait_ms` is the longest wait for replicas
    that lag more than `max_replica_lag_ms`, and for snapshots that are older than the purge.
    """

    age_ms: int
    batch_size: int = 10_000
    target_batch_ms: int = 200
    rate_per_s: int = 0
    pause_ms: int = 0
    max_rows: int = 0
    until: datetime | None = None
    max_replica_lag_ms: int = 10_000
    max_wait_ms: int = 600_000
    statement_timeout_ms: int = 10_000
    lock_timeout_ms: int = 1_000


@dataclass(frozen=True, kw_only=True)
class PurgeTarget:
    """Which rows: those of a table whose time column is older than the cutoff. A row without a time is never one."""

    table: TableName
    time_column: str

    def identifiers(self) -> dict[str, str | tuple[str, ...]]:
        """What fills the braces of `purge_*.sql`."""
        return {"table": self.table.parts, "time": self.time_column}


@dataclass(frozen=True)
class BatchSize:
    """How many rows the next batch takes: fewer after a slow one, more again after quick ones, at most `largest`."""

    rows: int
    largest: int

    def after(self, took_ms: int, target_ms: int) -> "BatchSize":
        """The next size. A batch over the target shrinks in proportion, at most to a quarter; below three quarters of
        the target it grows by a quarter."""
        if took_ms > target_ms:
            factor = max(target_ms / took_ms, 1 / _SHRINK_AT_MOST)
            return self._of(int(self.rows * factor))
        if took_ms * 4 < target_ms * 3:
            return self._of(int(self.rows * _GROW) + 1)
        return self

    def after_timeout(self) -> "BatchSize":
        """The next size after a batch that was cancelled."""
        return self._of(self.rows // _SHRINK_AT_MOST)

    @property
    def is_smallest(self) -> bool:
        """Whether it can't shrink."""
        return self.rows <= min(SMALLEST_BATCH, self.largest)

    def _of(self, rows: int) -> "BatchSize":
        return BatchSize(max(min(SMALLEST_BATCH, self.largest), min(rows, self.largest)), self.largest)


def first_batch(wish: PurgeWish) -> BatchSize:
    """The size to begin with: under a rate at most a second's worth."""
    largest = min(wish.batch_size, wish.rate_per_s) if wish.rate_per_s else wish.batch_size
    return BatchSize(largest, largest)


def rows_allowed(size: BatchSize, wish: PurgeWish, deleted: int) -> int:
    """How many rows the next batch may delete; 0 when `max_rows` are gone."""
    return min(size.rows, max(0, wish.max_rows - deleted)) if wish.max_rows else size.rows


def rest_ms(wish: PurgeWish, deleted: int, took_ms: int) -> int:
    """How long to rest after a batch: the pause, or longer to keep the rate."""
    owed = deleted * 1_000 // wish.rate_per_s - took_ms if wish.rate_per_s else 0
    return max(wish.pause_ms, owed, 0)


def until_time(text: str, now_local: datetime) -> datetime:
    """The next moment at which a clock on this machine's wall shows `HH:MM`. Raises UsageError (`bad_until`)."""
    try:
        wall = datetime.strptime(text.strip(), "%H:%M")
    except ValueError:
        raise UsageError(
            "bad_until", f"{text!r} is not a time of day.", hint="Write --until HH:MM, for example 06:30."
        ) from None
    end = now_local.replace(hour=wall.hour, minute=wall.minute, second=0, microsecond=0)
    return end if end > now_local else end + timedelta(days=1)
