"""Steps of dedup tables: making them, purging them. How they are done: `runtime/steps/dedup.py`."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from eosctl.core.durations import format_duration_ms, format_time
from eosctl.core.plan import Effect, Step
from eosctl.domain.dedup import DedupMapping
from eosctl.domain.dedup_layout import Layout
from eosctl.domain.purging import PurgeTarget, PurgeWish
from eosctl.domain.tables import TableName


@dataclass(frozen=True, kw_only=True)
class CreateDedupTable(Step):
    """Makes the table with its key and its time index, in one transaction."""

    kind: ClassVar[str] = "dedup.create_table"
    done_when: ClassVar[str] = "the table exists"

    mapping: DedupMapping
    layout: Layout
    index: str

    def describe(self) -> str:
        return f"Create {self.mapping.table} ({self.layout}) and its time index {self.index}"

    def effects(self) -> tuple[Effect, ...]:
        name = str(self.mapping.table)
        return (Effect(name, "table", "-", self.layout.value), Effect(name, "time index", "-", self.index))


@dataclass(frozen=True, kw_only=True)
class CreateDayPartition(Step):
    """Makes the partition of one day (`2026-03-01`), or the default partition (`day` None)."""

    kind: ClassVar[str] = "dedup.create_day"
    done_when: ClassVar[str] = "the partition exists"

    mapping: DedupMapping
    name: str
    day: str | None

    def describe(self) -> str:
        return f"Create partition {self.name} of {self.mapping.table}"

    def effects(self) -> tuple[Effect, ...]:
        return (Effect(str(self.mapping.table), f"partition {self.day or 'default'}", "-", self.name),)


@dataclass(frozen=True, kw_only=True)
class CreateTimeIndex(Step):
    """Makes the time index of a table that exists, without locking writers out."""

    kind: ClassVar[str] = "dedup.create_index"
    done_when: ClassVar[str] = "a valid index begins with the time column"

    mapping: DedupMapping
    name: str

    def describe(self) -> str:
        return f"Create index {self.name} on {self.mapping.table} concurrently"

    def effects(self) -> tuple[Effect, ...]:
        return (Effect(str(self.mapping.table), "time index", "-", self.name),)


@dataclass(frozen=True, kw_only=True)
class DropDedupPart(Step):
    """Takes back what `dedup init` made: a table or a partition only while it is empty."""

    kind: ClassVar[str] = "dedup.drop_part"
    done_when: ClassVar[str] = "it is gone"

    table: TableName
    index: str = ""

    def describe(self) -> str:
        return f"Drop index {self.index}" if self.index else f"Drop {self.table}"

    def effects(self) -> tuple[Effect, ...]:
        return (Effect(str(self.table), "index" if self.index else "table", self.index or "empty", "-"),)


@dataclass(frozen=True, kw_only=True)
class PurgeRows(Step):
    """Deletes old entries of one table in batches. `expired_rows` were seen; `exactly` False means at least so many."""

    kind: ClassVar[str] = "dedup.purge_rows"
    done_when: ClassVar[str] = "no entry is older"

    target: PurgeTarget
    wish: PurgeWish
    expired_rows: int
    exactly: bool = True

    def describe(self) -> str:
        until = f", until {format_time(self.wish.until)} at the latest" if self.wish.until else ""
        age = format_duration_ms(self.wish.age_ms)
        return f"Delete entries of {self.target.table} older than {age}, {self.wish.batch_size} at a time{until}"

    def effects(self) -> tuple[Effect, ...]:
        left = max(0, self.expired_rows - self.wish.max_rows) if self.wish.max_rows else 0
        seen = f"{self.expired_rows:,}" if self.exactly else f"more than {self.expired_rows:,}"
        after = f"{left:,}" if self.exactly or not self.wish.max_rows else f"{self.wish.max_rows:,} fewer"
        return (Effect(str(self.target.table), "expired entries", seen, after),)


@dataclass(frozen=True, kw_only=True)
class DropExpiredPartition(Step):
    """Detaches and drops a partition of which every entry is older than the age, by the server's clock."""

    kind: ClassVar[str] = "dedup.drop_partition"
    done_when: ClassVar[str] = "the partition is gone"

    mapping: DedupMapping
    partition: TableName
    age_ms: int
    rows: int
    expects_newest_at: datetime | None
    lock_timeout_ms: int = 1_000

    def describe(self) -> str:
        return f"Detach and drop partition {self.partition} of {self.mapping.table}"

    def effects(self) -> tuple[Effect, ...]:
        newest = f", the newest of {format_time(self.expects_newest_at)}" if self.expects_newest_at else ""
        return (Effect(str(self.partition), "entries", f"{self.rows:,}{newest}", "partition dropped"),)


@dataclass(frozen=True, kw_only=True)
class VacuumTable(Step):
    """VACUUM (ANALYZE): makes the room of dead rows usable again and statistics new."""

    kind: ClassVar[str] = "dedup.vacuum"
    done_when: ClassVar[str] = "never: it runs each time"

    table: TableName

    def describe(self) -> str:
        return f"VACUUM (ANALYZE) {self.table}"

    def effects(self) -> tuple[Effect, ...]:
        return (Effect(str(self.table), "dead rows", "kept", "reusable"),)
