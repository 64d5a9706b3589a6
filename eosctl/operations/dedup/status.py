"""`dedup status`: how large each dedup table is, how fast it grows, what is past its window."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from eosctl.core.durations import format_duration_ms, format_size_bytes
from eosctl.core.errors import EosctlError, Notice
from eosctl.core.operation import Example, Query
from eosctl.core.params import DurationMs, param
from eosctl.core.report import Report, Section, column
from eosctl.domain.dedup import require_time
from eosctl.domain.dedup_status import DedupNumbers, forecast_bytes, notices
from eosctl.domain.outbox import quoted
from eosctl.domain.tables import CatalogueIndex, TableName
from eosctl.operations.dedup_table import DedupParams, DedupTable, every_table, rows
from eosctl.ports import Gateways

ESTIMATE_FROM_ROWS = 1_000_000
_DAY = timedelta(days=1)


class DedupStatusParams(DedupParams):
    """Which table, how exactly."""

    exact: bool = param(False, help="Count rows however many there are, instead of asking the statistics")
    ttl: DurationMs | None = param(None, help="How long entries are kept [default: the mapping's retention]", gt=0)


@dataclass(frozen=True)
class DedupStatus:
    """One table. `exact` False: beyond a million rows the counts are the planner's estimates."""

    table: str
    rows: int
    exact: bool
    size_bytes: int = field(metadata=column("size"))
    row_bytes: int | None = field(metadata=column("a row"))
    oldest_at: datetime | None
    newest_at: datetime | None
    rows_per_hour: float | None = field(metadata=column("rows an hour"))
    retention_ms: int | None = field(metadata=column("kept"))
    expired_rows: int | None = field(metadata=column("past window"))
    forecast_bytes: int | None = field(metadata=column("size at window"))
    table_bytes: int = field(metadata=column(wide=True))
    index_bytes: int = field(metadata=column(wide=True))
    dead_rows: int = field(metadata=column(wide=True))
    vacuumed_at: datetime | None = field(metadata=column(wide=True))
    time_index: str | None = field(metadata=column(wide=True))
    time_index_scans: int | None = field(metadata=column("scans", wide=True))


@dataclass(frozen=True)
class TableSeen:
    """What was read of one table. `unreadable` says why its times mean nothing, None when they do."""

    table: DedupTable
    size: Mapping[str, Any]
    rows: int
    exact: bool
    times: Mapping[str, Any] | None
    last_day: int | None
    expired: int | None
    index: CatalogueIndex | None
    index_scans: int | None
    retention_ms: int | None
    unreadable: Notice | None


def observe(gateways: Gateways, params: DedupStatusParams) -> tuple[TableSeen, ...]:
    """Every mapped table, or the named one. Beyond a million rows nothing is counted unless --exact."""
    return tuple(_look(gateways, one, params) for one in every_table(gateways, params.table))


def report(snapshot: tuple[TableSeen, ...], params: DedupStatusParams) -> Report:
    """A row for each table, and what somebody should look at."""
    found = tuple(_status(one) for one in snapshot)
    warnings = [notice for one in snapshot for notice in notices_of(one)]
    sections = tuple(Section(f"Dedup table {one.table}", _facts(one)) for one in found)
    return Report(found, DedupStatus, warnings=tuple(warnings), sections=sections if len(found) == 1 else ())


def _look(gateways: Gateways, table: DedupTable, params: DedupStatusParams) -> TableSeen:
    mapping = table.mapping
    size = gateways.database.query("dedup_size", {"name": quoted(mapping.table)})[0]
    exact = params.exact or size["estimated_rows"] <= ESTIMATE_FROM_ROWS
    count = rows(gateways, "dedup_count", mapping)[0]["rows"] if exact else size["estimated_rows"]
    retention_ms = params.ttl or mapping.retention_ms
    try:
        time_column = require_time(table.catalogue, mapping)
    except EosctlError as error:
        return TableSeen(table, size, count, exact, None, None, None, None, None, retention_ms, error.notice())
    index = table.catalogue.leading_index(time_column)
    # Without the index the oldest entry of a large table costs a scan of it all.
    times = rows(gateways, "dedup_times", mapping)[0] if index or exact else None
    scans = None
    if index is not None:
        name = quoted(TableName(index.name, table.mapping.table.schema))
        scans = gateways.database.query("dedup_index_use", {"name": name})[0]["scans"]
    now = size["now"]
    last_day = _between(gateways, table, now - _DAY, now + _DAY, exact=exact)
    expired = None
    if retention_ms is not None:
        expired = _between(gateways, table, None, now - timedelta(milliseconds=retention_ms), exact=exact)
    return TableSeen(table, size, count, exact, times, last_day, expired, index, scans, retention_ms, None)


