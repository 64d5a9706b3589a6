"""EOS-K-401 to 499: the tables that deduplicate, keep positions, or hold an outbox."""

import re
from collections.abc import Callable

from eosctl.domain.audit.facts import Facts, TableFacts
from eosctl.domain.audit.rule import Area, NotConcerned, NotSeen, Rule, Severity
from eosctl.domain.audit.rules.links import POSTGRES
from eosctl.domain.tables import CatalogueColumn, CatalogueIndex

ID_COLUMNS = ("message_id", "idempotency_key", "fingerprint", "event_id")
GROUP_COLUMN = "consumer_group"
_TIME_COLUMNS = ("processed_at", "created_at", "published_at", "updated_at", "expires_at", "seen_at")
_BAD_ID_TYPES = re.compile(r"^(json|jsonb|smallint|integer|real|double precision|boolean|timestamp.*|date)$")
_SHORT = re.compile(r"^character(?: varying)?\((\d+)\)$")


def role_of(columns: tuple[str, ...]) -> str:
    """What a table with these columns is for: `dedup`, `offsets`, `outbox`, or ""."""
    have = set(columns)
    if {"aggregate_id"} & have or {"aggregateid"} & have:
        return "outbox"
    if have & {"topic", "topic_name"} and have & {"partition", "partition_id"} and any("offset" in one for one in have):
        return "dedup" if have & set(ID_COLUMNS) else "offsets"
    return "dedup" if have & set(ID_COLUMNS) else ""


Check = Callable[[TableFacts, Facts], str | None]


def _for(*roles: str) -> Callable[[Check], Check]:
    def wrapped(check: Check) -> Check:
        def concerned(table: TableFacts, facts: Facts) -> str | None:
            if table.role not in roles:
                raise NotConcerned
            return check(table, facts)

        return concerned

    return wrapped


def _id_column(table: TableFacts) -> CatalogueColumn | None:
    return next((found for name in (table.id_column, *ID_COLUMNS) if (found := table.catalogue.column(name))), None)


def _keys(table: TableFacts) -> tuple[CatalogueIndex, ...]:
    return tuple(one for one in table.catalogue.indexes if one.unique and one.valid and not one.predicate)


def _no_primary_key(table: TableFacts, facts: Facts) -> str | None:
    return None if any(one.primary for one in table.catalogue.indexes) else "no primary key"


@_for("dedup")
def _no_unique_id(table: TableFacts, facts: Facts) -> str | None:
    column = _id_column(table)
    if column is None or any(column.name in one.columns for one in _keys(table)):
        return None
    return f"no unique key holds {column.name}"


@_for("dedup")
def _nullable_id(table: TableFacts, facts: Facts) -> str | None:
    column = _id_column(table)
    return f"{column.name} may be NULL" if column is not None and column.nullable else None


@_for("dedup")
def _narrow_id(table: TableFacts, facts: Facts) -> str | None:
    column = _id_column(table)
    if column is None:
        return None
    short = _SHORT.match(column.type)
    if _BAD_ID_TYPES.match(column.type) or (short and int(short[1]) < 36):
        return f"{column.name} is {column.type}"
    return None


@_for("dedup")
def _group_not_in_key(table: TableFacts, facts: Facts) -> str | None:
    column = _id_column(table)
    if column is None or table.catalogue.column(GROUP_COLUMN) is None:
        return None
    holding = [one for one in _keys(table) if column.name in one.columns]
    if not holding or any(GROUP_COLUMN in one.columns for one in holding):
        return None
    return f"{holding[0].name} is on {', '.join(holding[0].columns)}, without {GROUP_COLUMN}"


@_for("offsets")
def _no_offset_key(table: TableFacts, facts: Facts) -> str | None:
    names = {one.name for one in table.catalogue.columns}
    wanted = [next(iter(sorted(names & pair))) for pair in ({"topic", "topic_name"}, {"partition", "partition_id"})]
    if any(set(wanted) <= set(one.columns) for one in _keys(table)):
        return None
    return f"no unique key on {', '.join(wanted)}"


@_for("offsets")
def _narrow_offset(table: TableFacts, facts: Facts) -> str | None:
    for one in table.catalogue.columns:
        if "offset" in one.name and one.type in ("integer", "smallint"):
            return f"{one.name} is {one.type}"
    return None


def _no_time_zone(table: TableFacts, facts: Facts) -> str | None:
    names = [one.name for one in table.catalogue.columns if one.type.startswith("timestamp") and "with time zone" not in
             one.type]  # fmt: skip
    return f"{', '.join(names)} without time zone" if names and table.role else None


@_for("dedup")
def _no_purge_index(table: TableFacts, facts: Facts) -> str | None:
    column = next((name for name in _TIME_COLUMNS if table.catalogue.column(name)), None)
    if column is None or table.catalogue.kind == "partitioned" or table.catalogue.leading_index(column):
        return None
    return f"no index begins with {column}"


def _invalid_index(table: TableFacts, facts: Facts) -> str | None:
    names = [one.name for one in table.catalogue.indexes if not one.valid]
    return f"{', '.join(names)} not valid" if names else None


@_for("dedup")
def _partitioned_by_time(table: TableFacts, facts: Facts) -> str | None:
    key = table.catalogue.partition_key or ""
    return f"partitioned by {key}" if any(name in key for name in _TIME_COLUMNS) else None


@_for("outbox")
def _numbered_outbox(table: TableFacts, facts: Facts) -> str | None:
    column = table.catalogue.column("id") or table.catalogue.column("sequence")
    default = (column.default or "") if column is not None else ""
    return f"{column.name} is numbered by a sequence" if column is not None and "nextval" in default else None


def _unlogged(table: TableFacts, facts: Facts) -> str | None:
    return "UNLOGGED" if table.unlogged else None


