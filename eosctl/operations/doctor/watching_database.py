"""What the audit sees of PostgreSQL: settings, slots, sessions, and the tables of exactly-once. Reads only."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from eosctl.core.errors import EosctlError, UsageError, did_you_mean
from eosctl.domain.audit.facts import PostgresFacts, Slot, TableFacts
from eosctl.domain.audit.naming import mapped_tables
from eosctl.domain.audit.rules.tables import GROUP_COLUMN, ID_COLUMNS, role_of
from eosctl.domain.tables import TableCatalogue, TableName, parse_table_name
from eosctl.ports import Gateways

_SETTINGS = (
    "synchronous_commit", "fsync", "full_page_writes", "default_transaction_isolation", "TimeZone", "wal_level",
    "max_slot_wal_keep_size", "synchronous_standby_names",
)  # fmt: skip
_TELLING = (*ID_COLUMNS, GROUP_COLUMN, "aggregate_id", "aggregateid")


def watch_postgres(gateways: Gateways) -> PostgresFacts:
    """The server. Raises Unreachable, and UsageError (`no_database`)."""
    database = gateways.database
    rights = database.query("doctor_rights")[0]
    settings = {str(one["name"]): one["value"] for one in database.query("doctor_settings", {"names": list(_SETTINGS)})}
    all_stats = bool(rights["all_stats"])
    return PostgresFacts(
        "the database",
        settings,
        tuple(Slot(**one) for one in database.query("doctor_slots")),
        tuple((one["pid"], one["age_ms"]) for one in database.query("doctor_activity")) if all_stats else None,
        tuple((one["gid"], one["age_ms"]) for one in database.query("doctor_prepared")),
        tuple((one["name"], one["lag_ms"]) for one in database.query("doctor_replicas")) if all_stats else None,
        int(rights["published"]),
        bool(rights["in_recovery"]),
    )


def watch_tables(gateways: Gateways, names: Collection[str]) -> tuple[TableFacts, ...]:
    """These tables; without names those of the profile's mappings and those whose columns tell what they are for.

    Raises UsageError (`unknown_table`) with the nearest names.
    """
    rows = gateways.database.query("doctor_tables", {"columns": list(_TELLING)})
    known = {f"{one['schema']}.{one['name']}": tuple(one["columns"]) for one in rows}
    mapped = {noun: mapped_tables(gateways.profile, noun) for noun in ("dedup", "outbox")}
    if names:
        wanted = [_named(gateways, one, known) for one in names]
    else:
        own = [name for tables in mapped.values() for name in tables]
        found = [one for name in own if (one := gateways.database.describe_table(parse_table_name(name)))]
        have = {str(one.table) for one in found}
        told = [name for name, columns in known.items() if role_of(columns) and name not in have]
        wanted = [*found, *(_named(gateways, name, known) for name in told)]
    return tuple(_facts(gateways, one, mapped) for one in wanted)


def _named(gateways: Gateways, name: str, known: Collection[str]) -> TableCatalogue:
    # an entry of `known` is `schema.name` unquoted, so that it can be taken apart at its first dot
    table = TableName(name.partition(".")[2], name.partition(".")[0]) if name in known else parse_table_name(name)
    found = gateways.database.describe_table(table)
    if found is None:
        hint = did_you_mean(name, [*known, *(one.partition(".")[2] for one in known)])
        raise UsageError(
            "unknown_table", f"There is no table {name}.", hint=hint or "Check the schema and the search_path."
        )
    return found


def _facts(
    gateways: Gateways, catalogue: TableCatalogue, mapped: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> TableFacts:
    name, columns = catalogue.table, tuple(one.name for one in catalogue.columns)
    mapping: Mapping[str, Any] = {}
    role = role_of(columns)
    for noun, tables in mapped.items():
        for key, one in tables.items():
            if key in (name.name, str(name)):
                role, mapping = noun, one
    stored = gateways.database.query("doctor_persistence", {"schema": name.schema, "name": name.name})
    return TableFacts(
        catalogue,
        role,
        bool(stored and stored[0]["unlogged"]),
        _racing(gateways, name) if role == "dedup" else (),
        str(mapping.get("message_id", "")),
    )


def _racing(gateways: Gateways, table: TableName) -> tuple[str, ...] | None:
    try:
        rows = gateways.database.query("doctor_functions", {"pattern": re.escape(table.name)})
    except EosctlError:
        return None
    return tuple(str(one["name"]) for one in rows)
