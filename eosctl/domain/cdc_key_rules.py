"""Rules of `cdc lint` that look at the configuration's keys alone. Each yields what it finds."""

import re

from eosctl.core.errors import did_you_mean
from eosctl.core.redaction import is_secret_key
from eosctl.domain import cdc_keys
from eosctl.domain.cdc_config import (
    CONNECTOR_CLASS,
    PASSWORD_REFERENCE,
    REFERENCE,
    ROUTER,
    STRING_CONVERTER,
    TOPIC_MATCHES,
    as_config,
    full_name,
    routing,
)
from eosctl.domain.cdc_findings import Config, Facts, Finding, Found, Severity, named_in, router_of

_NEEDED = ("database.hostname", "database.user", "database.dbname")


def renamed(config: Config, facts: Facts) -> Found:
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


def deprecated(config: Config, facts: Facts) -> Found:
    for key, (new, values) in cdc_keys.DEPRECATED.items():
        if key in config:
            changes: dict[str, str | None] = {key: None}
            if new not in config:
                changes[new] = values.get(config[key], config[key])
            yield Finding(Severity.WARNING, "deprecated", key, f"{new} took its place.", f"Use {new}.", changes)


def required(config: Config, facts: Facts) -> Found:
    found = config.get("connector.class")
    if found != CONNECTOR_CLASS:
        why = f"{found} is another connector." if found else "It is required."
        changes: dict[str, str | None] = {} if found else {"connector.class": CONNECTOR_CLASS}
        yield Finding(Severity.ERROR, "required", "connector.class", why, f"Set it to {CONNECTOR_CLASS}.", changes)
    for key in _NEEDED:
        if not config.get(key):
            yield Finding(Severity.ERROR, "required", key, "It is required.", "Set it.")
    database = config.get("database.dbname", "")
    if database and facts.database and database != facts.database and not REFERENCE.search(database):
        yield Finding(Severity.ERROR, "required", "database.dbname", f"The connector reads {database!r}, and the table "
                      f"was looked at in {facts.database!r}.",
                      "Correct it, or connect eosctl to that database.")  # fmt: skip


def removed(config: Config, facts: Facts) -> Found:
    for key in config:
        if key in cdc_keys.REMOVED:
            yield Finding(Severity.WARNING, "removed", key, cdc_keys.REMOVED[key], "Take it out.", {key: None})


def dead(config: Config, facts: Facts) -> Found:
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


def unknown(config: Config, facts: Facts) -> Found:
    router = router_of(config)
    for key in config:
        if router and key.startswith(router):
            known, rest = cdc_keys.router_keys(), key.removeprefix(router)
            seen = rest in known or rest in cdc_keys.ROUTER_RENAMED
        else:
            known, rest = cdc_keys.known(), key
            seen = rest in known or rest in cdc_keys.RENAMED or rest in cdc_keys.REMOVED
            seen = seen or rest == "table.field.event.type" or bool(cdc_keys.PREFIXES.fullmatch(rest))
        if not seen:
            mend = did_you_mean(rest, known) or "Take it out, unless something of your own reads it."
            yield Finding(Severity.WARNING, "unknown", key, "Neither Connect nor Debezium 3.5 reads it.", mend)


def router(config: Config, facts: Facts) -> Found:
    prefix = config.get("topic.prefix") or config.get("database.server.name") or "outbox"
    if not router_of(config):
        wanted = as_config(routing(facts.mapping, prefix))
        named = ",".join(dict.fromkeys([*named_in(config, "transforms"), "outbox"]))
        yield Finding(Severity.ERROR, "router", "transforms", "No transform is the outbox router: whole rows would be "
                      "published.", f"Add a transform of type {ROUTER}.", {**wanted, "transforms": named})  # fmt: skip


def predicate(config: Config, facts: Facts) -> Found:
    router = router_of(config)
    if not router:
        return
    if f"{router}predicate" in config:
        yield from _mismatched(config, facts, f"predicates.{config[f'{router}predicate']}.")
    elif config.get("heartbeat.interval.ms", "0") != "0":
        wanted = as_config(routing(facts.mapping, config.get("topic.prefix", "outbox")))
        changes: dict[str, str | None] = {key: one for key, one in wanted.items() if key.startswith("predicates.")}
        changes["predicates"] = ",".join(dict.fromkeys([*named_in(config, "predicates"), "isOutbox"]))
        changes[f"{router}predicate"] = "isOutbox"
        yield Finding(Severity.WARNING, "predicate", f"{router}predicate", "Heartbeat records go through the router, "
                      "which is made for rows.", "Let a predicate send only the table's records through it.",
                      changes)  # fmt: skip


def _mismatched(config: Config, facts: Facts, prefix: str) -> Found:
    topic = f"{config.get('topic.prefix', '')}.{full_name(facts.mapping.table)}"
    pattern = config.get(f"{prefix}pattern", "")
    if config.get(f"{prefix}type") != TOPIC_MATCHES or matches(pattern, topic):
        return
    wanted = as_config(routing(facts.mapping, config.get("topic.prefix", "")))["predicates.isOutbox.pattern"]
    yield Finding(Severity.ERROR, "predicate", f"{prefix}pattern", f"{pattern!r} does not match {topic}: whole rows "
                  "would be published.", f"Set it to {wanted}.", {f"{prefix}pattern": wanted})  # fmt: skip


def matches(pattern: str, name: str) -> bool:
    """Whether a Java pattern matches the whole name; True for one that Python can't read."""
    try:
        return re.fullmatch(pattern, name, re.IGNORECASE) is not None
    except re.error:
        return True


def topic_prefix(config: Config, facts: Facts) -> Found:
    if "topic.prefix" not in config and "database.server.name" not in config:
        value = config.get("name", "outbox")
        yield Finding(Severity.ERROR, "topic_prefix", "topic.prefix", "It is required: offsets are kept under it.",
                      f"Set it, for example to {value}, and never change it.", {"topic.prefix": value})  # fmt: skip


def snapshot(config: Config, facts: Facts) -> Found:
    mode = config.get("snapshot.mode", "initial")
    if mode in cdc_keys.SNAPSHOT_RENAMED:
        new = cdc_keys.SNAPSHOT_RENAMED[mode]
        yield Finding(Severity.ERROR, "snapshot", "snapshot.mode", f"{mode} is called {new} now.", f"Set it to {new}.",
                      {"snapshot.mode": new})  # fmt: skip


def converter(config: Config, facts: Facts) -> Found:
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


def secrets(config: Config, facts: Facts) -> Found:
    for key, value in config.items():
        if is_secret_key(key) and value and not REFERENCE.search(value):
            mine = PASSWORD_REFERENCE if key == "database.password" else (
                "${env:" + "".join(one if one.isalnum() else "_" for one in key.upper()) + "}")  # fmt: skip
            yield Finding(Severity.WARNING, "secret", key, "It stands there in clear text, for everyone who may ask "
                          "Connect.", f"Write {mine}; the worker needs config.providers=env.", {key: mine})  # fmt: skip