def _between(gateways: Gateways, table: DedupTable, first: datetime | None, until: datetime, *, exact: bool) -> int:
    if exact:
        found = rows(gateways, "dedup_count_between", table.mapping, first=first, until=until, limit=None)
        return int(found[0]["rows"])
    explained = rows(gateways, "dedup_estimate_between", table.mapping, first=first, until=until)[0]
    return int(explained["QUERY PLAN"][0]["Plan"]["Plan Rows"])


def numbers_of(seen: TableSeen) -> DedupNumbers:
    """The counts of a table."""
    size_bytes = seen.size["table_bytes"] + seen.size["index_bytes"]
    rate = None if seen.last_day is None else round(seen.last_day / 24, 1)
    return DedupNumbers(seen.rows, size_bytes, seen.size["dead_rows"], rate, seen.expired, seen.retention_ms)


def _status(seen: TableSeen) -> DedupStatus:
    numbers, times = numbers_of(seen), seen.times or {}
    return DedupStatus(
        table=str(seen.table.mapping.table),
        rows=numbers.rows,
        exact=seen.exact,
        size_bytes=numbers.size_bytes,
        row_bytes=numbers.row_bytes,
        oldest_at=times.get("oldest_at"),
        newest_at=times.get("newest_at"),
        rows_per_hour=numbers.rows_per_hour,
        retention_ms=numbers.retention_ms,
        expired_rows=numbers.expired_rows,
        forecast_bytes=forecast_bytes(numbers),
        table_bytes=seen.size["table_bytes"],
        index_bytes=seen.size["index_bytes"],
        dead_rows=numbers.dead_rows,
        vacuumed_at=seen.size["vacuumed_at"],
        time_index=seen.index.name if seen.index else None,
        time_index_scans=seen.index_scans,
    )


def notices_of(seen: TableSeen) -> tuple[Notice, ...]:
    """What somebody should look at."""
    if seen.unreadable is not None:
        return (seen.unreadable,)
    mapping = seen.table.mapping
    column = quoted(TableName(str(mapping.processed_at)))
    line = f"CREATE INDEX CONCURRENTLY ON {quoted(mapping.table)} ({column});"
    return notices(str(mapping.table), numbers_of(seen), has_index=seen.index is not None, index_line=line)


def _facts(one: DedupStatus) -> list[Mapping[str, Any]]:
    """A single table reads better downwards than across."""
    return [{"field": _TITLES.get(each.name, each.name), "value": _words(one, each.name)} for each in fields(one)]


def _words(one: DedupStatus, name: str) -> Any:
    value = getattr(one, name)
    if value is None or isinstance(value, (bool, str, datetime)):
        return value
    if name.endswith("_ms"):
        return format_duration_ms(value)
    return format_size_bytes(value) if name.endswith("_bytes") else f"{value:,}"


_TITLES = {
    "exact": "counted exactly",
    "size_bytes": "size",
    "row_bytes": "bytes a row",
    "oldest_at": "oldest entry",
    "newest_at": "newest entry",
    "rows_per_hour": "rows an hour, last day",
    "retention_ms": "entries are kept",
    "expired_rows": "entries past the window",
    "forecast_bytes": "size at the window",
    "table_bytes": "table",
    "index_bytes": "indexes",
    "dead_rows": "dead rows",
    "vacuumed_at": "last vacuum",
    "time_index": "time index",
    "time_index_scans": "scans of the time index",
}


OPERATION = Query(
    name="dedup.status",
    summary="Size, growth and age of dedup tables, entries past the window, and a forecast",
    params=DedupStatusParams,
    result=DedupStatus,
    needs=("database",),
    observe=observe,
    report=report,
    details="Without --table every table that the profile maps. Beyond a million rows the counts come from "
    "PostgreSQL's statistics unless --exact. The window is the mapping's retention, or --ttl.",
    examples=(
        Example("eosctl dedup status", "Every mapped table."),
        Example("eosctl dedup status --table shop.processed --ttl 7d", "How large will it be at seven days?"),
    ),
)
