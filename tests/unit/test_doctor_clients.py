"""Client configuration files of six kinds: what is read, with which line, and what holds where nothing is set."""

import pytest
from fixtures.audit import client
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import EosctlError, UsageError
from eosctl.domain.audit.clients import Client, Kind, read_clients, split_kind
from eosctl.domain.audit.clients.defaults import DEFAULTS
from eosctl.domain.audit.ddl import ddl_tables
from eosctl.domain.audit.facts import Facts
from eosctl.domain.audit.rule import NotSeen, Status
from eosctl.domain.audit.rules import audit

SPRING = """
spring:
  kafka:
    properties: {max.in.flight.requests.per.connection: 3}
    producer:
      acks: ${ACKS:1}
      transaction-id-prefix: ${random.uuid}
    consumer:
      isolationLevel: READ_COMMITTED
      properties: {"[max.poll.interval.ms]": 1000}
---
spring:
  config.activate.on-profile: prod
  kafka.consumer.enable-auto-commit: true
"""
KAFKAJS = """
const { Kafka } = require('kafkajs') // kafka.producer({ idempotent: false })
const producer = kafka.producer({
  idempotent: true,
  transactionalId: `orders-${process.env.POD}`,
  retry: { initialRetryTime: 100, retries: 3 },
})
const consumer = kafka.consumer({ groupId, readUncommitted: true })
await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
await consumer.run({
  autoCommit: false,
  eachMessage: async ({ topic, message }) => { await producer.send({ topic, acks: 0, messages: [{ value: 'x' }] }) },
})
"""


def values(one: Client) -> dict[str, str | None]:
    """What a file sets."""
    return {key: setting.value for key, setting in one.settings.items()}


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("acks=all\nkey.serializer=x", "producer.properties", Kind.JAVA),
        ("acks=all", "producer.properties", Kind.JAVA),
        ("acks=all", "producer.conf", Kind.LIBRDKAFKA),
        ("acks=all\nqueue.buffering.max.ms=5", "producer.properties", Kind.LIBRDKAFKA),
        ("application.id=a", "app.properties", Kind.STREAMS),
        ("spring.kafka.producer.acks=all", "application.properties", Kind.SPRING),
        ("spring: {kafka: {producer: {acks: all}}}", "application.yml", Kind.SPRING),
        ('{"producer": {"idempotent": true}}', "kafka.json", Kind.KAFKAJS),
        ("bootstrap.servers: k\nenable.idempotence: true", "client.yaml", Kind.LIBRDKAFKA),
        ("kafka.producer({})", "producer.mjs", Kind.KAFKAJS),
        ('{"name": "a", "config": {"connector.class": "x", "topics": "t"}}', "sink.json", Kind.CONNECT),
        ('{"connector.class": "x"}', "source.json", Kind.CONNECT),
        ("group.id=c\noffset.storage.topic=o", "worker.properties", Kind.CONNECT),
        ("spring.cloud.stream.kafka.bindings.in.consumer.enable-dlq=true", "application.properties", Kind.SPRING),
    ],
)
def test_the_kind_is_told_by_ending_and_keys(text: str, name: str, kind: Kind) -> None:
    assert client(text, name).kind is kind


def test_a_kind_that_is_said_counts() -> None:
    assert split_kind("librdkafka:etc/client.conf") == (Kind.LIBRDKAFKA, "etc/client.conf")
    assert split_kind("C:/client.conf") == (None, "C:/client.conf")
    (found,), _ = read_clients("acks=all", "client", Kind.LIBRDKAFKA)
    assert found.kind is Kind.LIBRDKAFKA


def test_properties_keep_their_lines_over_comments_and_continuations() -> None:
    one = client("# producer\nkey.serializer=\\\n  x\n\nretries = 0\nacks: 1\n")
    assert (one.value("retries").line, one.value("acks").line) == (5, 6)


def test_spring_is_read_by_its_relaxed_spelling_and_by_profile() -> None:
    base, prod = read_clients(SPRING, "application.yml")[0]
    assert base.roles == {"producer", "consumer"}
    assert base.value("acks").text == "1"
    assert base.value("acks").line == 6
    assert base.value("isolation.level").text == "read_committed"
    assert base.value("max.poll.interval.ms").number == 1_000
    assert base.value("max.in.flight.requests.per.connection").number == 3
    assert base.value("enable.auto.commit").text == "false"
    assert prod.label == "profile prod"
    assert prod.value("enable.auto.commit").text == "true"


def test_kafkajs_is_read_from_its_calls_and_not_from_comments() -> None:
    producer, consumer = read_clients(KAFKAJS, "app.ts")[0]
    assert (producer.roles, consumer.roles) == ({"producer"}, {"consumer"})
    assert producer.value("enable.idempotence").text == "true"
    assert producer.value("acks").text == "0"
    assert producer.value("retries").number == 3
    assert consumer.value("isolation.level").text == "read_uncommitted"
    assert consumer.value("auto.offset.reset").text == "earliest"
    assert consumer.value("enable.auto.commit").text == "false"
    with pytest.raises(NotSeen, match="transactionalId in line 5"):
        producer.value("transactional.id")


CONNECTOR = """{"name": "orders-sink", "config": {
  "connector.class": "io.example.JdbcSink",
  "topics": "orders",
  "errors.tolerance": "all",
  "consumer.override.isolation.level": "read_committed"
}}"""


def test_a_connector_is_read_in_the_form_of_the_rest_api() -> None:
    one = client(CONNECTOR, "sink.json")
    assert (one.name, one.roles) == ("sink.json (orders-sink)", {"sink", "consumer"})
    assert (one.value("errors.tolerance").text, one.value("errors.tolerance").line) == ("all", 4)
    assert one.value("isolation.level").text == "read_committed"
    assert one.value("enable.auto.commit").text == "false"


