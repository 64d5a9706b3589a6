"""Rules of `cdc lint` that hold the configuration against table, server and brokers. Each yields what it finds."""

from eosctl.core.counts import counted
from eosctl.core.errors import did_you_mean
from eosctl.domain.cdc_config import (
    HEARTBEAT_MS,
    HEARTBEAT_PREFIX,
    SLOT_NAME,
    escaped,
    full_name,
    ident,
    publication_sql,
    quoted,
)
from eosctl.domain.cdc_findings import Config, Facts, Finding, Found, Severity, router_of
from eosctl.domain.cdc_key_rules import matches

_COLUMN_DEFAULTS = {
    "table.field.event.id": ("id", "id"),
    "table.field.event.key": ("aggregateid", "aggregate_id"),
    "table.field.event.payload": ("payload", "payload"),
    "route.by.field": ("aggregatetype", "aggregate_type"),
}


def columns(config: Config, facts: Facts) -> Found:
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


def plugin(config: Config, facts: Facts) -> Found:
    if config.get("plugin.name", "decoderbufs") != "pgoutput":
        said = "is not built into PostgreSQL" if "plugin.name" in config else "defaults to decoderbufs, an extra module"
        yield Finding(Severity.ERROR, "plugin", "plugin.name", f"It {said}.", "Set it to pgoutput.",
                      {"plugin.name": "pgoutput"})  # fmt: skip


def publication(config: Config, facts: Facts) -> Found:
    name = config.get("publication.name", "dbz_publication")
    table = facts.mapping.table
    if facts.publication is None:
        yield from _unmade(config, facts, name)
        return
    if not facts.publication["has_table"] and config.get("publication.autocreate.mode") != "filtered":
        yield Finding(Severity.ERROR, "publication", "publication.name", f"Publication {name!r} lacks {table}: no "
                      "event would come.", f"ALTER PUBLICATION {quoted(name)} ADD TABLE {ident(table)};")  # fmt: skip
    if not facts.publication["inserts"]:
        yield Finding(Severity.ERROR, "publication", "publication.name", f"Publication {name!r} does not publish "
                      "inserts.", f"ALTER PUBLICATION {quoted(name)} SET (publish = 'insert');")  # fmt: skip


def _unmade(config: Config, facts: Facts, name: str) -> Found:
    key, mode = "publication.autocreate.mode", config.get("publication.autocreate.mode", "all_tables")
    wanted = publication_sql(facts.mapping.table, name, partitioned=facts.catalogue.kind == "partitioned")
    if mode == "disabled":
        yield Finding(Severity.ERROR, "publication", "publication.name", f"There is no publication {name!r}, and the "
                      "connector does not make it.", wanted)  # fmt: skip
    elif facts.role is None or not facts.role.makes_publications:
        yield Finding(Severity.ERROR, "publication", key, f"There is no publication {name!r}, and the connector's role "
                      "has no right to make one.", "Set it to disabled, and make the publication by its owner.",
                      {key: "disabled"})  # fmt: skip
    elif mode == "all_tables":
        yield Finding(Severity.WARNING, "publication", key, "It would make a publication of all tables, which only a "
                      "superuser may.", "Set it to filtered.", {key: "filtered"})  # fmt: skip


def role(config: Config, facts: Facts) -> Found:
    found, name = facts.role, quoted(config.get("database.user", ""))
    if found is None:
        return
    key, table = "database.user", facts.mapping.table
    grants = (
        f"GRANT USAGE ON SCHEMA {quoted(table.schema or 'public')} TO {name}; GRANT SELECT ON {ident(table)} TO {name};"
    )
    if not found.exists:
        yield Finding(Severity.ERROR, "role", key, f"There is no role {name}.",
                      f"CREATE ROLE {name} LOGIN REPLICATION; {grants}")  # fmt: skip
        return
    if not (found.logs_in and found.replicates):
        yield Finding(Severity.ERROR, "role", key, f"{name} lacks LOGIN or REPLICATION: it can't read a slot.",
                      f"ALTER ROLE {name} LOGIN REPLICATION;")  # fmt: skip
    if not found.selects:
        yield Finding(Severity.ERROR, "role", key, f"{name} may not read {table}, as the snapshot must.", grants)


