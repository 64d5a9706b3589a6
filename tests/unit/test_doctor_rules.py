"""Each rule of the audit on something bad and on something good: the one is found, the other passes."""

import re
from dataclasses import replace
from typing import Any

import pytest
from fixtures.audit import broker, client, cluster, group, postgres, slot, state, table, together, topic

from eosctl.domain.audit.facts import Facts, PostgresFacts
from eosctl.domain.audit.rule import Area, NotSeen, Rule, Status
from eosctl.domain.audit.rules import RULES, audit
from eosctl.domain.kafka import Topic
from eosctl.operations import registry

BY_ID = {one.id: one for one in RULES}
INTERNAL = "__transaction_state"
WEEK_MS = 604_800_000
SOUND_PRODUCER = client("acks=all\nenable.idempotence=true\nkey.serializer=x")
SOUND_CONSUMER = client(
    "group.id=g\nisolation.level=read_committed\nenable.auto.commit=false\nauto.offset.reset=earliest"
)
TX = "transactional.id=orders-0\n"
WORKER = "group.id=connect\nconfig.storage.topic=c\n"
DLQ = "errors.deadletterqueue.topic.name=dead"
HANDLER = "deserialization.exception.handler=org.apache.kafka.streams.errors.LogAndContinueExceptionHandler\n"
STREAMS = "application.id=a\nprocessing.guarantee=exactly_once_v2\n"
SOUND_DEDUP = table(
    "CREATE TABLE seen (consumer_group text, message_id text, processed_at timestamptz NOT NULL, "
    "PRIMARY KEY (consumer_group, message_id)); CREATE INDEX ON seen (processed_at)"
)
SOUND_OFFSETS = table(
    "CREATE TABLE positions (consumer_group text, topic text, partition int, next_offset bigint, "
    "PRIMARY KEY (consumer_group, topic, partition))"
)
BY_TIME = table(
    "CREATE TABLE seen (message_id text, processed_at timestamptz, PRIMARY KEY (message_id, processed_at)) "
    "PARTITION BY RANGE (processed_at)"
)
BY_HASH = table("CREATE TABLE seen (message_id text PRIMARY KEY) PARTITION BY HASH (message_id)")
LIBRDKAFKA_CONSUMER = "metadata.broker.list=k\ngroup.id=g\nenable.auto.commit={}"


def spring(text: str) -> Any:
    """A Spring application's client."""
    return client(f"spring.kafka.{text}", "application.properties")


def sink(*lines: str) -> Any:
    """A sink connector."""
    return client("\n".join(["connector.class=io.example.JdbcSink", "topics=orders", *lines]), "sink.properties")


def source(*lines: str) -> Any:
    """A source connector."""
    return client("\n".join(["connector.class=io.example.Source", *lines]), "source.properties")


def binding(setting: str) -> Any:
    """A binding of Spring Cloud Stream."""
    return client(f"spring.cloud.stream.kafka.bindings.in.consumer.{setting}", "application.properties")


def internal(**shape: Any) -> Any:
    """A cluster whose transaction log has one partition of this shape."""
    return cluster(internal=(Topic(INTERNAL, (state(name=INTERNAL, **shape),), internal=True),))


def js(options: str, call: str = "producer") -> Any:
    """A KafkaJS client."""
    return client(f"const c = kafka.{call}({{ {options} }})", "client.ts")


