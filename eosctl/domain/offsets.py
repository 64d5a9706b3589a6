"""Offsets in both stores: the mapped table, the meaning of what it holds, and where a move leads. Pure rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.domain.kafka import LogOffsets
from eosctl.domain.tables import TableCatalogue, TableName, check_mapping, parse_table_name


class OffsetMeans(StrEnum):
    """What a table's number says. Kafka itself holds the next to read."""

    NEXT_TO_READ = "next_to_read"
    LAST_PROCESSED = "last_processed"


@dataclass(frozen=True, kw_only=True)
class OffsetsMapping:
    """A table of stored offsets (`tables.offsets` of the profile), its columns, and what its numbers mean."""

    table: TableName = field(default=TableName("consumer_offsets"))
    topic: str = "topic"
    partition: str = "partition"
    consumer_group: str = "consumer_group"
    committed_offset: str = "committed_offset"
    updated_at: str | None = None
    offset_means: OffsetMeans = OffsetMeans.NEXT_TO_READ

    def columns(self) -> dict[str, str | None]:
        """Role to column."""
        return {role: getattr(self, role) for role in (*_ROLES, "updated_at")}

    def identifiers(self) -> dict[str, str | tuple[str, ...]]:
        """What fills the braces of the statement files."""
        stamp = {"updated_at": self.updated_at} if self.updated_at else {}
        return {"table": self.table.parts, **{role: getattr(self, role) for role in _ROLES}, **stamp}

    def next_to_read(self, stored: int) -> int:
        """Kafka's number for the table's."""
        return stored + 1 if self.offset_means is OffsetMeans.LAST_PROCESSED else stored

    def stored(self, next_to_read: int) -> int:
        """The table's number for Kafka's. Offset 0 has none where it holds the last processed: no row says it."""
        return next_to_read - 1 if self.offset_means is OffsetMeans.LAST_PROCESSED else next_to_read


_ROLES = ("topic", "partition", "consumer_group", "committed_offset")


def mapping_of(tables: Mapping[str, Any], name: str) -> OffsetsMapping:
    """The mapping called `name` in the profile's `tables.offsets`, or a table of that name with the usual columns.

    "" means the only mapping there is, or `consumer_offsets`. Raises UsageError (`bad_mapping`, `which_offsets`).
    """
    known = _known(tables)
    if name in known:
        return _parsed(name, known[name])
    if name:
        return OffsetsMapping(table=parse_table_name(name))
    if len(known) > 1:
        raise UsageError("which_offsets", "The profile maps several tables of offsets.",
                         hint=f"Give --table, one of {', '.join(known)}.")  # fmt: skip
    return _parsed(*next(iter(known.items()))) if known else OffsetsMapping()


def all_mappings(tables: Mapping[str, Any]) -> dict[str, OffsetsMapping]:
    """Every mapping of the profile's `tables.offsets` by its name, {} when there is none. Raises UsageError."""
    return {name: _parsed(name, given) for name, given in _known(tables).items()}


def checked(catalogue: TableCatalogue | None, mapping: OffsetsMapping) -> OffsetsMapping:
    """The mapping with the table's real schema. Raises UsageError when table or columns do not exist, and for an
    `updated_at` without a time zone: how long ago it was is anybody's guess."""
    found = check_mapping(catalogue, mapping.table, mapping.columns())
    stamp = found.column(mapping.updated_at) if mapping.updated_at else None
    if stamp is not None and not stamp.type.endswith("with time zone"):
        raise UsageError("bad_mapping", f"{found.table}.{stamp.name} (mapped as updated_at) is {stamp.type}.",
                         why="Without a time zone nobody knows how long ago that was.",
                         hint="Map a column of type timestamptz, or leave updated_at out.")  # fmt: skip
    return replace(mapping, table=found.table)


def _known(tables: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    known = tables.get("offsets") or {}
    if not isinstance(known, Mapping) or not all(isinstance(one, Mapping) for one in known.values()):
        raise UsageError("bad_mapping", "tables.offsets is not a mapping of names to tables.",
                         hint="Write tables: {offsets: {orders: {table: shop.consumer_offsets}}}.")  # fmt: skip
    return known


def _parsed(name: str, given: Mapping[str, Any]) -> OffsetsMapping:
    known = {one.name for one in fields(OffsetsMapping)}
    for key, value in given.items():
        if key not in known:
            hint = did_you_mean(key, known) or f"There are {', '.join(sorted(known))}."
            raise UsageError("bad_mapping", f"tables.offsets.{name}: {key!r} is not a role.", hint=hint)
        if not isinstance(value, str):
            raise UsageError("bad_mapping", f"tables.offsets.{name}.{key}: {value!r} is not what is wanted here.")
    settings: dict[str, Any] = {**given, "table": parse_table_name(str(given.get("table", name)))}
    means = str(given.get("offset_means", OffsetMeans.NEXT_TO_READ))
    if means not in list(OffsetMeans):
        raise UsageError("bad_mapping", f"tables.offsets.{name}.offset_means: {means!r} is unknown.",
                         hint=f"Write one of {', '.join(OffsetMeans)}.")  # fmt: skip
    return OffsetsMapping(**{**settings, "offset_means": OffsetMeans(means)})


class Drift(StrEnum):
    """How the table compares with Kafka on one partition."""

    EQUAL = "equal"
    OFF_BY_ONE = "off by one"
    TABLE_AHEAD = "table ahead"
    KAFKA_AHEAD = "Kafka ahead"
    ONLY_KAFKA = "missing in table"
    ONLY_TABLE = "missing in Kafka"
    OUT_OF_RANGE = "out of range"


def drift(kafka: int | None, table: int | None, log: LogOffsets | None) -> Drift:
    """Both are next-to-read offsets; one of them is given. Out of range goes before all else."""
    if log is not None and any(one is not None and out_of_range(one, log) for one in (kafka, table)):
        return Drift.OUT_OF_RANGE
    if table is None:
        return Drift.ONLY_KAFKA
    if kafka is None:
        return Drift.ONLY_TABLE
    if kafka == table:
        return Drift.EQUAL
    if abs(kafka - table) == 1:
        return Drift.OFF_BY_ONE
    return Drift.TABLE_AHEAD if table > kafka else Drift.KAFKA_AHEAD


def out_of_range(offset: int, log: LogOffsets) -> str:
    """Why an offset can't be read from: "" when it can."""
    if offset < log.log_start:
        return "below start"
    return "past the end" if offset > log.high_watermark else ""


def clamped(offset: int, log: LogOffsets) -> int:
    """Within the log, as kafka-consumer-groups.sh does (`checkOffsetsRange`)."""
    raised = log.log_start if offset < log.log_start else offset
    return log.high_watermark if raised > log.high_watermark else raised
