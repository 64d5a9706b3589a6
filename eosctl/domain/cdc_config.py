"""The Debezium configuration that an outbox table needs, each choice with its reason, and the SQL that goes before."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from eosctl.core.errors import UsageError
from eosctl.domain.outbox import OutboxMapping
from eosctl.domain.tables import TableName

CONNECTOR_CLASS = "io.debezium.connector.postgresql.PostgresConnector"
ROUTER = "io.debezium.transforms.outbox.EventRouter"
STRING_CONVERTER = "org.apache.kafka.connect.storage.StringConverter"
TOPIC_MATCHES = "org.apache.kafka.connect.transforms.predicates.TopicNameMatches"
HEARTBEAT_PREFIX = "eosctl-heartbeat"
HEARTBEAT_MS = "10000"
SLOT_NAME = re.compile(r"[a-z0-9_]{1,63}")
PASSWORD_REFERENCE = "${env:DEBEZIUM_PASSWORD}"
REFERENCE = re.compile(r"\$\{[^}]+\}")


@dataclass(frozen=True)
class CdcWish:
    """How Debezium reaches the database: `user` "" is the connection's own; `password` is a reference, never a word."""

    user: str
    password: str


@dataclass(frozen=True, kw_only=True)
class ConnectorWish:
    """What a person decides. `partitioned` is what the catalogue says of the table."""

    name: str
    prefix: str
    slot: str
    publication: str
    host: str
    port: int
    database: str
    user: str
    password: str = PASSWORD_REFERENCE
    snapshot: str = "initial"
    exactly_once: bool = False
    partitioned: bool = False


@dataclass(frozen=True)
class Choice:
    """One key of the configuration, its value, and why it is so."""

    key: str
    value: str
    why: str


def choices(mapping: OutboxMapping, wish: ConnectorWish) -> tuple[Choice, ...]:
    """Every key in the order in which a person reads them. Raises UsageError (`bad_slot_name`, `topic_not_routable`,
    `secret_in_clear`, `bad_topic_prefix`)."""
    _check(wish)
    return (*_connection(mapping, wish), *routing(mapping, wish.prefix), *_delivery(wish))


def _check(wish: ConnectorWish) -> None:
    if not SLOT_NAME.fullmatch(wish.slot):
        raise UsageError("bad_slot_name", f"{wish.slot!r} is not a slot's name.",
                         why="PostgreSQL takes lower case letters, digits and _, at most 63.",
                         hint="Give --slot.")  # fmt: skip
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,200}", wish.prefix):
        raise UsageError("bad_topic_prefix", f"{wish.prefix!r} can't begin a topic's name.",
                         hint="Use letters, digits, dot, _ and -.")  # fmt: skip
    require_reference(wish.password)


def require_reference(password: str) -> None:
    """Raises UsageError (`secret_in_clear`) for what is no reference."""
    if not REFERENCE.fullmatch(password):
        raise UsageError("secret_in_clear", "The password would stand in the configuration in clear text.",
                         why="Connect shows configurations to everyone who may ask.",
                         hint=f"Give a reference that the worker resolves, such as {PASSWORD_REFERENCE}.")  # fmt: skip


def _connection(mapping: OutboxMapping, wish: ConnectorWish) -> tuple[Choice, ...]:
    return (
        Choice("connector.class", CONNECTOR_CLASS, "Debezium for PostgreSQL."),
        Choice("tasks.max", "1", "A replication slot has one reader."),
        Choice("database.hostname", wish.host, "The primary; a slot of a standby needs PostgreSQL 16."),
        Choice("database.port", str(wish.port), "Its port."),
        Choice("database.user", wish.user, "A role with LOGIN and REPLICATION, and SELECT on the table alone."),
        Choice("database.password", wish.password, "A reference: the worker's config provider fills it in."),
        Choice("database.dbname", wish.database, "A slot belongs to one database."),
        Choice("topic.prefix", wish.prefix, "Names the connector's offsets and heartbeat topic: never change it. It "
               "took the place of database.server.name."),
        Choice("plugin.name", "pgoutput", "Built into PostgreSQL; Debezium's own default, decoderbufs, must be "
               "installed."),
        Choice("slot.name", wish.slot, "One slot a connector; two on one slot steal each other's events."),
        Choice("slot.drop.on.stop", "false", "A slot that is dropped forgets where it was: events would be missing."),
        Choice("publication.name", wish.publication, "Made by the SQL, with the outbox alone in it."),
        Choice("publication.autocreate.mode", "disabled", "The publication is made by its owner: the connector's role "
               "needs no right to make one, and never widens it."),
        Choice("schema.include.list", escaped(mapping.table.schema or "public"), "Nothing else is read."),
        Choice("table.include.list", escaped(full_name(mapping.table)), "The outbox alone."),
        Choice("snapshot.mode", wish.snapshot, "initial sends the rows that are there when it starts the first time, "
               "so none is missed; no_data sends only later ones."),
        Choice("skipped.operations", "u,d,t", "Marking and purging rows are no events."),
        Choice("tombstones.on.delete", "false", "A purged row is no deletion of an aggregate."),
    )  # fmt: skip


