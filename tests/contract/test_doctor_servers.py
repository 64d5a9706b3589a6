"""The audit on real servers: what is wrong is found, what is hidden is not checked, nothing is changed."""

import json
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import NewTopic
from fixtures.command import eosctl
from fixtures.lab import LIMIT_S, wait_until
from psycopg import conninfo, sql

from eosctl.domain.lab import Incident
from eosctl.lab import clients, security
from eosctl.lab.state import LabState

Rows = list[dict[str, Any]]


def doctor(*words: str, servers: str = "", dsn: str = "", code: int | None = None) -> Rows:
    """The rows of an audit."""
    named = {"EOSCTL_BOOTSTRAP_SERVER": servers, "EOSCTL_DSN": dsn}
    found = eosctl("doctor", *words, "-o", "json", env={key: value for key, value in named.items() if value})
    envelope = json.loads(found.stdout)
    if code is not None:
        assert found.returncode == code, found.stderr + found.stdout[:2_000]
    rows: Rows = envelope["data"]
    return rows


def ids(rows: Rows, subject: str = "", status: str = "found") -> set[str]:
    """The rules with that status on a subject, on any when none is named."""
    return {one["id"] for one in rows if one["status"] == status and subject in ("", one["subject"])}


def commit(lab: LabState, group: str, topic: str, offset: int) -> None:
    """A position of a group without members."""
    consumer = Consumer({"bootstrap.servers": lab.bootstrap_servers, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
    consumer.close()


def produce(lab: LabState, topic: str, count: int, *, age_ms: int = 0, **config: str) -> None:
    """Records on partition 0, of a transaction when there is a transactional id."""
    settings = {key.replace("_", "."): value for key, value in config.items()}
    producer = Producer({"bootstrap.servers": lab.bootstrap_servers, **settings})
    if "transactional_id" in config:
        producer.init_transactions(LIMIT_S)
        producer.begin_transaction()
    stamp = int(time.time() * 1_000) - age_ms
    for _ in range(count):
        producer.produce(topic, b"x", partition=0, timestamp=stamp)
    producer.flush(LIMIT_S)
    if "transactional_id" in config:
        producer.commit_transaction(LIMIT_S)


def test_a_lab_is_told_what_it_lacks(lab: LabState, make_topic: Callable[..., str]) -> None:
    topic = make_topic(1, message_timestamp_type="LogAppendTime")
    rows = doctor("--topic", topic, "--dedup-window", "1h", servers=lab.bootstrap_servers, code=3)
    assert {"EOS-K-001", "EOS-K-002", "EOS-K-003"} <= ids(rows, "broker 1")
    assert "EOS-K-009" not in ids(rows)
    assert ids(rows, topic) == {"EOS-K-101", "EOS-K-106", "EOS-K-107"}
    if lab.transaction_version < 2:
        assert "EOS-K-020" in ids(rows, "the cluster")
    assert not ids(rows, status="not checked")


def test_a_dead_letter_topic_that_is_compacted_is_found(lab: LabState) -> None:
    admin = clients.librdkafka_admin(lab)
    name = f"doctor{time.monotonic_ns()}-dlt"
    admin.create_topics([NewTopic(name, 1, 1, config={"cleanup.policy": "compact"})])[name].result(LIMIT_S)
    try:
        wait_until(lambda: name in admin.list_topics(timeout=LIMIT_S).topics)
        assert "EOS-K-108" in ids(doctor("--topic", name, servers=lab.bootstrap_servers), name)
    finally:
        admin.delete_topics([name])[name].result(LIMIT_S)


def test_the_apis_of_real_brokers_are_seen_and_new_enough(lab: LabState) -> None:
    rows = doctor("--all", servers=lab.bootstrap_servers)
    status = {one["id"]: one["status"] for one in rows if one["subject"] == "the cluster"}
    assert (status["EOS-K-021"], status["EOS-K-026"]) == ("passed", "passed")


def test_groups_are_judged_by_their_positions(lab: LabState, make_topic: Callable[..., str]) -> None:
    topic = make_topic(1, retention_ms="86400000")
    produce(lab, topic, 5, age_ms=80_000_000)
    produce(lab, topic, 5, transactional_id=f"{topic}-tx")
    commit(lab, f"{topic}-edge", topic, 2)
    commit(lab, f"{topic}-done", topic, 11)
    rows = doctor("--topic", topic, servers=lab.bootstrap_servers)
    assert ids(rows, f"{topic}-edge") == {"EOS-K-302", "EOS-K-303", "EOS-K-305"}
    assert ids(rows, f"{topic}-done") == {"EOS-K-303", "EOS-K-305"}
    admin = clients.librdkafka_admin(lab)
    admin.delete_records([TopicPartition(topic, 0, 5)])[TopicPartition(topic, 0)].result(LIMIT_S)
    rows = doctor("--group", f"{topic}-edge", servers=lab.bootstrap_servers, code=3)
    assert "EOS-K-301" in ids(rows, f"{topic}-edge")
    assert f"{topic}-done" not in {one["subject"] for one in rows}


def test_a_hanging_transaction_is_found_for_the_group_behind_it(lab: LabState, inject: Callable[..., Incident]) -> None:
    incident = inject("hanging-transaction")
    group = incident.facts["group"]
    rows = doctor("--group", group, servers=lab.bootstrap_servers, code=3)
    assert "EOS-K-306" in ids(rows, group)


def test_tables_and_the_server_are_judged(lab: LabState, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE bad (message_id varchar(10), consumer_group text, processed_at timestamp)")
        connection.execute("CREATE UNLOGGED TABLE good (message_id text PRIMARY KEY)")
        connection.execute("CREATE TABLE other (id int PRIMARY KEY)")
        connection.execute(
            "CREATE FUNCTION handle(m text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN "
            "IF NOT EXISTS (SELECT FROM bad WHERE message_id = m) THEN INSERT INTO bad VALUES (m); END IF; END $$"
        )
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))
    rows = doctor(dsn=database, code=3)
    assert ids(rows, "public.bad") == {"EOS-K-401", "EOS-K-402", "EOS-K-403", "EOS-K-404", "EOS-K-408", "EOS-K-409",
                                       "EOS-K-414"}  # fmt: skip
    assert ids(rows, "public.good") == {"EOS-K-413"}
    assert "public.other" not in {one["subject"] for one in rows}
    assert "EOS-K-501" in ids(rows, "the database")
    only = doctor("--table", "good", dsn=database)
    assert {one["subject"] for one in only if one["id"].startswith("EOS-K-4")} == {"public.good"}


def test_a_user_without_rights_is_told_what_was_not_checked(lab: LabState, database: str) -> None:
    name = f"limited_{time.monotonic_ns()}"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        try:
            rows = doctor(dsn=conninfo.make_conninfo(database, user=name))
            assert {"EOS-K-520", "EOS-K-530"} <= ids(rows, status="not checked")
        finally:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_an_acl_that_hides_configuration_is_not_checked_never_passed(secure_lab: LabState) -> None:
    words = []
    file = secure_lab.path("security", f"{security.LIMITED}.properties")
    for line in file.read_text().splitlines():
        words += ["-X", line.replace(" = ", "=", 1)]
    found = eosctl("doctor", *words, "--all", "-o", "json")
    envelope = json.loads(found.stdout)
    rows = envelope["data"]
    hidden = {one["id"] for one in rows if one["subject"] == "broker 1"}
    assert len(hidden) == 12
    assert {one["status"] for one in rows if one["subject"] == "broker 1"} == {"not checked"}
    assert all("DescribeConfigs" in one["seen"] for one in rows if one["subject"] == "broker 1")
    assert found.returncode in (3, 5)


def test_unknown_names_are_errors_with_the_nearest(lab: LabState, topic: str, database: str) -> None:
    env = {"EOSCTL_BOOTSTRAP_SERVER": lab.bootstrap_servers, "EOSCTL_DSN": database}
    for words, hint in (
        (("--topic", f"{topic}x"), topic),
        (("--group", "no-such-group-at-all"), "unknown_group"),
        (("--table", "nope"), "unknown_table"),
    ):
        found = eosctl("doctor", *words, "-o", "json", env=env)
        assert found.returncode == 2, found.stdout
        assert hint in found.stdout


@pytest.mark.parametrize("form", ["table", "wide", "csv", "markdown", "yaml"])
def test_every_format_tells_the_same_finding(lab: LabState, topic: str, form: str) -> None:
    found = eosctl("doctor", "--topic", topic, "-o", form, env={"EOSCTL_BOOTSTRAP_SERVER": lab.bootstrap_servers})
    assert found.returncode == 3
    assert "EOS-K-101" in found.stdout
    assert topic in found.stdout
