"""Tables of a DDL file, for an audit without a database: CREATE TABLE, CREATE INDEX, ALTER TABLE ADD CONSTRAINT.

Parsed by sqlglot; statements that it does not take as DDL (functions, grants) are passed over.
"""

import logging
import re
from dataclasses import dataclass, field
from typing import Any

from eosctl.core.errors import UsageError
from eosctl.domain.audit.facts import TableFacts
from eosctl.domain.audit.rules.tables import role_of
from eosctl.domain.tables import CatalogueColumn, CatalogueIndex, TableCatalogue, TableName

_SERIAL = {"SERIAL": "integer", "BIGSERIAL": "bigint", "SMALLSERIAL": "smallint"}
_TYPES = {
    "INT": "integer", "BIGINT": "bigint", "SMALLINT": "smallint", "TEXT": "text", "UUID": "uuid", "BOOLEAN": "boolean",
    "TIMESTAMPTZ": "timestamp with time zone", "TIMESTAMP": "timestamp without time zone", "DATE": "date",
    "JSON": "json", "JSONB": "jsonb", "VARBINARY": "bytea", "DOUBLE": "double precision", "FLOAT": "real",
}  # fmt: skip


@dataclass
class _Draft:
    name: TableName
    unlogged: bool
    line: int
    partition_key: str | None = None
    columns: dict[str, CatalogueColumn] = field(default_factory=dict)
    indexes: list[CatalogueIndex] = field(default_factory=list)


def ddl_tables(text: str, path: str) -> tuple[TableFacts, ...]:
    """The tables of a file, in its order. Raises UsageError (`bad_ddl`) with the line, or when it makes no table."""
    import sqlglot
    from sqlglot import expressions as exp
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        statements = sqlglot.parse(text, read="postgres")
    except SqlglotError as error:
        known = getattr(error, "errors", None) or [{}]
        raise UsageError(
            "bad_ddl",
            f"{path} is not SQL that can be read: line {known[0].get('line', '?')}.",
            why=str(known[0].get("description") or "Invalid expression") + ".",
            hint="Give the CREATE TABLE and CREATE INDEX statements alone, for example from pg_dump --schema-only.",
        ) from None
    drafts: dict[str, _Draft] = {}
    for one in statements:
        if isinstance(one, exp.Create) and one.kind == "TABLE" and isinstance(one.this, exp.Schema):
            draft = _table(one, text)
            drafts.setdefault(draft.name.name, draft)
        elif isinstance(one, exp.Create) and one.kind == "INDEX":
            _index(one, drafts)
        elif isinstance(one, exp.Alter):
            _alter(one, drafts)
    if not drafts:
        raise UsageError("bad_ddl", f"{path} makes no table.", hint="Give a file with CREATE TABLE statements.")
    return tuple(_facts(one, path) for one in drafts.values())


def _facts(draft: _Draft, path: str) -> TableFacts:
    kind = "partitioned" if draft.partition_key else "table"
    catalogue = TableCatalogue(
        draft.name, kind, tuple(draft.columns.values()), tuple(draft.indexes), draft.partition_key
    )
    return TableFacts(catalogue, role_of(tuple(draft.columns)), draft.unlogged, file=path, line=draft.line)


def _table(create: Any, text: str) -> _Draft:
    from sqlglot import expressions as exp

    table = create.this.this
    name = TableName(table.name, table.db or None)
    properties = create.args.get("properties")
    unlogged = properties is not None and properties.find(exp.UnloggedProperty) is not None
    draft = _Draft(name, unlogged, _line_of(text, table.name))
    partitioned = properties.find(exp.PartitionedByProperty) if properties is not None else None
    if partitioned is not None:
        draft.partition_key = partitioned.this.sql(dialect="postgres")
    for part in create.this.expressions:
        if isinstance(part, exp.ColumnDef):
            _column(part, draft)
        else:
            _constraint(part, draft)
    return draft


