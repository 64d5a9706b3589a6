"""The dedup table that an operation is about: found by the profile's mapping, checked against the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eosctl.core.params import Params, param
from eosctl.domain.dedup import DedupMapping, all_mappings, checked, fitted, is_mapped, mapping_of
from eosctl.domain.dedup_layout import DayPartition, bound_of
from eosctl.domain.outbox import quoted
from eosctl.domain.tables import TableCatalogue, TableName
from eosctl.ports import Gateways


class DedupParams(Params):
    """Which dedup table."""

    table: str = param(
        "",
        help="A mapping's name in the profile's tables.dedup, or a table [default: the only mapping, else "
        "processed_messages]",
        examples=("orders", "shop.processed_messages"),
    )


@dataclass(frozen=True)
class DedupTable:
    """A mapping with the table's real schema, and what the catalogue says."""

    mapping: DedupMapping
    catalogue: TableCatalogue


def wished_mapping(gateways: Gateways, name: str) -> DedupMapping:
    """The mapping alone; the table need not exist."""
    return mapping_of(gateways.profile.get("tables") or {}, name)


def found_table(gateways: Gateways, name: str) -> DedupTable:
    """The existing table. Raises UsageError (`unknown_table`, `unknown_column`)."""
    mapping = wished_mapping(gateways, name)
    catalogue = gateways.database.describe_table(mapping.table)
    if not is_mapped(gateways.profile.get("tables") or {}, name):
        mapping = fitted(catalogue, mapping)
    mapping = checked(catalogue, mapping)
    assert catalogue is not None
    return DedupTable(mapping, catalogue)


def every_table(gateways: Gateways, name: str) -> tuple[DedupTable, ...]:
    """The table of that name; without a name every table that the profile maps."""
    names = [name] if name else list(all_mappings(gateways.profile.get("tables") or {})) or [""]
    return tuple(found_table(gateways, one) for one in names)


def rows(gateways: Gateways, name: str, mapping: DedupMapping, **args: Any) -> list[Mapping[str, Any]]:
    """Rows of one of the dedup statement files."""
    return list(gateways.database.query(name, args or None, identifiers=mapping.identifiers()))


def partitions_of(gateways: Gateways, table: TableName) -> tuple[DayPartition, ...]:
    """The partitions of a table with their upper bounds; () for a table without any."""
    found = gateways.database.query("dedup_partitions", {"name": quoted(table)})
    return tuple(DayPartition(TableName(one["name"], one["schema"]), bound_of(one["until"])) for one in found)
