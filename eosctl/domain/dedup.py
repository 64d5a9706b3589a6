"""The memory of a deduplicating consumer: how a profile maps its table, and what a table must have for which work.

`tables.dedup` maps names to tables. Its keys are the fields of `DedupMapping`; `kind` says what an entry is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from eosctl.core.durations import parse_duration_ms
from eosctl.core.errors import OperationFailed, UsageError, did_you_mean
from eosctl.domain.tables import TableCatalogue, TableName, check_mapping, parse_table_name


class DedupKind(StrEnum):
    """What a row is.

    MESSAGES: an entry for each message, made to be forgotten. FINGERPRINTS: the same, by the content's SHA-256.
    BUSINESS: a row of the business itself (a payment) that carries the key: never purged.
    """

    MESSAGES = "messages"
    FINGERPRINTS = "fingerprints"
    BUSINESS = "business"


class IdRule(StrEnum):
    """How a record becomes an id. MESSAGE_ID: the header, else partition and offset."""

    MESSAGE_ID = "message-id"
    IDEMPOTENCY_KEY = "idempotency-key"
    PARTITION_OFFSET = "partition-offset"
    TOPIC_PARTITION_OFFSET = "topic-partition-offset"
    FINGERPRINT = "fingerprint"


@dataclass(frozen=True, kw_only=True)
class DedupMapping:
    """A table, the columns that hold each role (None: no such column), and what its owner promises.

    `retention_ms` is how long entries are kept, None when nobody said. Records of `topics` and `dead_letter_topics` are
    checked against the table by the consumer group `group`. `time_zone` is `UTC` for a time column without a zone that
    holds UTC.
    """

    table: TableName = field(default=TableName("processed_messages"))
    kind: DedupKind = DedupKind.MESSAGES
    message_id: str = "message_id"
    processed_at: str | None = "processed_at"
    partition: str | None = "partition"
    offset: str | None = "offset"
    consumer_group: str | None = None
    id_rule: IdRule = IdRule.MESSAGE_ID
    retention_ms: int | None = None
    topics: tuple[str, ...] = ()
    dead_letter_topics: tuple[str, ...] = ()
    group: str = ""
    time_zone: str = ""

    def columns(self) -> dict[str, str | None]:
        """Role to column."""
        return {role: getattr(self, role) for role in ROLES}

    def identifiers(self) -> dict[str, str | tuple[str, ...]]:
        """What fills the braces of the statement files: the table, and each role's column.

        A role without a column is filled with the id's, for a statement can't leave a name out; `presence()` tells it
        which of them to use.
        """
        named = {role: column or self.message_id for role, column in self.columns().items()}
        return {"table": self.table.parts, **named}

    def presence(self) -> dict[str, bool]:
        """Arguments `has_<role>` of the statement files, for each role that may be absent."""
        return {f"has_{role}": getattr(self, role) is not None for role in OPTIONAL_ROLES}


OPTIONAL_ROLES = ("processed_at", "partition", "offset", "consumer_group")
ROLES = ("message_id", *OPTIONAL_ROLES)
_SETTINGS = {one.name for one in fields(DedupMapping)} - {"retention_ms"} | {"retention"}
_BY_KIND: Mapping[DedupKind, Mapping[str, Any]] = {
    DedupKind.MESSAGES: {},
    DedupKind.FINGERPRINTS: {
        "message_id": "fingerprint",
        "partition": None,
        "offset": None,
        "id_rule": IdRule.FINGERPRINT,
    },
    DedupKind.BUSINESS: {
        "message_id": "idempotency_key",
        "processed_at": "created_at",
        "partition": None,
        "offset": None,
        "id_rule": IdRule.IDEMPOTENCY_KEY,
    },
}
_EXAMPLE = "Write tables: {dedup: {orders: {table: shop.processed_messages}}}."


def mapping_of(tables: Mapping[str, Any], name: str) -> DedupMapping:
    """The mapping called `name` in the profile's `tables.dedup`, or a table of that name with the usual columns.

    "" means the only mapping there is, or the table `processed_messages`. Raises UsageError (`bad_mapping`,
    `which_dedup`).
    """
    known = _known(tables)
    if name in known:
        return _parsed(name, known[name])
    if name:
        return DedupMapping(table=parse_table_name(name))
    if len(known) > 1:
        raise UsageError(
            "which_dedup", "The profile maps several dedup tables.", hint=f"Give --table, one of {', '.join(known)}."
        )
    return _parsed(*next(iter(known.items()))) if known else DedupMapping()


def is_mapped(tables: Mapping[str, Any], name: str) -> bool:
    """Whether the profile says what `mapping_of(tables, name)` is; if not, its columns are the usual ones."""
    known = _known(tables)
    return name in known or (not name and len(known) == 1)


def all_mappings(tables: Mapping[str, Any]) -> dict[str, DedupMapping]:
    """Every mapping of the profile's `tables.dedup` by its name, {} when there is none. Raises UsageError."""
    return {name: _parsed(name, given) for name, given in _known(tables).items()}


