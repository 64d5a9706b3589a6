"""The tables that `dedup init` makes: their columns by layout, what a table of the same name has instead, its days."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from eosctl.core.errors import Refused, UsageError
from eosctl.domain.dedup import DedupMapping
from eosctl.domain.tables import TableCatalogue, TableName

DAY_COLUMN = "processed_on"
_NAME_LIMIT_BYTES = 63


class Layout(StrEnum):
    """PLAIN: keyed by the id. GROUPED: by consumer group and id. PARTITIONED: by id and day, a partition a day."""

    PLAIN = "plain"
    GROUPED = "grouped"
    PARTITIONED = "partitioned"


@dataclass(frozen=True)
class DayPartition:
    """A partition of a day-partitioned table. `until` is its upper bound, None for the default partition."""

    table: TableName
    until: datetime | None


def for_layout(mapping: DedupMapping, layout: Layout) -> DedupMapping:
    """The mapping with the columns that the layout needs. Raises UsageError (`role_not_mapped`)."""
    if layout is Layout.GROUPED and mapping.consumer_group is None:
        mapping = replace(mapping, consumer_group="consumer_group")
    if layout is not Layout.GROUPED and mapping.consumer_group is not None:
        raise UsageError(
            "wrong_layout",
            f"The profile maps a consumer group's column for {mapping.table}.",
            why=f"The layout {layout} has none.",
            hint="Give --layout grouped.",
        )
    missing = [role for role in ("processed_at", "partition", "offset") if getattr(mapping, role) is None]
    if missing:
        raise UsageError(
            "role_not_mapped",
            f"{mapping.table} has no column mapped as {', '.join(missing)}.",
            why="`dedup init` makes tables that have them.",
            hint="Map them in the profile, or make the table by hand.",
        )
    return mapping


def wanted_columns(mapping: DedupMapping, layout: Layout) -> dict[str, str]:
    """Column to type, as PostgreSQL writes types."""
    columns = {
        mapping.message_id: "character varying(255)",
        str(mapping.processed_at): "timestamp with time zone",
        str(mapping.partition): "integer",
        str(mapping.offset): "character varying(50)",
    }
    if layout is Layout.GROUPED:
        columns[str(mapping.consumer_group)] = "character varying(255)"
    if layout is Layout.PARTITIONED:
        columns[DAY_COLUMN] = "date"
    return columns


def wanted_key(mapping: DedupMapping, layout: Layout) -> tuple[str, ...]:
    """The columns of the unique key."""
    match layout:
        case Layout.GROUPED:
            return (str(mapping.consumer_group), mapping.message_id)
        case Layout.PARTITIONED:
            return (mapping.message_id, DAY_COLUMN)
        case _:
            return (mapping.message_id,)


def differences(catalogue: TableCatalogue, mapping: DedupMapping, layout: Layout) -> tuple[str, ...]:
    """What an existing table has otherwise than the layout, a phrase each; () when it is the same."""
    have = {one.name: one.type for one in catalogue.columns}
    wanted = wanted_columns(mapping, layout)
    kind = "partitioned" if layout is Layout.PARTITIONED else "table"
    found = [f"it is a {catalogue.kind}, not a {kind}"] if catalogue.kind != kind else []
    found += [f"{name} {kind} is missing" for name, kind in wanted.items() if name not in have]
    found += [
        f"{name} is {have[name]}, not {kind}" for name, kind in wanted.items() if name in have and have[name] != kind
    ]
    found += [f"{name} {kind} is not in the layout" for name, kind in have.items() if name not in wanted]
    if not found and not catalogue.unique_on(wanted_key(mapping, layout)):
        found.append(f"no unique key on ({', '.join(wanted_key(mapping, layout))})")
    return tuple(found)


def require_same(catalogue: TableCatalogue, mapping: DedupMapping, layout: Layout) -> None:
    """Raises Refused (`other_table`) with the difference when the existing table is not of the layout."""
    found = differences(catalogue, mapping, layout)
    if found:
        raise Refused(
            "other_table",
            f"{catalogue.table} exists, and is not a {layout} dedup table.",
            why=f"Differences: {'; '.join(found)}.",
            hint="Choose another --table or --layout, or map the columns in the profile.",
        )


def object_name(table: str, suffix: str) -> str:
    """`<table>_<suffix>`, cut to PostgreSQL's 63 bytes."""
    room = _NAME_LIMIT_BYTES - len(suffix.encode()) - 1
    return f"{table.encode()[:room].decode(errors='ignore')}_{suffix}"


def day_partition_name(table: str, day: date) -> str:
    """The partition of one day: `processed_messages_20260301`."""
    return object_name(table, f"{day:%Y%m%d}")


def missing_days(
    partitions: Sequence[DayPartition], table: str, today: date, days_ahead: int
) -> tuple[tuple[str, date], ...]:
    """Name and day of each partition from today on that does not exist yet."""
    have = {one.table.name for one in partitions}
    reached = max((one.until.date() for one in partitions if one.until is not None), default=date.min)
    days = (today + timedelta(days=ahead) for ahead in range(days_ahead + 1))
    named = ((day_partition_name(table, day), day) for day in days if day >= reached)
    return tuple((name, day) for name, day in named if name not in have)


def bound_of(text: str | None) -> datetime | None:
    """The moment of a partition's upper bound as PostgreSQL writes it, None for one that is no time."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