def _racing_functions(table: TableFacts, facts: Facts) -> str | None:
    if table.racing_functions is None:
        raise NotSeen("The functions of the database were not seen.")
    return f"in {', '.join(table.racing_functions)}" if table.racing_functions else None


RULES = (
    Rule("EOS-K-401", Area.TABLES, Severity.ERROR, "The table has no primary key", _no_primary_key,
         "Nothing stops a second row for the same thing, and logical replication can't tell rows apart.",
         "ALTER TABLE {subject} ADD PRIMARY KEY (...)", POSTGRES + "ddl-constraints.html#DDL-CONSTRAINTS-PRIMARY-KEYS"),
    Rule("EOS-K-402", Area.TABLES, Severity.ERROR, "Nothing but the program looks for duplicates", _no_unique_id,
         "A check before the insert is a race: two consumers, as in a rebalance, both find nothing and both go on. "
         "Only a unique key decides.",
         "CREATE UNIQUE INDEX CONCURRENTLY ON {subject} (...), then INSERT ... ON CONFLICT DO NOTHING",
         POSTGRES + "sql-insert.html#SQL-ON-CONFLICT"),
    Rule("EOS-K-403", Area.TABLES, Severity.ERROR, "A message id may be missing", _nullable_id,
         "NULL equals nothing: messages without id are never recognised, each repeat is processed.",
         "ALTER TABLE {subject} ALTER COLUMN ... SET NOT NULL", POSTGRES + "ddl-constraints.html"),
    Rule("EOS-K-404", Area.TABLES, Severity.ERROR, "The message id's type is too narrow", _narrow_id,
         "Ids that do not fit are refused, or cut and taken for one another: a new message counts as a duplicate and "
         "is lost.", "ALTER TABLE {subject} ALTER COLUMN ... TYPE text", POSTGRES + "datatype.html"),
    Rule("EOS-K-405", Area.TABLES, Severity.ERROR, "Groups share one memory of messages", _group_not_in_key,
         "What one group has processed counts as a duplicate for the next one: it loses the message.",
         "A key on (consumer_group, message id): CREATE UNIQUE INDEX CONCURRENTLY ON {subject} (consumer_group, ...)",
         POSTGRES + "ddl-constraints.html#DDL-CONSTRAINTS-UNIQUE-CONSTRAINTS"),
    Rule("EOS-K-406", Area.TABLES, Severity.ERROR, "A partition may have two positions", _no_offset_key,
         "After a restart either one may be taken: records are skipped or processed again.",
         "A primary key on (consumer_group, topic, partition) of {subject}",
         POSTGRES + "ddl-constraints.html#DDL-CONSTRAINTS-PRIMARY-KEYS"),
    Rule("EOS-K-407", Area.TABLES, Severity.ERROR, "A position's type is too narrow", _narrow_offset,
         "Kafka's offsets are 64 bits wide: beyond 2,147,483,647 the position can't be stored, and the consumer stops.",
         "ALTER TABLE {subject} ALTER COLUMN ... TYPE bigint", POSTGRES + "datatype-numeric.html"),
    Rule("EOS-K-408", Area.TABLES, Severity.WARNING, "Times have no zone", _no_time_zone,
         "Clients in other zones write other times for the same moment: a purge by age deletes too early, and the "
         "duplicate that comes then is processed.",
         "ALTER TABLE {subject} ALTER COLUMN ... TYPE timestamptz", POSTGRES + "datatype-datetime.html"),
    Rule("EOS-K-409", Area.TABLES, Severity.WARNING, "A purge must read the whole table", _no_purge_index,
         "It is slow and holds back VACUUM, so that it is put off, and the table grows until inserts are slow.",
         "CREATE INDEX CONCURRENTLY ON {subject} (processed_at)", POSTGRES + "indexes-intro.html"),
    Rule("EOS-K-410", Area.TABLES, Severity.ERROR, "An index is not valid", _invalid_index,
         "A CREATE INDEX CONCURRENTLY failed half-way: the index may not enforce its uniqueness on what was there.",
         "DROP INDEX CONCURRENTLY it, remove duplicates, create it again",
         POSTGRES + "sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY"),
    Rule("EOS-K-411", Area.TABLES, Severity.WARNING, "Uniqueness ends with the time partition", _partitioned_by_time,
         "A unique key must hold the partition column: the duplicate that arrives in the next partition is not seen.",
         "Derive the partition from the message itself, or partition by hash of its id",
         POSTGRES + "ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-LIMITATIONS"),
    Rule("EOS-K-412", Area.TABLES, Severity.INFO, "The outbox is numbered by a sequence", _numbered_outbox,
         "Numbers are given before the commit and lost with a rollback: gaps are normal, and a smaller number may "
         "appear after a larger one. A relay that keeps a cursor by number skips late commits.",
         "Mark rows as published, as eosctl outbox relay does, and keep no cursor",
         POSTGRES + "functions-sequence.html"),
    Rule("EOS-K-413", Area.TABLES, Severity.ERROR, "The table is emptied by a crash", _unlogged,
         "An UNLOGGED table is truncated after a crash and is not on replicas: all memory of what was done is gone.",
         "ALTER TABLE {subject} SET LOGGED", POSTGRES + "sql-createtable.html"),
    Rule("EOS-K-414", Area.TABLES, Severity.WARNING, "A function checks, then inserts", _racing_functions,
         "Between its look and its INSERT another session does the same: without ON CONFLICT one fails, and without a "
         "unique key both go through.",
         "INSERT ... ON CONFLICT DO NOTHING, and go by the number of rows",
         POSTGRES + "sql-insert.html#SQL-ON-CONFLICT"),
)  # fmt: skip
