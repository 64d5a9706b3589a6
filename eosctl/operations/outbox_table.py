"""The outbox table that an operation is about: found by the profile's mapping, checked against the catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eosctl.core.errors import UsageError
from eosctl.core.params import Params, param
from eosctl.domain.outbox import OutboxMapping, checked, mapping_of
from eosctl.domain.tables import TableCatalogue
from eosctl.ports import Gateways


class OutboxParams(Params):
    """Which outbox table."""

    table: str = param(
        "",
        help="A mapping's name in the profile's tables.outbox, or a table [default: the only mapping, else outbox]",
        examples=("orders", "shop.outbox"),
    )


@dataclass(frozen=True)
class OutboxTable:
    """A mapping with the table's real schema, and what the catalogue says."""

    mapping: OutboxMapping
    catalogue: TableCatalogue


def wished_mapping(gateways: Gateways, name: str) -> OutboxMapping:
    """The mapping alone; the table need not exist."""
    return mapping_of(gateways.profile.get("tables") or {}, name)


def found_table(gateways: Gateways, name: str) -> OutboxTable:
    """The existing table. Raises UsageError (`unknown_table`, `unknown_column`)."""
    mapping = wished_mapping(gateways, name)
    catalogue = gateways.database.describe_table(mapping.table)
    mapping = checked(catalogue, mapping)
    assert catalogue is not None
    return OutboxTable(mapping, catalogue)


def check_ids(catalogue: TableCatalogue, mapping: OutboxMapping, ids: Sequence[str]) -> tuple[str, ...]:
    """The ids as PostgreSQL writes them. Raises UsageError (`bad_event_id`) for one that can't be of this table."""
    column = catalogue.column(mapping.id)
    read = {"uuid": UUID, "bigint": int, "integer": int, "smallint": int}.get(column.type if column else "", str)
    found = []
    for one in ids:
        try:
            found.append(str(read(one)))
        except ValueError:
            kind = column.type if column else "text"
            raise UsageError("bad_event_id", f"{one!r} is no {kind}, as ids of {mapping.table} are.") from None
    return tuple(dict.fromkeys(found))


def rows(gateways: Gateways, name: str, mapping: OutboxMapping, **args: Any) -> list[Mapping[str, Any]]:
    """Rows of one of the outbox's statement files."""
    return list(gateways.database.query(name, args or None, identifiers=mapping.identifiers()))