def routing(mapping: OutboxMapping, prefix: str) -> tuple[Choice, ...]:
    """The router and its predicate, from the mapping."""
    router, predicate = "transforms.outbox", "predicates.isOutbox"
    placement = (
        f"{mapping.event_type}:header:event-type,{mapping.aggregate_type}:header:aggregate-type,"
        f"{mapping.id}:header:idempotency-key"
    )
    return (
        Choice("transforms", "outbox", "The outbox router."),
        Choice(f"{router}.type", ROUTER, "Turns a row into an event."),
        Choice(f"{router}.predicate", "isOutbox", "Heartbeats are no rows: the router would stop at them."),
        Choice(f"{router}.table.field.event.id", mapping.id, "The row's id."),
        Choice(f"{router}.table.field.event.key", mapping.aggregate_id, "Order is kept within this key."),
        Choice(f"{router}.table.field.event.payload", mapping.payload, "What is published."),
        Choice(f"{router}.table.fields.additional.placement", placement, "The headers that `outbox relay` writes too; "
               "table.field.event.type is parsed and does nothing."),
        Choice(f"{router}.route.by.field", mapping.aggregate_type, "Chooses the topic."),
        Choice(f"{router}.route.topic.replacement", replacement_of(mapping.topic), "The topic's name. Unlike the relay "
               "Debezium does not lower-case it."),
        Choice("predicates", "isOutbox", "See above."),
        Choice(f"{predicate}.type", TOPIC_MATCHES, "By the topic that the table's changes have before routing."),
        Choice(f"{predicate}.pattern", escaped(f"{prefix}.{full_name(mapping.table)}"), "The outbox table."),
    )  # fmt: skip


def _delivery(wish: ConnectorWish) -> tuple[Choice, ...]:
    action = f"SELECT pg_logical_emit_message(false, '{HEARTBEAT_PREFIX}', now()::text)"
    once = (
        Choice(
            "exactly.once.support",
            "required",
            "Events and offsets in one Kafka transaction (KIP-618). Wants a "
            "distributed worker with exactly.once.source.support=enabled, and read_committed consumers.",
        ),
    )
    return (
        Choice("key.converter", STRING_CONVERTER, "The key is the aggregate's id, as text."),
        Choice("value.converter", STRING_CONVERTER, "The payload as it stands, no JSON string around it."),
        Choice("heartbeat.interval.ms", HEARTBEAT_MS, "Without it an idle outbox in a busy server keeps all WAL; the "
               "default is 0."),
        Choice("heartbeat.action.query", action, "Gives this database something to confirm; needs no table."),
        Choice("message.prefix.exclude.list", HEARTBEAT_PREFIX, "The heartbeat's own message is not published."),
        *(once if wish.exactly_once else ()),
    )  # fmt: skip


def replacement_of(template: str) -> str:
    """The relay's topic template in the router's words. Raises UsageError (`topic_not_routable`)."""
    if "{event_type}" in template or template.count("{aggregate_type}") > 1 or "$" in template:
        raise UsageError("topic_not_routable", f"{template!r} can't be said to Debezium's router.",
                         why="It routes by one column, the aggregate type.",
                         hint="Use a template such as {aggregate_type}-events.")  # fmt: skip
    return template.replace("{aggregate_type}", "${routedByValue}")


def escaped(name: str) -> str:
    """A name as a regular expression that matches it alone."""
    return re.sub(r"([^\w])", r"\\\1", name)


def setup_sql(mapping: OutboxMapping, wish: ConnectorWish) -> tuple[str, ...]:
    """What its owner runs once, before the connector starts; a superuser where a role or slot is made."""
    schema, table = mapping.table.schema or "public", ident(mapping.table)
    statements = [
        f"CREATE ROLE {quoted(wish.user)} LOGIN REPLICATION;  -- then \\password {quoted(wish.user)}",
        f"GRANT CONNECT ON DATABASE {quoted(wish.database)} TO {quoted(wish.user)};",
        f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {quoted(wish.user)};",
        f"GRANT SELECT ON {table} TO {quoted(wish.user)};",
        publication_sql(mapping.table, wish.publication, partitioned=wish.partitioned),
    ]
    if wish.snapshot == "no_data":
        statements.append(f"SELECT pg_create_logical_replication_slot('{wish.slot}', 'pgoutput');")
    return tuple(statements)


def publication_sql(table: TableName, name: str, *, partitioned: bool) -> str:
    """Makes the publication of inserts into the table alone."""
    options = "publish = 'insert'" + (", publish_via_partition_root = true" if partitioned else "")
    return f"CREATE PUBLICATION {quoted(name)} FOR TABLE {ident(table)} WITH ({options});"


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def ident(table: TableName) -> str:
    """A table's quoted name."""
    return ".".join(quoted(part) for part in table.parts)


def as_config(found: tuple[Choice, ...]) -> Mapping[str, str]:
    """The configuration alone."""
    return {one.key: one.value for one in found}


def full_name(table: TableName) -> str:
    """`schema.table`, as Debezium names it."""
    return f"{table.schema or 'public'}.{table.name}"
