"""The outbox table: how a profile maps its columns, and what must be mapped for which work."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.domain.tables import TableCatalogue, TableName, check_mapping, parse_table_name

DEFAULT_TOPIC = "{aggregate_type}-events"
NOTIFY_CHANNEL = "eosctl_outbox"
"""The channel of the trigger that `outbox init --notify` makes; its payload is the table's `schema.name`."""


@dataclass(frozen=True, kw_only=True)
class OutboxMapping:
    """An outbox table and the columns that hold each role; a role that is None has no column.

    `max_retries` is the count from which an event has failed for good; `topic` is the template of its topic's name.
    """

    table: TableName = field(default=TableName("outbox"))
    id: str = "id"
    aggregate_type: str = "aggregate_type"
    aggregate_id: str = "aggregate_id"
    event_type: str = "event_type"
    payload: str = "payload"
    created_at: str = "created_at"
    published_at: str | None = "published_at"
    retry_count: str | None = "retry_count"
    last_error: str | None = "last_error"
    max_retries: int = 10
    topic: str = DEFAULT_TOPIC

    def columns(self) -> dict[str, str | None]:
        """Role to column."""
        return {role: getattr(self, role) for role in ROLES}

    def identifiers(self) -> dict[str, str | tuple[str, ...]]:
        """What fills the braces of the outbox's statement files: the table and each mapped column by its role."""
        mapped = {role: column for role, column in self.columns().items() if column is not None}
        return {"table": self.table.parts, **mapped}


ROLES = (
    "id",
    "aggregate_type",
    "aggregate_id",
    "event_type",
    "payload",
    "created_at",
    "published_at",
    "retry_count",
    "last_error",
)
_MARKING = ("published_at", "retry_count", "last_error")


def mapping_of(tables: Mapping[str, Any], name: str) -> OutboxMapping:
    """The mapping called `name` in the profile's `tables.outbox`, or a table of that name with the usual columns.

    "" means the only mapping there is, or the table `outbox`. Raises UsageError (`bad_mapping`, `which_outbox`).
    """
    known = tables.get("outbox") or {}
    if not isinstance(known, Mapping) or not all(isinstance(one, Mapping) for one in known.values()):
        raise UsageError(
            "bad_mapping",
            "tables.outbox is not a mapping of names to tables.",
            hint="Write tables: {outbox: {orders: {table: shop.outbox}}}.",
        )
    if name in known:
        return _parsed(name, known[name])
    if name:
        return OutboxMapping(table=parse_table_name(name))
    if len(known) > 1:
        raise UsageError(
            "which_outbox", "The profile maps several outbox tables.", hint=f"Give --table, one of {', '.join(known)}."
        )
    return _parsed(*next(iter(known.items()))) if known else OutboxMapping()


def require_marking(mapping: OutboxMapping) -> None:
    """Raises UsageError (`role_not_mapped`) for a table without the columns by which a poller marks its rows."""
    missing = [role for role in _MARKING if getattr(mapping, role) is None]
    if missing:
        raise UsageError(
            "role_not_mapped",
            f"{mapping.table} has no column mapped as {', '.join(missing)}.",
            why="A relay marks rows with them; a table that only Debezium reads needs none.",
            hint="Map them in the profile, or use `eosctl cdc`.",
        )


def quoted(table: TableName) -> str:
    """The name as PostgreSQL's `to_regclass` reads it."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in table.parts)


def checked(catalogue: TableCatalogue | None, mapping: OutboxMapping) -> OutboxMapping:
    """The mapping with the table's real schema. Raises UsageError when table or columns do not exist."""
    found = check_mapping(catalogue, mapping.table, mapping.columns())
    return replace(mapping, table=found.table)


def differences(catalogue: TableCatalogue, mapping: OutboxMapping) -> tuple[str, ...]:
    """What a table lacks of the mapping, or has of another type, in words; () when it fits."""
    found = []
    for role, column in mapping.columns().items():
        if column is None:
            continue
        have = catalogue.column(column)
        if have is None:
            found.append(f"no column {column}")
        elif role in _TYPES and not have.type.startswith(_TYPES[role]):
            found.append(f"{column} is {have.type}, not {_TYPES[role][0]}")
    return tuple(found)


_TYPES = {
    "created_at": ("timestamp",),
    "published_at": ("timestamp",),
    "retry_count": ("integer", "smallint", "bigint"),
}


def has_poll_index(catalogue: TableCatalogue, mapping: OutboxMapping) -> bool:
    """Whether a valid partial index begins with the creation time and covers pending rows only."""
    return any(
        one.valid and one.columns[:1] == (mapping.created_at,) and "IS NULL" in (one.predicate or "")
        for one in catalogue.indexes
    )


def has_published_index(catalogue: TableCatalogue, mapping: OutboxMapping) -> bool:
    """Whether a valid index begins with the publishing time and covers published rows."""
    return any(
        one.valid and one.columns[:1] == (mapping.published_at,) and (not one.predicate or _IS_SET in one.predicate)
        for one in catalogue.indexes
    )


_IS_SET = "IS NOT NULL"


def _parsed(name: str, given: Mapping[str, Any]) -> OutboxMapping:
    known = {one.name for one in fields(OutboxMapping)}
    for key, value in given.items():
        if key not in known:
            hint = did_you_mean(key, known) or f"There are {', '.join(sorted(known))}."
            raise UsageError("bad_mapping", f"tables.outbox.{name}: {key!r} is not a role.", hint=hint)
        nullable = key in _MARKING and value is None
        if not nullable and not isinstance(value, int if key == "max_retries" else str):
            raise UsageError("bad_mapping", f"tables.outbox.{name}.{key}: {value!r} is not what is wanted here.")
    settings = dict(given)
    settings["table"] = parse_table_name(str(given.get("table", name)))
    return OutboxMapping(**settings)
