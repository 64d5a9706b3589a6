"""Checking a Debezium outbox configuration: every rule is a pure function of the configuration and the facts."""

from collections.abc import Mapping

from eosctl.domain import cdc_key_rules as keys
from eosctl.domain import cdc_server_rules as server
from eosctl.domain.cdc_findings import Config, Facts, Finding, Rule, Severity


def lint(config: Config, facts: Facts) -> tuple[Finding, ...]:
    """Every finding, errors first."""
    found = [finding for rule in RULES.values() for finding in rule(config, facts)]
    return tuple(sorted(found, key=lambda one: one.severity is not Severity.ERROR))


def fixed(config: Config, facts: Facts, *, rounds: int = 5) -> dict[str, str]:
    """The configuration with every finding mended that can be mended in it; a mended key may show another finding."""
    now = dict(config)
    for _ in range(rounds):
        before = dict(now)
        for rule in RULES.values():
            for finding in tuple(rule(now, facts)):
                _apply(now, finding)
        if now == before:
            break
    return now


def _apply(config: dict[str, str], finding: Finding) -> None:
    for key, value in finding.changes.items():
        if value is None:
            config.pop(key, None)
        else:
            config[key] = value


RULES: Mapping[str, Rule] = {
    "renamed": keys.renamed,
    "deprecated": keys.deprecated,
    "removed": keys.removed,
    "dead": keys.dead,
    "unknown": keys.unknown,
    "required": keys.required,
    "router": keys.router,
    "column": server.columns,
    "predicate": keys.predicate,
    "topic_prefix": keys.topic_prefix,
    "plugin": server.plugin,
    "publication": server.publication,
    "role": server.role,
    "partition_root": server.partitioned,
    "slot": server.slot,
    "heartbeat": server.heartbeat,
    "server": server.server,
    "table": server.table,
    "topic": server.topics,
    "secret": keys.secrets,
    "snapshot": keys.snapshot,
    "tables": server.included,
    "converter": keys.converter,
}
"""Every rule by name, in the order in which they look."""