CASES: dict[str, tuple[Any, Any]] = {
    "EOS-K-001": (broker({"transaction.state.log.replication.factor": "1"}), broker()),
    "EOS-K-002": (broker({"transaction.state.log.min.isr": "1"}), broker()),
    "EOS-K-003": (broker({"offsets.topic.replication.factor": "2"}), broker()),
    "EOS-K-004": (broker({"transaction.state.log.min.isr": "3"}), broker()),
    "EOS-K-005": (broker({"transaction.max.timeout.ms": "900001"}), broker()),
    "EOS-K-006": (broker({"transactional.id.expiration.ms": "3600000"}), broker()),
    "EOS-K-007": (broker({"producer.id.expiration.ms": "60000"}), broker({"producer.id.expiration.ms": "120000"})),
    "EOS-K-008": (broker({"transaction.partition.verification.enable": "false"}), broker()),
    "EOS-K-009": (broker({"unclean.leader.election.enable": "true"}), broker()),
    "EOS-K-010": (broker({"min.insync.replicas": "1"}), broker()),
    "EOS-K-011": (broker({"auto.create.topics.enable": "true"}), broker()),
    "EOS-K-012": (broker({"offsets.retention.minutes": "1440"}), broker()),
    "EOS-K-020": (cluster(transaction_version=1), cluster()),
    "EOS-K-021": (cluster(missing_apis=("WriteTxnMarkers",)), cluster()),
    "EOS-K-022": (cluster(differing={"min.insync.replicas": ("1", "2")}), cluster()),
    "EOS-K-023": (internal(replicas=1, in_sync=1), internal()),
    "EOS-K-024": (internal(in_sync=2), internal()),
    "EOS-K-025": (internal(leader=-1), internal()),
    "EOS-K-026": (cluster(api_versions={}), cluster()),
    "EOS-K-101": (topic(partition=state(replicas=1, in_sync=1)), topic()),
    "EOS-K-102": (topic(partition=state(replicas=2, in_sync=2)), topic()),
    "EOS-K-103": (topic(configs={"min.insync.replicas": "1"}), topic()),
    "EOS-K-104": (topic(configs={"min.insync.replicas": "3"}), topic()),
    "EOS-K-105": (topic(configs={"unclean.leader.election.enable": "true"}), topic()),
    "EOS-K-106": (topic(configs={"retention.ms": "-1"}), topic()),
    "EOS-K-107": (topic(configs={"message.timestamp.type": "LogAppendTime"}), topic()),
    "EOS-K-108": (topic(configs={"cleanup.policy": "compact,delete"}, dead_letters=True), topic(dead_letters=True)),
    "EOS-K-109": (topic(configs={"cleanup.policy": "compact"}, outbox=True),
                  topic(configs={"cleanup.policy": "compact"})),
    "EOS-K-110": (topic(configs={"retention.ms": "3600000"}, dead_letters=True), topic(dead_letters=True)),
    "EOS-K-111": (topic(partition=state(leader=-1)), topic()),
    "EOS-K-112": (topic(partition=state(in_sync=1)), topic(partition=state(in_sync=2))),
    "EOS-K-113": (topic("__consumer_offsets", internal=True),
                  topic("__consumer_offsets", configs={"cleanup.policy": "compact"}, internal=True)),
    "EOS-K-201": (client("queue.buffering.max.ms=5\nacks=all", "c.conf"), SOUND_PRODUCER),
    "EOS-K-202": (client("acks=1"), client("acks=-1")),
    "EOS-K-203": (client("acks=all\nretries=0"), SOUND_PRODUCER),
    "EOS-K-204": (client("enable.idempotence=true\nmax.in.flight.requests.per.connection=6"), SOUND_PRODUCER),
    "EOS-K-205": (client("acks=1\nkey.serializer=x"), client("acks=1\nenable.idempotence=false")),
    "EOS-K-206": (client("acks=1\nenable.idempotence=true"), SOUND_PRODUCER),
    "EOS-K-207": (spring("producer.transaction-id-prefix=tx-${random.uuid}"), client(TX)),
    "EOS-K-208": (spring("producer.transaction-id-prefix=tx-"),
                  spring("producer.transaction-id-prefix=tx-${INSTANCE}-")),
    "EOS-K-209": (client(f"{TX}transaction.timeout.ms=900001"), client(f"{TX}transaction.timeout.ms=900000")),
    "EOS-K-210": (client(f"{TX}transaction.timeout.ms=600000\ngroup.id=g"), client(f"{TX}group.id=g")),
    "EOS-K-211": (client(f"{TX}group.id=g"), client(f"{TX}group.id=g\nmax.poll.interval.ms=60000")),
    "EOS-K-212": (client(f"{TX}transaction.two.phase.commit.enable=true"), client(TX)),
    "EOS-K-213": (client("metadata.broker.list=k\nacks=all"), client("partitioner=murmur2_random\nacks=all")),
    "EOS-K-214": (js("transactionalId: 't', idempotent: true"),
                  js("transactionalId: 't', idempotent: true, maxInFlightRequests: 1")),
    "EOS-K-215": (js("idempotent: true, retry: { retries: 3 }"), js("idempotent: true")),
    "EOS-K-216": (client("application.id=a"), client(STREAMS)),
    "EOS-K-217": (client("application.id=a\nprocessing.guarantee=exactly_once"), client(STREAMS)),
    "EOS-K-218": (client(f"{STREAMS}replication.factor=1"), client(STREAMS)),
    "EOS-K-219": (client(f"{STREAMS}commit.interval.ms=20000"), client(STREAMS)),
    "EOS-K-230": (client("group.id=g"), SOUND_CONSUMER),
    "EOS-K-231": (client("group.id=g\nkey.deserializer=x"), SOUND_CONSUMER),
    "EOS-K-232": (client(LIBRDKAFKA_CONSUMER.format("true")), client(LIBRDKAFKA_CONSUMER.format("false"))),
    "EOS-K-233": (client(f"{TX}group.id=g"), client(f"{TX}group.id=g\nenable.auto.commit=false")),
    "EOS-K-234": (client("group.id=g"), SOUND_CONSUMER),
    "EOS-K-250": (together((TX, "a.properties"), (TX, "b.properties")),
                  together((TX, "a.properties"), ("transactional.id=orders-1", "b.properties"))),
    "EOS-K-251": (together(("acks=all", "a.properties"), ("acks=all", "b.conf")),
                  together(("acks=all", "a.properties"), ("acks=all\npartitioner=murmur2_random", "b.conf"))),
    "EOS-K-260": (sink("errors.tolerance=all"), sink("errors.tolerance=all", DLQ)),
    "EOS-K-261": (source("errors.tolerance=all"), source("errors.tolerance=none")),
    "EOS-K-262": (sink(DLQ), sink("errors.tolerance=all", DLQ)),
    "EOS-K-263": (sink("errors.tolerance=all", DLQ),
                  sink("errors.tolerance=all", DLQ, "errors.deadletterqueue.context.headers.enable=true")),
    "EOS-K-264": (sink(DLQ, "errors.deadletterqueue.topic.replication.factor=1"), sink(DLQ)),
    "EOS-K-265": (source(), source("exactly.once.support=required")),
    "EOS-K-266": (client(WORKER), client(WORKER + "exactly.once.source.support=enabled")),
    "EOS-K-267": (spring("consumer.group-id=g"), spring("retry.topic.enabled=true")),
    "EOS-K-268": (binding("ack-mode=RECORD"), binding("enableDlq=true")),
    "EOS-K-269": (client(STREAMS + HANDLER), client(f"{STREAMS}{HANDLER}errors.dead.letter.queue.topic.name=dead")),
    "EOS-K-301": (group(committed=5, log_start=6), group()),
    "EOS-K-302": (group(committed=9), group(committed=10)),
    "EOS-K-303": (group(members=0), group()),
    "EOS-K-304": (group(longest_retention_ms=WEEK_MS + 1), group()),
    "EOS-K-305": (group(transactional_topics=("orders",)), group()),
    "EOS-K-306": (group(old_transactions=("orders:0: producer 7, hanging",)), group()),
    "EOS-K-401": (table("CREATE TABLE t (message_id text UNIQUE)"), SOUND_DEDUP),
    "EOS-K-402": (table("CREATE TABLE t (id bigint PRIMARY KEY, message_id text NOT NULL)"), SOUND_DEDUP),
    "EOS-K-403": (table("CREATE TABLE t (message_id text UNIQUE)"), SOUND_DEDUP),
    "EOS-K-404": (table("CREATE TABLE t (message_id varchar(20) PRIMARY KEY)"),
                  table("CREATE TABLE t (message_id varchar(36) PRIMARY KEY)")),
    "EOS-K-405": (table("CREATE TABLE t (message_id text PRIMARY KEY, consumer_group text)"), SOUND_DEDUP),
    "EOS-K-406": (table("CREATE TABLE t (id int PRIMARY KEY, topic text, partition int, next_offset bigint)"),
                  SOUND_OFFSETS),
    "EOS-K-407": (table("CREATE TABLE t (topic text, partition int, next_offset int)"), SOUND_OFFSETS),
    "EOS-K-408": (table("CREATE TABLE t (message_id text, processed_at timestamp)"), SOUND_DEDUP),
    "EOS-K-409": (table("CREATE TABLE t (message_id text, processed_at timestamptz)"), SOUND_DEDUP),
    "EOS-K-410": (replace(SOUND_DEDUP, catalogue=replace(SOUND_DEDUP.catalogue, indexes=tuple(
                      replace(one, valid=False) for one in SOUND_DEDUP.catalogue.indexes))), SOUND_DEDUP),
    "EOS-K-411": (BY_TIME, BY_HASH),
    "EOS-K-412": (table("CREATE TABLE t (id bigserial PRIMARY KEY, aggregate_id text)"),
                  table("CREATE TABLE t (id uuid PRIMARY KEY, aggregate_id text)")),
    "EOS-K-413": (table("CREATE UNLOGGED TABLE t (message_id text)"), SOUND_DEDUP),
    "EOS-K-414": (replace(SOUND_DEDUP, racing_functions=("public.handle",)), SOUND_DEDUP),
    "EOS-K-501": (postgres({"synchronous_commit": "off"}), postgres()),
    "EOS-K-502": (postgres({"fsync": "off"}), postgres()),
    "EOS-K-503": (postgres({"full_page_writes": "off"}), postgres()),
    "EOS-K-504": (postgres({"default_transaction_isolation": "serializable"}), postgres()),
    "EOS-K-505": (postgres({"TimeZone": "Europe/Berlin"}), postgres({"TimeZone": "Etc/UTC"})),
    "EOS-K-510": (postgres(slots=(slot(active=False),)), postgres(slots=(slot(),))),
    "EOS-K-511": (postgres(slots=(slot(wal_status="lost"),)), postgres(slots=(slot(),))),
    "EOS-K-512": (postgres(slots=(slot(wal_status="unreserved"),)), postgres(slots=(slot(),))),
    "EOS-K-513": (postgres({"max_slot_wal_keep_size": "-1"}, slots=(slot(),)),
                  postgres({"max_slot_wal_keep_size": "-1"})),
    "EOS-K-514": (postgres({"wal_level": "replica"}, published_tables=1), postgres({"wal_level": "replica"})),
    "EOS-K-520": (postgres(long_transactions=((7, 3_600_000),)), postgres(long_transactions=((7, 3_599_999),))),
    "EOS-K-521": (postgres(prepared=(("x", 3_600_000),)), postgres(prepared=(("x", 1_000),))),
    "EOS-K-530": (postgres(replicas=(("b", 60_000),)), postgres(replicas=(("b", None),))),
    "EOS-K-531": (postgres({"synchronous_standby_names": ""}, replicas=(("b", 1),)),
                  postgres({"synchronous_standby_names": ""})),
    "EOS-K-532": (postgres(in_recovery=True), postgres()),
}  # fmt: skip
FACTS = Facts(dedup_window_ms=WEEK_MS)


