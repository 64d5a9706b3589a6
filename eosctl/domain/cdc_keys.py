"""Configuration keys of Debezium 3.5's PostgreSQL connector and of Connect: known ones, and what older ones became.

The two lists of known keys are what Connect itself answers for the connector and the router; a test asks it again.
"""

import re
from functools import cache
from importlib.resources import files

RENAMED = {
    "database.server.name": "topic.prefix",
    "table.whitelist": "table.include.list",
    "table.blacklist": "table.exclude.list",
    "schema.whitelist": "schema.include.list",
    "schema.blacklist": "schema.exclude.list",
    "column.whitelist": "column.include.list",
    "column.blacklist": "column.exclude.list",
    "snapshot.select.statement.overrides.whitelist": "snapshot.select.statement.overrides",
    "slot.drop_on_stop": "slot.drop.on.stop",
}
"""Old key: its successor."""

DEPRECATED = {"flush.lsn.source": ("lsn.flush.mode", {"true": "connector", "false": "manual"})}
"""A key that is still read: its successor, and what its values are called there."""

REMOVED = {
    "database.history.kafka.topic": "PostgreSQL's connector keeps no schema history.",
    "database.history.kafka.bootstrap.servers": "PostgreSQL's connector keeps no schema history.",
    "schema.refresh.mode.columns.diff": "It is not read any more.",
    "sanitize.field.names": "field.name.adjustment.mode and schema.name.adjustment.mode took its place.",
}
"""A key that nothing reads any more: why."""

ROUTER_RENAMED = {
    "table.field.payload": "table.field.event.payload",
    "table.field.payload.id": "table.field.event.key",
    "table.field.schema.version": "table.field.event.schema.version",
    "debezium.op.invalid.behavior": "table.op.invalid.behavior",
}
"""Likewise below the outbox router's prefix."""

SNAPSHOT_RENAMED = {"never": "no_data", "schema_only": "no_data", "exported": "initial"}

UNDECLARED = frozenset(
    [
        "field.name.adjustment.mode",
        "incremental.snapshot.allow.schema.changes",
        "money.fraction.digits",
        "offset.mismatch.strategy",
        "read.only",
        "skip.messages.without.change",
        "topic.cache.size",
        "topic.delimiter",
        "topic.heartbeat.prefix",
        "topic.transaction",
    ]
)
"""Keys that Debezium reads and documents but does not declare to Connect."""

OF_ANY_TRANSFORM = frozenset(["type", "predicate", "negate"])


@cache
def known() -> frozenset[str]:
    """Keys of the connector itself, without the router's."""
    return _listed("debezium_connector_keys.txt") | UNDECLARED


@cache
def router_keys() -> frozenset[str]:
    """Keys below the outbox router's prefix."""
    return _listed("debezium_router_keys.txt") | OF_ANY_TRANSFORM


def _listed(name: str) -> frozenset[str]:
    return frozenset(files("eosctl.domain").joinpath(name).read_text(encoding="utf-8").split())


PREFIXES = re.compile(
    r"(transforms|predicates|key\.converter|value\.converter|header\.converter|producer\.override|admin\.override"
    r"|consumer\.override|topic\.creation|signal|notification|snapshot\.select\.statement\.overrides|column\.mask"
    r"|column\.truncate|column\.propagate|datatype\.propagate|driver|database|openlineage|internal|converters?)\..+"
)
"""Keys that name something of their own: a transform, a converter, a client's override."""
