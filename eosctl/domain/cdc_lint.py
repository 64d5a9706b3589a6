"""Checking a Debezium outbox configuration: rules as data, each a pure function of the configuration and the facts."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from eosctl.core.errors import did_you_mean
from eosctl.core.redaction import is_secret_key
from eosctl.domain import cdc_keys
from eosctl.domain.cdc_config import (
    HEARTBEAT_MS,
    HEARTBEAT_PREFIX,
    PASSWORD_REFERENCE,
    REFERENCE,
    ROUTER,
    SLOT_NAME,
    STRING_CONVERTER,
    as_config,
    escaped,
    routing,
)
from eosctl.domain.outbox import OutboxMapping
from eosctl.domain.tables import TableCatalogue


class Severity(StrEnum):
    """`error`: it does not run, or loses events; `warning`: it will hurt some day."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Facts:
    """What the servers say. `topics` None: Kafka was not asked. `publication` None: there is none of that name."""

    mapping: OutboxMapping
    catalogue: TableCatalogue
    wal_level: str = "logical"
    max_slot_wal_keep_size: str = "-1"
    publication: Mapping[str, bool] | None = None
    updates: int = 0
    relays: int = 0
    aggregate_types: tuple[str, ...] = ()
    topics: frozenset[str] | None = None
    auto_create: bool = True


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: `mend` says what to do. `changes` is what --fix does: key to value, None takes away."""

    severity: Severity
    rule: str
    key: str
    why: str
    mend: str
    changes: Mapping[str, str | None] = field(default_factory=dict)


Config = Mapping[str, str]
Found = Iterator[Finding]
Rule = Callable[[Config, Facts], Found]


def lint(config: Config, facts: Facts) -> tuple[Finding, ...]:
    """Every finding, errors first."""
    found = [finding for rule in RULES.values() for finding in rule(config, facts)]
    return tuple(sorted(found, key=lambda one: one.severity is not Severity.ERROR))


def fixed(config: Config, facts: Facts, *, rounds: int = 5) -> dict[str, str]:
    """The configuration with every finding mended that can be mended in it; a mended key may show another finding."""
    now = dict(config)
    for _ in range(rounds):
        before = dict(now)
        for finding in lint(now, facts):
            for key, value in finding.changes.items():
                if value is None:
                    now.pop(key, None)
                else:
                    now[key] = value
        if now == before:
            break
    return now


def router_of(config: Config) -> str:
    """The prefix of the outbox router (`transforms.outbox.`), "" when there is none."""
    names = [one.strip() for one in config.get("transforms", "").split(",") if one.strip()]
    return next((f"transforms.{one}." for one in names if config.get(f"transforms.{one}.type") == ROUTER), "")


def _renamed(config: Config, facts: Facts) -> Found:
    router = router_of(config)
    old = {**cdc_keys.RENAMED, **{router + key: router + new for key, new in cdc_keys.ROUTER_RENAMED.items() if router}}
    for key in config:
        if key in old:
            new = old[key]
            changes: dict[str, str | None] = {key: None}
            if new not in config:
                changes[new] = config[key]
            yield Finding(Severity.ERROR, "renamed", key, f"It is called {new} now, and nobody reads the old name.",
                          f"Rename it to {new}.", changes)  # fmt: skip


def _removed(config: Config, facts: Facts) -> Found:
    for key in config:
        if key in cdc_keys.REMOVED:
            yield Finding(Severity.WARNING, "removed", key, cdc_keys.REMOVED[key], "Take it out.", {key: None})


def _dead(config: Config, facts: Facts) -> Found:
    router = router_of(config)
    for key in config:
        if (router and key == router + "table.field.event.type") or (not router and key == "table.field.event.type"):
            place = f"{facts.mapping.event_type}:header:event-type"
            target = f"{router}table.fields.additional.placement"
            changes: dict[str, str | None] = {key: None}
            if router and place not in config.get(target, ""):
                changes[target] = ",".join(part for part in (config.get(target, ""), place) if part)
            yield Finding(
                Severity.WARNING,
                "dead",
                key,
                "It is parsed and does nothing: the event's type is not sent.",
                f"Place it with {target or 'table.fields.additional.placement'}={place}.",
                changes,
            )


def _unknown(config: Config, facts: Facts) -> Found:
    router = router_of(config)
    for key in config:
        if router and key.startswith(router):
            known, rest = cdc_keys.ROUTER_KEYS, key.removeprefix(router)
            seen = rest in known or rest in cdc_keys.ROUTER_RENAMED
        else:
            known, rest = cdc_keys.KNOWN, key
            seen = rest in known or rest in cdc_keys.RENAMED or rest in cdc_keys.REMOVED
            seen = seen or rest == "table.field.event.type" or bool(cdc_keys.PREFIXES.fullmatch(rest))
        if not seen:
            mend = did_you_mean(rest, known) or "Take it out, unless something of your own reads it."
            yield Finding(Severity.WARNING, "unknown", key, "Neither Connect nor Debezium 3.5 reads it.", mend)


def _router(config: Config, facts: Facts) -> Found:
    prefix = config.get("topic.prefix") or config.get("database.server.name") or "outbox"
    if not router_of(config):
        wanted = as_config(routing(facts.mapping, prefix))
        others = [one.strip() for one in config.get("transforms", "").split(",") if one.strip()]
        named = ",".join(dict.fromkeys([*others, "outbox"]))
        yield Finding(Severity.ERROR, "router", "transforms", "No transform is the outbox router: whole rows would be "
                      "published.", f"Add a transform of type {ROUTER}.", {**wanted, "transforms": named})  # fmt: skip


def _predicate(config: Config, facts: Facts) -> Found:
    router = router_of(config)
    heartbeats = config.get("heartbeat.interval.ms", "0") != "0"
    if router and heartbeats and f"{router}predicate" not in config:
        prefix = config.get("topic.prefix", "outbox")
        wanted = as_config(routing(facts.mapping, prefix))
        changes = {key: value for key, value in wanted.items() if key.startswith("predicates.")}
        named = [one.strip() for one in config.get("predicates", "").split(",") if one.strip()]
        changes["predicates"] = ",".join(dict.fromkeys([*named, "isOutbox"]))
        changes[f"{router}predicate"] = "isOutbox"
        yield Finding(Severity.WARNING, "predicate", f"{router}predicate", "Heartbeat records go through the router, "
                      "which is made for rows.", "Let a predicate send only the table's records through it.",
                      changes)  # fmt: skip


_COLUMN_DEFAULTS = {
    "table.field.event.id": ("id", "id"),
    "table.field.event.key": ("aggregateid", "aggregate_id"),
    "table.field.event.payload": ("payload", "payload"),
    "route.by.field": ("aggregatetype", "aggregate_type"),
}


def _columns(config: Config, facts: Facts) -> Found:
    router = router_of(config)
    have = {one.name for one in facts.catalogue.columns}
    for key, (default, role) in _COLUMN_DEFAULTS.items() if router else ():
        column = config.get(router + key, default)
        if column not in have:
            said = "" if router + key in config else " by default"
            real = str(getattr(facts.mapping, role))
            yield Finding(Severity.ERROR, "column", router + key, f"{facts.mapping.table} has no column {column!r}"
                          f"{said}.", f"Set it to {real}.", {router + key: real})  # fmt: skip
    for part in config.get(f"{router}table.fields.additional.placement", "").split(",") if router else ():
        column = part.split(":")[0].strip()
        if column and column not in have:
            yield Finding(Severity.ERROR, "column", f"{router}table.fields.additional.placement",
                          f"{facts.mapping.table} has no column {column!r}.",
                          did_you_mean(column, have) or "Correct it.")  # fmt: skip


def _topic_prefix(config: Config, facts: Facts) -> Found:
    if "topic.prefix" not in config and "database.server.name" not in config:
        value = config.get("name", "outbox")
        yield Finding(Severity.ERROR, "topic_prefix", "topic.prefix", "It is required: offsets are kept under it.",
                      f"Set it, for example to {value}, and never change it.", {"topic.prefix": value})  # fmt: skip


def _plugin(config: Config, facts: Facts) -> Found:
    if config.get("plugin.name", "decoderbufs") != "pgoutput":
        said = "is not built into PostgreSQL" if "plugin.name" in config else "defaults to decoderbufs, an extra module"
        yield Finding(Severity.ERROR, "plugin", "plugin.name", f"It {said}.", "Set it to pgoutput.",
                      {"plugin.name": "pgoutput"})  # fmt: skip


def _publication(config: Config, facts: Facts) -> Found:
    name = config.get("publication.name", "dbz_publication")
    mode = config.get("publication.autocreate.mode", "all_tables")
    if facts.publication is None:
        if mode == "disabled":
            yield Finding(Severity.ERROR, "publication", "publication.name", f"There is no publication {name!r}, and "
                          "the connector may not make it.", "Make it: eosctl cdc config --form sql.")  # fmt: skip
        elif mode == "all_tables":
            yield Finding(Severity.WARNING, "publication", "publication.autocreate.mode", "It would make a publication "
                          "of all tables, which only a superuser may.", "Set it to filtered.",
                          {"publication.autocreate.mode": "filtered"})  # fmt: skip
        return
    if not facts.publication["has_table"] and mode != "filtered":
        yield Finding(Severity.ERROR, "publication", "publication.name", f"Publication {name!r} lacks "
                      f"{facts.mapping.table}: no event would come.",
                      f"ALTER PUBLICATION {name} ADD TABLE {facts.mapping.table};")  # fmt: skip
    if not facts.publication["inserts"]:
        yield Finding(Severity.ERROR, "publication", "publication.name", f"Publication {name!r} does not publish "
                      "inserts.", f"ALTER PUBLICATION {name} SET (publish = 'insert');")  # fmt: skip


def _partitioned(config: Config, facts: Facts) -> Found:
    if facts.catalogue.kind != "partitioned":
        return
    if facts.publication is not None and not facts.publication["via_root"]:
        yield Finding(Severity.ERROR, "partition_root", "publication.name", "Changes of a partitioned table come under "
                      "the partitions' names, and the include list and predicate name the root.",
                      "ALTER PUBLICATION ... SET (publish_via_partition_root = true);")  # fmt: skip
    made = facts.publication is None and config.get("publication.autocreate.mode") != "disabled"
    if made and config.get("publish.via.partition.root", "false") != "true":
        yield Finding(Severity.ERROR, "partition_root", "publish.via.partition.root", "The publication would send the "
                      "partitions' names.", "Set it to true.", {"publish.via.partition.root": "true"})  # fmt: skip


def _slot(config: Config, facts: Facts) -> Found:
    name = config.get("slot.name", "debezium")
    if not SLOT_NAME.fullmatch(name):
        good = "".join(one if one.isascii() and one.isalnum() else "_" for one in name.lower())[:63] or "debezium"
        yield Finding(Severity.ERROR, "slot_name", "slot.name", f"{name!r} is refused by PostgreSQL: lower case "
                      "letters, digits and _, at most 63.", f"Call it {good}.", {"slot.name": good})  # fmt: skip
    if config.get("slot.drop.on.stop", "false").lower() == "true":
        yield Finding(Severity.ERROR, "slot_drop", "slot.drop.on.stop", "A stopped connector forgets where it was: "
                      "events in between are lost.", "Set it to false.", {"slot.drop.on.stop": "false"})  # fmt: skip


def _heartbeat(config: Config, facts: Facts) -> Found:
    if config.get("heartbeat.interval.ms", "0") == "0":
        yield Finding(Severity.WARNING, "heartbeat", "heartbeat.interval.ms", "It is 0: while the outbox is idle and "
                      "the server is not, WAL is kept without end.", f"Set it to {HEARTBEAT_MS}.",
                      {"heartbeat.interval.ms": HEARTBEAT_MS, "message.prefix.exclude.list": HEARTBEAT_PREFIX,
                       "heartbeat.action.query":
                       f"SELECT pg_logical_emit_message(false, '{HEARTBEAT_PREFIX}', now()::text)"})  # fmt: skip


def _server(config: Config, facts: Facts) -> Found:
    if facts.wal_level != "logical":
        yield Finding(Severity.ERROR, "wal_level", "", f"The server's wal_level is {facts.wal_level}.",
                      "ALTER SYSTEM SET wal_level = logical; and restart PostgreSQL.")  # fmt: skip
    if facts.max_slot_wal_keep_size == "-1":
        yield Finding(Severity.WARNING, "wal_keep", "", "max_slot_wal_keep_size is -1: a slot that nobody reads fills "
                      "the disk.", "Set a limit, and watch the slot: eosctl cdc status.")  # fmt: skip


def _table(config: Config, facts: Facts) -> Found:
    if facts.relays:
        yield Finding(
            Severity.ERROR,
            "relay",
            "",
            f"{facts.relays} polling relay works on {facts.mapping.table}: every event goes out twice.",
            "End the relay, or the connector.",
        )
    if facts.updates and "u" not in config.get("skipped.operations", "t").split(","):
        yield Finding(Severity.WARNING, "updated", "skipped.operations", f"{facts.mapping.table} was updated "
                      f"{facts.updates} times; the router warns or stops at updates.", "Skip them: u,d,t.",
                      {"skipped.operations": "u,d,t"})  # fmt: skip


def _topics(config: Config, facts: Facts) -> Found:
    router = router_of(config)
    if not router or facts.topics is None or facts.auto_create or "topic.creation.default.partitions" in config:
        return
    template = config.get(f"{router}route.topic.replacement", "outbox.event.${routedByValue}")
    for kind in facts.aggregate_types:
        topic = template.replace("${routedByValue}", kind)
        if topic not in facts.topics:
            yield Finding(Severity.ERROR, "topic", f"{router}route.topic.replacement", f"There is no topic {topic!r}, "
                          "and brokers do not make it.", "Create it, or correct the replacement.")  # fmt: skip


def _secrets(config: Config, facts: Facts) -> Found:
    for key, value in config.items():
        if is_secret_key(key) and value and not REFERENCE.search(value):
            mine = PASSWORD_REFERENCE if key == "database.password" else (
                "${env:" + "".join(one if one.isalnum() else "_" for one in key.upper()) + "}")  # fmt: skip
            yield Finding(Severity.WARNING, "secret", key, "It stands there in clear text, for everyone who may ask "
                          "Connect.", f"Write {mine}; the worker needs config.providers=env.", {key: mine})  # fmt: skip


def _snapshot(config: Config, facts: Facts) -> Found:
    mode = config.get("snapshot.mode", "initial")
    if mode in cdc_keys.SNAPSHOT_RENAMED:
        new = cdc_keys.SNAPSHOT_RENAMED[mode]
        yield Finding(Severity.ERROR, "snapshot", "snapshot.mode", f"{mode} is called {new} now.", f"Set it to {new}.",
                      {"snapshot.mode": new})  # fmt: skip


def _included(config: Config, facts: Facts) -> Found:
    listed = config.get("table.include.list") or config.get("table.whitelist")
    if listed is None:
        name = escaped(f"{facts.mapping.table.schema or 'public'}.{facts.mapping.table.name}")
        yield Finding(Severity.WARNING, "tables", "table.include.list", "Every table of the database is read.",
                      "Name the outbox alone.", {"table.include.list": name})  # fmt: skip


def _converter(config: Config, facts: Facts) -> Found:
    for key in ("key.converter", "value.converter"):
        if key not in config:
            yield Finding(
                Severity.WARNING,
                "converter",
                key,
                "The worker's own is used; JsonConverter puts the payload into a JSON string.",
                f"Set it to {STRING_CONVERTER}.",
                {key: STRING_CONVERTER},
            )


RULES: Mapping[str, Rule] = {
    "renamed": _renamed,
    "removed": _removed,
    "dead": _dead,
    "unknown": _unknown,
    "router": _router,
    "column": _columns,
    "predicate": _predicate,
    "topic_prefix": _topic_prefix,
    "plugin": _plugin,
    "publication": _publication,
    "partition_root": _partitioned,
    "slot": _slot,
    "heartbeat": _heartbeat,
    "server": _server,
    "table": _table,
    "topic": _topics,
    "secret": _secrets,
    "snapshot": _snapshot,
    "tables": _included,
    "converter": _converter,
}
"""Every rule by name, in the order in which they look."""
