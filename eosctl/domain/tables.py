"""Tables that a profile maps: their names, what the catalogue says of them, and whether a mapping fits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from eosctl.core.errors import UsageError, did_you_mean

_NAME = re.compile(r'^(?:(?P<schema>"(?:[^"]|"")+"|[^."]+)\.)?(?P<table>"(?:[^"]|"")+"|[^."]+)$')


@dataclass(frozen=True, order=True)
class TableName:
    """A table with or without its schema, as PostgreSQL stores the names (not quoted). `parts` is for Identifier()."""

    name: str
    schema: str | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """(schema, name) or (name,), for `psycopg.sql.Identifier(*parts)`."""
        return (self.schema, self.name) if self.schema else (self.name,)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class CatalogueColumn:
    """A column: `type` is PostgreSQL's `format_type`, `default` its expression or None."""

    name: str
    type: str
    nullable: bool
    default: str | None = None


@dataclass(frozen=True)
class CatalogueIndex:
    """An index: `columns` in order (expressions as their text), `predicate` of a partial index or None."""

    name: str
    columns: tuple[str, ...]
    unique: bool
    primary: bool
    valid: bool = True
    predicate: str | None = None


@dataclass(frozen=True)
class TableCatalogue:
    """What PostgreSQL knows of a table. `kind` is `table`, `partitioned`, `view` or `foreign`."""

    table: TableName
    kind: str
    columns: tuple[CatalogueColumn, ...]
    indexes: tuple[CatalogueIndex, ...] = ()
    partition_key: str | None = None

    def column(self, name: str) -> CatalogueColumn | None:
        """The column of that name."""
        return next((one for one in self.columns if one.name == name), None)

    def leading_index(self, column: str) -> CatalogueIndex | None:
        """A valid index that begins with the column and has no predicate."""
        return next(
            (one for one in self.indexes if one.valid and one.columns[:1] == (column,) and not one.predicate), None
        )

    def unique_on(self, columns: tuple[str, ...]) -> CatalogueIndex | None:
        """A unique index without predicate on exactly these columns, in any order."""
        wanted = set(columns)
        return next(
            (one for one in self.indexes if one.unique and not one.predicate and set(one.columns) == wanted), None
        )


def parse_table_name(text: str) -> TableName:
    """`table`, `schema.table`, with double quotes where a name needs them. Raises UsageError (`bad_table_name`)."""
    found = _NAME.match(text.strip())
    if not found:
        raise UsageError("bad_table_name", f"{text!r} is not a table name.", hint="Write table or schema.table.")
    schema = found["schema"]
    return TableName(_unquoted(found["table"]), _unquoted(schema) if schema else None)


def check_mapping(
    catalogue: TableCatalogue | None, table: TableName, columns: Mapping[str, str | None]
) -> TableCatalogue:
    """The catalogue, when every mapped column exists; `columns` maps a role (`message_id`) to its column or None.

    Raises UsageError (`unknown_table`, `unknown_column`) that names what is missing and what the table does have.
    """
    if catalogue is None:
        raise UsageError("unknown_table", f"There is no table {table}.", hint="Check the schema and the search_path.")
    have = [one.name for one in catalogue.columns]
    for role, column in columns.items():
        if column is not None and column not in have:
            raise UsageError(
                "unknown_column",
                f"{table} has no column {column!r} (mapped as {role}).",
                why=f"It has {', '.join(have)}.",
                hint=did_you_mean(column, have) or "Correct the mapping in the profile.",
            )
    return catalogue


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