def partitioned(config: Config, facts: Facts) -> Found:
    if facts.catalogue.kind != "partitioned":
        return
    name = quoted(config.get("publication.name", "dbz_publication"))
    if facts.publication is not None and not facts.publication["via_root"]:
        yield Finding(Severity.ERROR, "partition_root", "publication.name", "Changes of a partitioned table come under "
                      "the partitions' names, and the include list and predicate name the root.",
                      f"ALTER PUBLICATION {name} SET (publish_via_partition_root = true);")  # fmt: skip
    made = facts.publication is None and config.get("publication.autocreate.mode") != "disabled"
    if made and config.get("publish.via.partition.root", "false") != "true":
        yield Finding(Severity.ERROR, "partition_root", "publish.via.partition.root", "The publication would send the "
                      "partitions' names.", "Set it to true.", {"publish.via.partition.root": "true"})  # fmt: skip


def slot(config: Config, facts: Facts) -> Found:
    name = config.get("slot.name", "debezium")
    if not SLOT_NAME.fullmatch(name):
        good = "".join(one if one.isascii() and one.isalnum() else "_" for one in name.lower())[:63] or "debezium"
        yield Finding(Severity.ERROR, "slot_name", "slot.name", f"{name!r} is refused by PostgreSQL: lower case "
                      "letters, digits and _, at most 63.", f"Call it {good}.", {"slot.name": good})  # fmt: skip
    if config.get("slot.drop.on.stop", "false").lower() == "true":
        yield Finding(Severity.ERROR, "slot_drop", "slot.drop.on.stop", "A stopped connector forgets where it was: "
                      "events in between are lost.", "Set it to false.", {"slot.drop.on.stop": "false"})  # fmt: skip


def heartbeat(config: Config, facts: Facts) -> Found:
    if config.get("heartbeat.interval.ms", "0") == "0":
        yield Finding(Severity.WARNING, "heartbeat", "heartbeat.interval.ms", "It is 0: while the outbox is idle and "
                      "the server is not, WAL is kept without end.", f"Set it to {HEARTBEAT_MS}.",
                      {"heartbeat.interval.ms": HEARTBEAT_MS, "message.prefix.exclude.list": HEARTBEAT_PREFIX,
                       "heartbeat.action.query":
                       f"SELECT pg_logical_emit_message(false, '{HEARTBEAT_PREFIX}', now()::text)"})  # fmt: skip


def server(config: Config, facts: Facts) -> Found:
    if facts.wal_level != "logical":
        yield Finding(Severity.ERROR, "wal_level", "", f"The server's wal_level is {facts.wal_level}.",
                      "ALTER SYSTEM SET wal_level = logical; and restart PostgreSQL.")  # fmt: skip
    if facts.max_slot_wal_keep_size == "-1":
        yield Finding(Severity.WARNING, "wal_keep", "", "max_slot_wal_keep_size is -1: a slot that nobody reads fills "
                      "the disk.", "Set a limit, and watch the slot: eosctl cdc status.")  # fmt: skip


def table(config: Config, facts: Facts) -> Found:
    if facts.relays:
        yield Finding(
            Severity.ERROR,
            "relay",
            "",
            f"{counted(facts.relays, 'polling relay works', 'polling relays work')} on {facts.mapping.table}: "
            "every event goes out twice.",
            "End the relay, or the connector.",
        )
    if facts.updates and "u" not in config.get("skipped.operations", "t").split(","):
        yield Finding(Severity.WARNING, "updated", "skipped.operations", f"{facts.mapping.table} was updated "
                      f"{counted(facts.updates, 'time')}; the router warns or stops at updates.", "Skip them: u,d,t.",
                      {"skipped.operations": "u,d,t"})  # fmt: skip


def topics(config: Config, facts: Facts) -> Found:
    router = router_of(config)
    if not router or facts.topics is None or facts.auto_create or "topic.creation.default.partitions" in config:
        return
    template = config.get(f"{router}route.topic.replacement", "outbox.event.${routedByValue}")
    for kind in facts.aggregate_types:
        topic = template.replace("${routedByValue}", kind)
        if topic not in facts.topics:
            yield Finding(Severity.ERROR, "topic", f"{router}route.topic.replacement", f"There is no topic {topic!r}, "
                          "and brokers do not make it.", "Create it, or correct the replacement.")  # fmt: skip


def included(config: Config, facts: Facts) -> Found:
    listed = config.get("table.include.list") or config.get("table.whitelist")
    name = full_name(facts.mapping.table)
    if listed is None:
        yield Finding(Severity.WARNING, "tables", "table.include.list", "Every table of the database is read.",
                      "Name the outbox alone.", {"table.include.list": escaped(name)})  # fmt: skip
    elif not any(matches(one.strip(), name) for one in listed.split(",")):
        yield Finding(Severity.ERROR, "tables", "table.include.list", f"It does not match {name}: no event would come.",
                      "Name the outbox.", {"table.include.list": escaped(name)})  # fmt: skip