def test_a_source_is_a_producer_that_is_idempotent_only_when_it_must() -> None:
    text = "connector.class=x\nproducer.override.acks=1\n"
    plain, required = client(text, "s.properties"), client(text + "exactly.once.support=required", "s.properties")
    assert plain.roles == {"source", "producer"}
    assert plain.value("acks").text == "1"
    assert [one.value("enable.idempotence").text for one in (plain, required)] == ["false", "true"]


def test_bindings_of_a_profile_are_consumers_of_their_own() -> None:
    text = (
        "spring.cloud.stream.kafka.bindings:\n  in: {consumer: {enableDlq: true, dlqName: dead}}\n"
        "  out: {consumer: {configuration: {isolation.level: read_committed}}}\n"
    )
    first, second = read_clients(text, "application.yml")[0]
    assert (first.label, first.value("enable.dlq").text, first.value("dlq.name").text) == ("binding in", "true", "dead")
    assert second.value("isolation.level").text == "read_committed"
    assert second.value("enable.dlq").text == "false"


def test_defaults_differ_between_clients() -> None:
    isolation = {kind: DEFAULTS[kind]["isolation.level"] for kind in Kind}
    assert isolation == {Kind.JAVA: "read_uncommitted", Kind.LIBRDKAFKA: "read_committed",
                         Kind.SPRING: "read_uncommitted", Kind.KAFKAJS: "read_committed",
                         Kind.STREAMS: "read_uncommitted", Kind.CONNECT: "read_uncommitted"}  # fmt: skip
    assert str(client("queue.buffering.max.ms=1", "c.conf").value("enable.idempotence")) == (
        "enable.idempotence is not set; librdkafka's default is false"
    )
    assert client("transactional.id=t", "c.conf").value("enable.idempotence").text == "true"
    assert client("application.id=a\nprocessing.guarantee=exactly_once_v2").value("isolation.level").text == (
        "read_committed"
    )


def test_a_reference_is_not_a_value_and_its_rule_is_not_checked() -> None:
    one = client("acks=${ACKS}\nenable.idempotence=true")
    outcomes = {each.rule.id: each for each in audit(Facts(clients=(one,)))}
    assert outcomes["EOS-K-202"].status is Status.NOT_CHECKED
    assert "line 1" in outcomes["EOS-K-202"].seen
    assert outcomes["EOS-K-201"].status is Status.PASSED


@pytest.mark.parametrize(
    ("text", "name", "code"),
    [
        ("acks=all", "client.txt", "unknown_client_config"),
        ("colour=red", "client.properties", "unknown_client_config"),
        ("server: {port: 1}", "application.yml", "unknown_client_config"),
        ("", "application.yml", "unknown_client_config"),
        ("export const x = 1", "app.ts", "unknown_client_config"),
        ("a: [", "application.yml", "bad_client_config"),
        ("\tacks: all", "application.yml", "bad_client_config"),
        ("acks=\\uZZZZ", "client.properties", "bad_client_config"),
    ],
)
def test_what_is_no_client_configuration_is_an_error_that_names_the_file(text: str, name: str, code: str) -> None:
    with pytest.raises(UsageError) as error:
        read_clients(text, name)
    assert error.value.code == code
    assert name in error.value.message
    assert error.value.hint


def test_a_file_with_a_connection_only_is_said_to_be_mute() -> None:
    clients, notices = read_clients("bootstrap.servers=k:9092\nsecurity.protocol=SSL", "client.properties")
    assert clients == ()
    assert notices[0].code == "client_config_mute"


@given(st.text(), st.sampled_from(["a.properties", "a.conf", "a.yml", "a.json", "a.ts"]))
def test_no_text_breaks_the_readers(text: str, name: str) -> None:
    try:
        clients, _ = read_clients(text, name)
    except EosctlError:
        return
    audit(Facts(clients=clients))


WORDS = "kafka . producer consumer ( ) { } [ ] : , 'x' idempotent true 1 retry =>".split()  # noqa: SIM905


@given(st.lists(st.sampled_from(WORDS)))
def test_no_program_breaks_the_reader_of_javascript(words: list[str]) -> None:
    try:
        read_clients(" ".join(words), "a.ts")
    except UsageError as error:
        assert error.code == "unknown_client_config"  # noqa: PT017


@pytest.mark.parametrize("text", ["", "SELECT 1", "CREATE TABLE (", "not sql at all ((("])
def test_ddl_that_makes_no_table_is_an_error_that_names_the_file(text: str) -> None:
    with pytest.raises(UsageError) as error:
        ddl_tables(text, "schema.sql")
    assert error.value.code == "bad_ddl"
    assert "schema.sql" in error.value.message


def test_ddl_is_read_with_constraints_indexes_and_lines() -> None:
    seen, outbox = ddl_tables(
        "-- tables\nCREATE TABLE shop.seen (message_id text, at timestamptz);\n"
        "CREATE TABLE outbox (id uuid PRIMARY KEY, aggregate_id text NOT NULL, n int GENERATED ALWAYS AS IDENTITY);\n"
        "ALTER TABLE ONLY shop.seen ADD CONSTRAINT seen_pkey PRIMARY KEY (message_id);\n"
        "CREATE INDEX ON shop.seen (at); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;\n",
        "schema.sql",
    )
    assert (seen.name, seen.role, seen.line) == ("shop.seen", "dedup", 2)
    assert seen.catalogue.unique_on(("message_id",)) is not None
    assert seen.catalogue.leading_index("at") is not None
    assert not [one for one in seen.catalogue.columns if one.name == "message_id" and one.nullable]
    assert (outbox.role, outbox.line) == ("outbox", 3)
    assert "nextval" in (outbox.catalogue.columns[2].default or "")