def _column(part: Any, draft: _Draft) -> None:
    from sqlglot import expressions as exp

    kinds = [one.kind for one in part.constraints]
    primary = any(isinstance(one, exp.PrimaryKeyColumnConstraint) for one in kinds)
    unique = any(isinstance(one, exp.UniqueColumnConstraint) for one in kinds)
    required = primary or any(
        isinstance(one, exp.NotNullColumnConstraint) and not one.args.get("allow_null") for one in kinds
    )
    default = next((one.this.sql(dialect="postgres") for one in kinds if isinstance(one, exp.DefaultColumnConstraint)),
                   None)  # fmt: skip
    type_name, numbered = _type(part.args.get("kind"))
    if numbered or any(isinstance(one, exp.GeneratedAsIdentityColumnConstraint) for one in kinds):
        default = f"nextval('{draft.name.name}_{part.name}_seq')"
    draft.columns[part.name] = CatalogueColumn(part.name, type_name, not (required or numbered), default)
    if primary or unique:
        ending = "pkey" if primary else f"{part.name}_key"
        draft.indexes.append(CatalogueIndex(f"{draft.name.name}_{ending}", (part.name,), True, primary))


def _type(kind: Any) -> tuple[str, bool]:
    """PostgreSQL's name of a type, and whether it is one of the serial ones."""
    if kind is None:
        return "text", False
    name = kind.this.value if hasattr(kind.this, "value") else str(kind.this)
    size = ",".join(one.sql(dialect="postgres") for one in kind.expressions)
    if name in _SERIAL:
        return _SERIAL[name], True
    if name in ("VARCHAR", "CHAR"):
        word = "character varying" if name == "VARCHAR" else "character"
        return f"{word}({size})" if size else word, False
    return _TYPES.get(name, kind.sql(dialect="postgres").lower()), False


def _constraint(part: Any, draft: _Draft) -> None:
    from sqlglot import expressions as exp

    for one in [part, *part.expressions] if isinstance(part, exp.Constraint) else [part]:
        if isinstance(one, exp.PrimaryKey):
            columns = tuple(each.name for each in one.expressions)
            draft.indexes.append(CatalogueIndex(f"{draft.name.name}_pkey", columns, True, True))
            for name in columns:
                if name in draft.columns:
                    old = draft.columns[name]
                    draft.columns[name] = CatalogueColumn(name, old.type, False, old.default)
        elif isinstance(one, exp.UniqueColumnConstraint) and one.this is not None:
            columns = tuple(each.name for each in one.this.expressions)
            draft.indexes.append(CatalogueIndex(f"{draft.name.name}_{'_'.join(columns)}_key", columns, True, False))


def _index(create: Any, drafts: dict[str, _Draft]) -> None:
    index = create.this
    table = index.args.get("table")
    draft = drafts.get(table.name) if table is not None else None
    params = index.args.get("params")
    if draft is None or params is None:
        return
    columns = tuple(one.this.name or one.this.sql(dialect="postgres") for one in params.args.get("columns") or ())
    where = params.args.get("where")
    predicate = where.this.sql(dialect="postgres") if where is not None else None
    name = index.name or f"{draft.name.name}_{'_'.join(columns)}_idx"
    draft.indexes.append(CatalogueIndex(name, columns, bool(create.args.get("unique")), False, predicate=predicate))


def _alter(alter: Any, drafts: dict[str, _Draft]) -> None:
    from sqlglot import expressions as exp

    draft = drafts.get(alter.this.name)
    for action in alter.args.get("actions") or ():
        if draft is not None and isinstance(action, exp.AddConstraint):
            for part in action.expressions:
                _constraint(part, draft)


def _line_of(text: str, name: str) -> int:
    found = re.search(rf"\bcreate\b[^;(]*\btable\b[^;(]*\b{re.escape(name)}\b", text, re.I)
    return text.count("\n", 0, found.start()) + 1 if found else 1
