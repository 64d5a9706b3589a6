"""Each rule of `cdc lint`: what it finds, what it leaves alone, and that what it can mend is mended."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eosctl.domain.cdc_config import CONNECTOR_CLASS, ConnectorWish, as_config, choices
from eosctl.domain.cdc_findings import Facts, Role, Severity
from eosctl.domain.cdc_keys import REMOVED, RENAMED, ROUTER_RENAMED
from eosctl.domain.cdc_lint import RULES, fixed, lint
from eosctl.domain.outbox import ROLES, OutboxMapping
from eosctl.domain.tables import CatalogueColumn, TableCatalogue, TableName

TABLE = TableName("outbox", "public")
MAPPING = OutboxMapping(table=TABLE)
COLUMNS = tuple(CatalogueColumn(one, "text", True) for one in ROLES)
CATALOGUE = TableCatalogue(TABLE, "table", COLUMNS)
WISH = ConnectorWish(name="outbox", prefix="shop", slot="s", publication="p", host="db", port=5_432, database="shop",
                     user="debezium")  # fmt: skip
GOOD: Mapping[str, str] = as_config(choices(MAPPING, WISH))
PUBLISHED = {"inserts": True, "via_root": False, "has_table": True}
FACTS = Facts(mapping=MAPPING, catalogue=CATALOGUE, max_slot_wal_keep_size="10GB", publication=PUBLISHED, role=Role(),
              database="shop", topics=frozenset(["orders-events"]), aggregate_types=("orders",))  # fmt: skip
R = "transforms.outbox."
ERROR, WARNING = Severity.ERROR, Severity.WARNING
Changes = Mapping[str, str | None]


def changed(changes: Changes) -> dict[str, str]:
    return {key: value for key, value in {**GOOD, **changes}.items() if value is not None}


def seen(changes: Changes, facts: Mapping[str, Any]) -> set[tuple[Severity, str, str]]:
    found = lint(changed(changes), replace(FACTS, **facts))
    return {(one.severity, one.rule, one.key.removeprefix(R)) for one in found}


FOUND: list[tuple[str, Changes, dict[str, Any], tuple[Severity, str, str]]] = [
    ("renamed", {"topic.prefix": None, "database.server.name": "shop"}, {}, (ERROR, "renamed", "database.server.name")),
    ("renamed", {f"{R}table.field.event.payload": None, f"{R}table.field.payload": "payload"}, {},
     (ERROR, "renamed", "table.field.payload")),
    ("deprecated", {"flush.lsn.source": "false"}, {}, (WARNING, "deprecated", "flush.lsn.source")),
    ("removed", {"sanitize.field.names": "true"}, {}, (WARNING, "removed", "sanitize.field.names")),
    ("dead", {f"{R}table.field.event.type": "event_type"}, {}, (WARNING, "dead", "table.field.event.type")),
    ("unknown", {"hartbeat.interval.ms": "1"}, {}, (WARNING, "unknown", "hartbeat.interval.ms")),
    ("unknown", {f"{R}route.by.feild": "x"}, {}, (WARNING, "unknown", "route.by.feild")),
    ("required", {"connector.class": None}, {}, (ERROR, "required", "connector.class")),
    ("required", {"connector.class": "io.debezium.connector.mysql.MySqlConnector"}, {},
     (ERROR, "required", "connector.class")),
    ("required", {"database.hostname": None}, {}, (ERROR, "required", "database.hostname")),
    ("required", {}, {"database": "other"}, (ERROR, "required", "database.dbname")),
    ("router", {"transforms": None}, {}, (ERROR, "router", "transforms")),
    ("router", {"transforms": "unwrap"}, {}, (ERROR, "router", "transforms")),
    ("column", {f"{R}table.field.event.key": None}, {}, (ERROR, "column", "table.field.event.key")),
    ("column", {f"{R}route.by.field": "kind"}, {}, (ERROR, "column", "route.by.field")),
    ("column", {f"{R}table.fields.additional.placement": "typ:header:event-type"}, {},
     (ERROR, "column", "table.fields.additional.placement")),
    ("predicate", {f"{R}predicate": None}, {}, (WARNING, "predicate", "predicate")),
    ("predicate", {"predicates.isOutbox.pattern": "other\\.public\\.outbox"}, {},
     (ERROR, "predicate", "predicates.isOutbox.pattern")),
    ("topic_prefix", {"topic.prefix": None}, {}, (ERROR, "topic_prefix", "topic.prefix")),
    ("plugin", {"plugin.name": None}, {}, (ERROR, "plugin", "plugin.name")),
    ("plugin", {"plugin.name": "wal2json"}, {}, (ERROR, "plugin", "plugin.name")),
    ("publication", {}, {"publication": None}, (ERROR, "publication", "publication.name")),
    ("publication", {}, {"publication": {**PUBLISHED, "has_table": False}}, (ERROR, "publication", "publication.name")),
    ("publication", {}, {"publication": {**PUBLISHED, "inserts": False}}, (ERROR, "publication", "publication.name")),
    ("publication", {"publication.autocreate.mode": None}, {"publication": None},
     (WARNING, "publication", "publication.autocreate.mode")),
    ("publication", {"publication.autocreate.mode": "filtered"},
     {"publication": None, "role": Role(makes_publications=False)},
     (ERROR, "publication", "publication.autocreate.mode")),
    ("role", {}, {"role": Role(exists=False)}, (ERROR, "role", "database.user")),
    ("role", {}, {"role": Role(replicates=False)}, (ERROR, "role", "database.user")),
    ("role", {}, {"role": Role(selects=False)}, (ERROR, "role", "database.user")),
    ("partition_root", {}, {"catalogue": replace(CATALOGUE, kind="partitioned")},
     (ERROR, "partition_root", "publication.name")),
    ("partition_root", {"publication.autocreate.mode": "filtered"},
     {"catalogue": replace(CATALOGUE, kind="partitioned"), "publication": None},
     (ERROR, "partition_root", "publish.via.partition.root")),
    ("slot", {"slot.name": "Out-Box"}, {}, (ERROR, "slot_name", "slot.name")),
    ("slot", {"slot.drop.on.stop": "true"}, {}, (ERROR, "slot_drop", "slot.drop.on.stop")),
    ("heartbeat", {"heartbeat.interval.ms": "0"}, {}, (WARNING, "heartbeat", "heartbeat.interval.ms")),
    ("heartbeat", {"heartbeat.interval.ms": None}, {}, (WARNING, "heartbeat", "heartbeat.interval.ms")),
    ("server", {}, {"wal_level": "replica"}, (ERROR, "wal_level", "")),
    ("server", {}, {"max_slot_wal_keep_size": "-1"}, (WARNING, "wal_keep", "")),
    ("table", {}, {"relays": 1}, (ERROR, "relay", "")),
    ("table", {"skipped.operations": None}, {"updates": 3}, (WARNING, "updated", "skipped.operations")),
    ("topic", {}, {"auto_create": False, "topics": frozenset[str]()}, (ERROR, "topic", "route.topic.replacement")),
    ("secret", {"database.password": "hunter2"}, {}, (WARNING, "secret", "database.password")),
    ("snapshot", {"snapshot.mode": "never"}, {}, (ERROR, "snapshot", "snapshot.mode")),
    ("tables", {"table.include.list": None}, {}, (WARNING, "tables", "table.include.list")),
    ("tables", {"table.include.list": "public\\.orders"}, {}, (ERROR, "tables", "table.include.list")),
    ("converter", {"value.converter": None}, {}, (WARNING, "converter", "value.converter")),
]  # fmt: skip

LEFT_ALONE: list[tuple[str, Changes, dict[str, Any]]] = [
    ("renamed", {"table.exclude.list": "public\\.other"}, {}),
    ("deprecated", {"lsn.flush.mode": "manual"}, {}),
    ("removed", {"field.name.adjustment.mode": "avro"}, {}),
    ("dead", {f"{R}table.field.event.timestamp": "created_at"}, {}),
    ("unknown", {"producer.override.linger.ms": "5", "transforms.other.anything": "1", "driver.loginTimeout": "3",
                 "topic.creation.default.partitions": "6", "errors.tolerance": "none", "read.only": "true",
                 f"{R}negate": "false", "column.mask.with.8.chars": "a"}, {}),
    ("required", {"database.dbname": "${env:DATABASE}"}, {"database": "other"}),
    ("router", {"transforms": "unwrap, outbox"}, {}),
    ("column", {f"{R}table.fields.additional.placement": "event_type:envelope:type"}, {}),
    ("predicate", {f"{R}predicate": None, "heartbeat.interval.ms": "0"}, {}),
    ("predicate", {"predicates.isOutbox.pattern": "shop.*"}, {}),
    ("topic_prefix", {"topic.prefix": None, "database.server.name": "shop"}, {}),
    ("plugin", {"plugin.name": "pgoutput"}, {}),
    ("publication", {"publication.autocreate.mode": "filtered"}, {"publication": None}),
    ("publication", {"publication.autocreate.mode": "filtered"}, {"publication": {**PUBLISHED, "has_table": False}}),
    ("role", {}, {"role": None}),
    ("partition_root", {}, {"catalogue": replace(CATALOGUE, kind="partitioned"),
                            "publication": {**PUBLISHED, "via_root": True}}),
    ("partition_root", {"publication.autocreate.mode": "filtered", "publish.via.partition.root": "true"},
     {"catalogue": replace(CATALOGUE, kind="partitioned"), "publication": None}),
    ("slot", {"slot.name": "a_1"}, {}),
    ("heartbeat", {"heartbeat.interval.ms": "1"}, {}),
    ("server", {}, {"max_slot_wal_keep_size": "1MB"}),
    ("table", {}, {"updates": 3}),
    ("topic", {}, {"auto_create": False}),
    ("topic", {}, {"auto_create": False, "topics": None}),
    ("topic", {"topic.creation.default.partitions": "3"}, {"auto_create": False, "topics": frozenset[str]()}),
    ("secret", {"database.password": "${file:/run/secrets:password}"}, {}),
    ("snapshot", {"snapshot.mode": "when_needed"}, {}),
    ("tables", {"table.include.list": "public\\.orders, PUBLIC\\.out.*"}, {}),
    ("converter", {"value.converter": "org.apache.kafka.connect.json.JsonConverter"}, {}),
]  # fmt: skip


def test_the_generated_configuration_has_no_finding() -> None:
    assert lint(GOOD, FACTS) == ()


@pytest.mark.parametrize(("rule", "changes", "facts", "expected"), FOUND)
def test_a_rule_finds(rule: str, changes: Changes, facts: dict[str, Any], expected: tuple[Severity, str, str]) -> None:
    assert expected in seen(changes, facts)
    by_rule = {(one.severity, one.rule, one.key.removeprefix(R))
               for one in RULES[rule](changed(changes), replace(FACTS, **facts))}  # fmt: skip
    assert expected in by_rule, "the table names the wrong rule"


@pytest.mark.parametrize(("rule", "changes", "facts"), LEFT_ALONE)
def test_a_rule_leaves_alone(rule: str, changes: Changes, facts: dict[str, Any]) -> None:
    assert tuple(RULES[rule](changed(changes), replace(FACTS, **facts))) == ()


def test_every_rule_stands_in_both_tables() -> None:
    assert {one[0] for one in FOUND} == set(RULES) == {one[0] for one in LEFT_ALONE}


@pytest.mark.parametrize(("rule", "changes", "facts", "expected"), FOUND)
def test_what_can_be_mended_is_mended(
    rule: str, changes: Changes, facts: dict[str, Any], expected: tuple[Severity, str, str]
) -> None:
    now = replace(FACTS, **facts)
    mended = fixed(changed(changes), now)
    assert [one for one in lint(mended, now) if one.changes] == []


def test_every_finding_says_why_and_what_to_do() -> None:
    for _, changes, facts, _ in FOUND:
        for one in lint(changed(changes), replace(FACTS, **facts)):
            assert one.why.endswith((".", "?"))
            assert one.mend.endswith((".", ";", "?"))


def test_a_missing_publication_of_a_role_without_rights_is_left_to_its_owner() -> None:
    facts = replace(FACTS, publication=None, role=Role(makes_publications=False))
    mended = fixed(changed({"publication.autocreate.mode": None}), facts)
    assert mended["publication.autocreate.mode"] == "disabled"
    (left,) = lint(mended, facts)
    assert left.mend == 'CREATE PUBLICATION "p" FOR TABLE "public"."outbox" WITH (publish = \'insert\');'


def test_a_mended_flush_mode_keeps_its_meaning() -> None:
    mended = fixed(changed({"flush.lsn.source": "false"}), FACTS)
    assert mended["lsn.flush.mode"] == "manual"
    assert "flush.lsn.source" not in mended


OLD_KEYS = st.sampled_from([*RENAMED, *REMOVED, *(R + key for key in ROUTER_RENAMED), f"{R}table.field.event.type"])


@given(
    gone=st.sets(st.sampled_from([key for key in GOOD if key != "connector.class"])),
    added=st.dictionaries(OLD_KEYS, st.sampled_from(["x", "public.outbox", "true", ""])),
    published=st.sampled_from([None, PUBLISHED, {**PUBLISHED, "has_table": False}]),
    role=st.sampled_from([None, Role(), Role(makes_publications=False)]),
    kind=st.sampled_from(["table", "partitioned"]),
)
@settings(max_examples=150, deadline=None)
def test_mending_ends_and_leaves_nothing_that_it_could_mend(
    gone: set[str], added: dict[str, str], published: dict[str, bool] | None, role: Role | None, kind: str
) -> None:
    facts = replace(FACTS, publication=published, role=role, catalogue=replace(CATALOGUE, kind=kind))
    mended = fixed({**{key: value for key, value in GOOD.items() if key not in gone}, **added}, facts)
    assert [one for one in lint(mended, facts) if one.changes] == []
    assert fixed(mended, facts) == mended
    assert mended["connector.class"] == CONNECTOR_CLASS