def fitted(catalogue: TableCatalogue | None, mapping: DedupMapping) -> DedupMapping:
    """The mapping for a table that no profile maps: usual columns that this table lacks are taken as absent.

    The id is looked for under its three usual names. Nothing changes for a table that has them all, or does not exist.
    """
    if catalogue is None:
        return mapping
    have = {one.name for one in catalogue.columns}
    absent = {
        role: None for role in OPTIONAL_ROLES if (column := getattr(mapping, role)) is not None and column not in have
    }
    found: dict[str, Any] = dict(absent)
    if "processed_at" in absent and "created_at" in have:
        found["processed_at"] = "created_at"
    if mapping.consumer_group is None and "consumer_group" in have:
        found["consumer_group"] = "consumer_group"
    for column, kind in (("fingerprint", DedupKind.FINGERPRINTS), ("idempotency_key", DedupKind.BUSINESS)):
        if mapping.message_id not in have and column in have:
            found |= {"message_id": column, "kind": kind, "id_rule": _BY_KIND[kind]["id_rule"]}
            break
    return replace(mapping, **found)


def checked(catalogue: TableCatalogue | None, mapping: DedupMapping) -> DedupMapping:
    """The mapping with the table's real schema. Raises UsageError when table or columns do not exist."""
    found = check_mapping(catalogue, mapping.table, mapping.columns())
    return replace(mapping, table=found.table)


def require_time(catalogue: TableCatalogue, mapping: DedupMapping) -> str:
    """The time column. Raises UsageError (`no_time_column`) without one, OperationFailed (`time_without_zone`,
    `not_a_time`) for one whose values do not tell a moment."""
    if mapping.processed_at is None:
        raise UsageError(
            "no_time_column",
            f"{mapping.table} has no time column, so nothing tells how old an entry is.",
            why=f"It has {', '.join(one.name for one in catalogue.columns)}.",
            hint="Map processed_at in the profile, or add such a column.",
        )
    column = catalogue.column(mapping.processed_at)
    kind = column.type if column else ""
    if kind.startswith("timestamp") and kind.endswith("with time zone"):
        return mapping.processed_at
    if not kind.startswith("timestamp"):
        raise OperationFailed(
            "not_a_time",
            f"{mapping.table}.{mapping.processed_at} is {kind}, not a timestamp.",
            hint="Map a timestamptz column as processed_at.",
        )
    if mapping.time_zone != "UTC":
        raise OperationFailed(
            "time_without_zone",
            f"{mapping.table}.{mapping.processed_at} has no time zone.",
            why="Its values may be hours off, and an entry may be younger than it looks.",
            hint="Make it timestamptz, or map time_zone: UTC in the profile when it holds UTC.",
        )
    return mapping.processed_at


def _known(tables: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    known = tables.get("dedup") or {}
    if not isinstance(known, Mapping) or not all(isinstance(one, Mapping) for one in known.values()):
        raise UsageError("bad_mapping", "tables.dedup is not a mapping of names to tables.", hint=_EXAMPLE)
    return known


def _parsed(name: str, given: Mapping[str, Any]) -> DedupMapping:
    for key in given:
        if key not in _SETTINGS:
            hint = did_you_mean(str(key), _SETTINGS) or f"There are {', '.join(sorted(_SETTINGS))}."
            raise UsageError("bad_mapping", f"tables.dedup.{name}: {key!r} is not known.", hint=hint)
    kind = _one_of(DedupKind, name, "kind", given.get("kind", DedupKind.MESSAGES))
    settings: dict[str, Any] = {
        **_BY_KIND[kind],
        "kind": kind,
        "table": parse_table_name(str(given.get("table", name))),
    }
    for key, value in given.items():
        if key not in ("kind", "table"):
            settings |= _setting(name, key, value)
    return DedupMapping(**settings)


def _setting(name: str, key: str, value: Any) -> dict[str, Any]:
    match key:
        case "retention":
            return {"retention_ms": _retention_ms(name, value)}
        case "topics" | "dead_letter_topics":
            if isinstance(value, str):
                value = [value]
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                raise _bad(name, key, value, "Write a list of topics.")
            return {key: tuple(value)}
        case "id_rule":
            return {key: _one_of(IdRule, name, key, value)}
        case "time_zone" if value not in ("", "UTC"):
            raise _bad(name, key, value, "Only UTC: any other zone has an hour that comes twice in autumn.")
        case _ if key in OPTIONAL_ROLES and value is None:
            return {key: None}
        case _ if not isinstance(value, str):
            raise _bad(name, key, value, "Write a name.")
        case _:
            return {key: value}


def _retention_ms(name: str, value: Any) -> int:
    try:
        retention_ms = parse_duration_ms(str(value))
    except UsageError as error:
        raise _bad(name, "retention", value, error.why) from None
    if retention_ms <= 0:
        raise _bad(name, "retention", value, "It must be longer than nothing, for example 7d.")
    return retention_ms


def _one_of(values: type[Any], name: str, key: str, value: Any) -> Any:
    try:
        return values(value)
    except ValueError:
        hint = f"There are {', '.join(one.value for one in values)}."
        raise _bad(name, key, value, hint) from None


def _bad(name: str, key: str, value: Any, hint: str) -> UsageError:
    return UsageError("bad_mapping", f"tables.dedup.{name}.{key}: {value!r} is not what is wanted here.", hint=hint)