def test_every_rule_has_its_two_cases_and_no_case_lacks_its_rule() -> None:
    assert set(CASES) == set(BY_ID)
    assert len(BY_ID) == len(RULES)


@pytest.mark.parametrize("rule_id", CASES)
def test_a_rule_finds_the_bad_one_and_passes_the_good_one(rule_id: str) -> None:
    bad, good = CASES[rule_id]
    rule = BY_ID[rule_id]
    assert rule.check(bad, FACTS)
    assert rule.check(good, FACTS) is None


@pytest.mark.parametrize("rule", RULES, ids=lambda one: one.id)
def test_a_rule_says_what_why_and_how_to_mend_it(rule: Rule) -> None:
    assert re.fullmatch(r"EOS-K-\d{3}", rule.id)
    assert rule.why.endswith(".")
    assert not rule.title.endswith(".")
    assert rule.mend
    hosts = ("kafka.apache.org", "cwiki.apache.org", "www.postgresql.org", "github.com/confluentinc", "kafka.js.org",
             "docs.spring.io")  # fmt: skip
    assert rule.link.removeprefix("https://").startswith(hosts)


HIDDEN = "DescribeConfigs is not allowed on Broker 1."


@pytest.mark.parametrize("rule", [one for one in RULES if one.area is Area.BROKERS], ids=lambda one: one.id)
def test_a_hidden_broker_is_not_checked_and_never_passed(rule: Rule) -> None:
    with pytest.raises(NotSeen, match="not allowed"):
        rule.check(replace(broker(), hidden=HIDDEN), Facts())


def test_what_a_server_hides_is_not_checked_everywhere() -> None:
    seen = PostgresFacts("the database", {}, None, None, None, None)
    hidden = audit(
        Facts(
            brokers=(replace(broker(), hidden=HIDDEN),),
            clusters=(
                cluster(transaction_version=None, missing_apis=None, api_versions=None, differing=None, hidden=HIDDEN),
            ),
            topics=(replace(topic(), hidden=HIDDEN),),
            groups=(
                group(members=0, hidden=HIDDEN, transactional_topics=None, old_transactions=None, scan_hidden=HIDDEN),
            ),
            databases=(seen,),
            dedup_window_ms=1,
        )
    )
    passed = {one.rule.id for one in hidden if one.status is Status.PASSED}
    # what needs no configuration (replicas, leaders, the fed topics' names) was seen
    assert passed == {
        "EOS-K-023", "EOS-K-024", "EOS-K-025", "EOS-K-101", "EOS-K-102", "EOS-K-108", "EOS-K-109", "EOS-K-110",
        "EOS-K-111", "EOS-K-112", "EOS-K-113", "EOS-K-532",
    }  # fmt: skip
    assert not [one for one in hidden if one.status is Status.FOUND]


def test_an_area_that_could_not_be_looked_at_is_not_checked() -> None:
    outcomes = audit(Facts(unseen={Area.TOPICS: "no"}))
    assert {one.rule.area for one in outcomes} == {Area.TOPICS}
    assert {one.status for one in outcomes} == {Status.NOT_CHECKED}


def test_the_brokers_maximum_counts_where_brokers_were_asked() -> None:
    rule = BY_ID["EOS-K-209"]
    one = client(f"{TX}transaction.timeout.ms=300000")
    low = Facts(brokers=(broker({"transaction.max.timeout.ms": "60000"}),))
    assert rule.check(one, Facts()) is None
    assert "the brokers' transaction.max.timeout.ms is 60000" in str(rule.check(one, low))
    with pytest.raises(NotSeen):
        rule.check(one, Facts(brokers=(replace(broker(), hidden=HIDDEN),)))


def test_the_commands_that_rules_name_exist() -> None:
    named = {found for one in RULES for found in re.findall(r"eosctl (\w+) ([a-z]\w*)", f"{one.why} {one.mend}")}
    assert len(named) >= 5
    for noun, verb in named:
        assert registry.find(f"{noun}.{verb}").name == f"{noun}.{verb}"
