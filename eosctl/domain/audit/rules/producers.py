"""EOS-K-201 to 229: what producers are told, in any client's configuration file."""

import re
from collections.abc import Callable

from eosctl.core.durations import format_duration_ms
from eosctl.domain.audit.clients import Client, Kind, Value
from eosctl.domain.audit.clients.defaults import (
    KAFKAJS_TRANSACTIONS,
    LIBRDKAFKA,
    PRODUCER,
    SPRING_TRANSACTIONS,
    STREAMS,
)
from eosctl.domain.audit.facts import Facts
from eosctl.domain.audit.rule import Area, NotConcerned, NotSeen, Rule, Seen, Severity

Check = Callable[[Client, Facts], "Seen | str | None"]
_MAX_TIMEOUT_MS = 900_000
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I)
_RANDOM = re.compile(r"\$\{random\.|uuid|\$RANDOM|timestamp|\$\$", re.I)
_NOT_A_VALUE = re.compile(r"\$\{|\$\(|\{\{|%\{")


def writes(client: Client) -> bool:
    """Whether it produces."""
    return bool(client.roles & {"producer", "streams"})


def seen(value: Value) -> Seen:
    """The value as a finding shows it."""
    return Seen(str(value), value.line)


def _producer(check: Check) -> Check:
    def concerned(client: Client, facts: Facts) -> "Seen | str | None":
        if not writes(client):
            raise NotConcerned
        return check(client, facts)

    return concerned


def _conflict(client: Client) -> Value | None:
    """A value that idempotence does not go with (`ProducerConfig.postProcessAndValidateIdempotenceConfigs`)."""
    in_flight = "max.in.flight.requests.per.connection"
    if client.is_set("acks") and client.value("acks").text != "all":
        return client.value("acks")
    if client.is_set("retries") and client.value("retries").number == 0:
        return client.value("retries")
    if client.is_set(in_flight) and client.value(in_flight).number > 5:
        return client.value(in_flight)
    return None


@_producer
def _not_idempotent(client: Client, facts: Facts) -> Seen | None:
    value = client.value("enable.idempotence")
    return seen(value) if value.text != "true" else None


@_producer
def _not_all(client: Client, facts: Facts) -> Seen | None:
    value = client.value("acks")
    return seen(value) if value.text != "all" else None


@_producer
def _no_retries(client: Client, facts: Facts) -> Seen | None:
    value = client.value("retries")
    return seen(value) if value.number == 0 else None


@_producer
def _too_many_in_flight(client: Client, facts: Facts) -> Seen | None:
    key = "max.in.flight.requests.per.connection"
    if client.value("enable.idempotence").text != "true" or client.kind is Kind.KAFKAJS:
        return None
    if client.kind is Kind.LIBRDKAFKA and not client.is_set(key):
        return None  # librdkafka adjusts it to 5 when idempotence is on
    value = client.value(key)
    return seen(value) if value.number > 5 else None


@_producer
def _quietly_off(client: Client, facts: Facts) -> Seen | None:
    if client.kind not in (Kind.JAVA, Kind.SPRING) or client.is_set("enable.idempotence"):
        return None
    if client.is_set("transactional.id"):
        return None  # then it is an error at start: EOS-K-206
    value = _conflict(client)
    return Seen(f"enable.idempotence is not set, and {value} does not go with it", value.line) if value else None


@_producer
def _contradicting(client: Client, facts: Facts) -> Seen | None:
    idempotent = client.value("enable.idempotence")
    on = (idempotent.is_set and idempotent.text == "true") or client.is_set("transactional.id")
    if client.is_set("transactional.id") and idempotent.is_set and idempotent.text == "false":
        return Seen(f"{client.spelled('transactional.id')} is set, and {idempotent}", idempotent.line)
    value = _conflict(client) if on and client.kind is not Kind.KAFKAJS else None
    return Seen(f"idempotence is wanted, and {value}", value.line) if value else None


@_producer
def _random_id(client: Client, facts: Facts) -> Seen | None:
    given = client.raw("transactional.id")
    if given is None:
        return None
    if given.value is None:
        raise NotSeen(f"{client.spelled('transactional.id')} in line {given.line} is an expression of the program.")
    if _RANDOM.search(given.value) or _UUID.search(given.value):
        return Seen(f"{client.spelled('transactional.id')}={given.value}", given.line)
    return None


@_producer
def _same_on_every_instance(client: Client, facts: Facts) -> Seen | None:
    given = client.raw("transactional.id")
    if client.kind is not Kind.SPRING or given is None or given.value is None or _NOT_A_VALUE.search(given.value):
        return None
    return Seen(f"{client.spelled('transactional.id')}={given.value}", given.line)


@_producer
def _over_the_maximum(client: Client, facts: Facts) -> Seen | None:
    if not client.transactional:
        return None
    value = client.value("transaction.timeout.ms")
    most, whose = facts.broker_number("transaction.max.timeout.ms", _MAX_TIMEOUT_MS)
    return Seen(f"{value}, {whose} transaction.max.timeout.ms is {most}", value.line) if value.number > most else None


@_producer
def _outlives_member(client: Client, facts: Facts) -> Seen | None:
    if not client.transactional or not client.roles & {"consumer", "streams"} or client.kind is Kind.KAFKAJS:
        return None
    timeout, poll = client.value("transaction.timeout.ms"), client.value("max.poll.interval.ms")
    return Seen(f"{timeout}; {poll}", timeout.line or poll.line) if timeout.number > poll.number else None


@_producer
def _aborted_in_work(client: Client, facts: Facts) -> Seen | None:
    if not client.transactional or "consumer" not in client.roles or client.kind is Kind.KAFKAJS:
        return None
    timeout, poll = client.value("transaction.timeout.ms"), client.value("max.poll.interval.ms")
    return Seen(f"{timeout}; {poll}", timeout.line or poll.line) if timeout.number < poll.number else None


@_producer
def _never_expires(client: Client, facts: Facts) -> Seen | None:
    if not client.is_set("transaction.two.phase.commit.enable"):
        return None
    value = client.value("transaction.two.phase.commit.enable")
    return seen(value) if value.text == "true" else None


@_producer
def _not_java_partitioner(client: Client, facts: Facts) -> Seen | None:
    if client.kind is not Kind.LIBRDKAFKA:
        return None
    value = client.value("partitioner")
    return seen(value) if value.text not in ("murmur2", "murmur2_random") else None


@_producer
def _kafkajs_guarantee(client: Client, facts: Facts) -> Seen | None:
    if client.kind is not Kind.KAFKAJS or not client.is_set("transactional.id"):
        return None
    value = client.value("max.in.flight.requests.per.connection")
    return seen(value) if value.number != 1 else None


@_producer
def _kafkajs_gives_up(client: Client, facts: Facts) -> Seen | None:
    if client.kind is not Kind.KAFKAJS or client.value("enable.idempotence").text != "true":
        return None
    value = client.value("retries")
    return seen(value) if 0 < value.number < 2**53 - 1 else None


def _streams(check: Check) -> Check:
    def concerned(client: Client, facts: Facts) -> "Seen | str | None":
        if not client.roles & {"streams"}:
            raise NotConcerned
        return check(client, facts)

    return concerned


@_streams
def _streams_at_least_once(client: Client, facts: Facts) -> Seen | None:
    value = client.value("processing.guarantee")
    return seen(value) if value.text == "at_least_once" else None


@_streams
def _streams_removed(client: Client, facts: Facts) -> Seen | None:
    value = client.value("processing.guarantee")
    return seen(value) if value.text in ("exactly_once", "exactly_once_beta") else None


@_streams
def _streams_one_copy(client: Client, facts: Facts) -> Seen | None:
    value = client.value("replication.factor")
    return seen(value) if 0 < value.number < 3 else None


@_streams
def _streams_commits_late(client: Client, facts: Facts) -> Seen | None:
    if not client.exactly_once_streams:
        return None
    timeout, every = client.value("transaction.timeout.ms"), client.value("commit.interval.ms")
    if timeout.number >= every.number:
        return None
    words = f"{every}, transactions end after {format_duration_ms(timeout.number)}"
    return Seen(words, every.line or timeout.line)


RULES = (
    Rule("EOS-K-201", Area.CLIENTS, Severity.ERROR, "The producer is not idempotent", _not_idempotent,
         "When an acknowledgement is lost the record is sent again and stored twice, and retries may change the "
         "order.", "enable.idempotence=true (KafkaJS: idempotent: true)", PRODUCER + "enable.idempotence"),
    Rule("EOS-K-202", Area.CLIENTS, Severity.ERROR, "Not all replicas acknowledge", _not_all,
         "A record that only the leader has is lost with the leader, after the producer was told it is safe.",
         "acks=all (KafkaJS: acks: -1)", PRODUCER + "acks"),
    Rule("EOS-K-203", Area.CLIENTS, Severity.ERROR, "The producer does not try again", _no_retries,
         "The first failure that would pass (a leader that moves) loses the record, unless the program sends it again "
         "itself, and then it may be stored twice.",
         "Leave retries at its default, and bound the time by delivery.timeout.ms", PRODUCER + "retries"),
    Rule("EOS-K-204", Area.CLIENTS, Severity.ERROR, "More requests in flight than the broker can tell apart",
         _too_many_in_flight,
         "The leader remembers the last five batches of a producer: beyond five, order and recognition of repeats are "
         "not kept. Java's client of 4.0 refuses to start, older ones switch idempotence off.",
         "max.in.flight.requests.per.connection=5", PRODUCER + "max.in.flight.requests.per.connection"),
    Rule("EOS-K-205", Area.CLIENTS, Severity.ERROR, "Idempotence is switched off without a word", _quietly_off,
         "Java's client is idempotent by default, but not when another setting contradicts it: it only logs that, and "
         "repeats are stored twice.",
         "enable.idempotence=true, which makes the contradiction an error at start", PRODUCER + "enable.idempotence"),
    Rule("EOS-K-206", Area.CLIENTS, Severity.ERROR, "Settings contradict idempotence", _contradicting,
         "The client refuses to start.", "acks=all, retries at its default, at most 5 in flight, "
         "enable.idempotence=true", PRODUCER + "enable.idempotence"),
    Rule("EOS-K-207", Area.CLIENTS, Severity.ERROR, "The transactional id is new at every start", _random_id,
         "After a crash nobody fences the old instance or ends its transaction: readers wait for its timeout, a "
         "zombie may still commit, and the coordinator collects ids.",
         "A transactional.id that an instance keeps, for example the name with its ordinal",
         PRODUCER + "transactional.id"),
    Rule("EOS-K-208", Area.CLIENTS, Severity.WARNING, "Every instance has the same transactional id prefix",
         _same_on_every_instance,
         "With a second instance both count from the same id: each fences the other, and transactions abort in turn.",
         "Add what differs between instances: spring.kafka.producer.transaction-id-prefix: orders-${INSTANCE}-",
         SPRING_TRANSACTIONS),
    Rule("EOS-K-209", Area.CLIENTS, Severity.ERROR, "The transaction timeout is over the broker's maximum",
         _over_the_maximum,
         "The broker refuses the producer: initTransactions fails (InvalidTransactionTimeout).",
         "Lower transaction.timeout.ms", PRODUCER + "transaction.timeout.ms"),
    Rule("EOS-K-210", Area.CLIENTS, Severity.WARNING, "A transaction outlives its group member", _outlives_member,
         "When the member is thrown out of the group, its partitions go to another one while its transaction stays "
         "open: readers of the output wait for it.",
         "transaction.timeout.ms no longer than max.poll.interval.ms", PRODUCER + "transaction.timeout.ms"),
    Rule("EOS-K-211", Area.CLIENTS, Severity.INFO, "A long batch is aborted while it is worked on", _aborted_in_work,
         "A batch that takes longer than the transaction timeout is aborted and its producer fenced, though the group "
         "would have waited: it is done again, and again.",
         "Keep a batch shorter than transaction.timeout.ms (max.poll.records), or raise the timeout",
         PRODUCER + "transaction.timeout.ms"),
    Rule("EOS-K-212", Area.CLIENTS, Severity.WARNING, "Transactions never time out", _never_expires,
         "With two-phase commit a crashed producer's transaction stays open until somebody ends it, and readers wait.",
         "Leave it off unless an external transaction manager decides",
         PRODUCER + "transaction.two.phase.commit.enable"),
    Rule("EOS-K-213", Area.CLIENTS, Severity.INFO, "Keys are placed otherwise than by Java", _not_java_partitioner,
         "The same key lands in another partition than from a Java producer: order by key and joins by partition "
         "break where both write.",
         "partitioner=murmur2_random", LIBRDKAFKA),
    Rule("EOS-K-214", Area.CLIENTS, Severity.ERROR, "KafkaJS' transactions are not exactly-once with these options",
         _kafkajs_guarantee,
         "KafkaJS guarantees it only with one request in flight: a retry may otherwise change the order within a "
         "transaction.", "maxInFlightRequests: 1, idempotent: true", KAFKAJS_TRANSACTIONS),
    Rule("EOS-K-215", Area.CLIENTS, Severity.WARNING, "KafkaJS gives up before the broker is back", _kafkajs_gives_up,
         "An idempotent producer that stops trying leaves a gap: the record is lost, or sent again under a new "
         "sequence number and stored twice.",
         "Leave retry out: an idempotent producer then tries without end", KAFKAJS_TRANSACTIONS),
    Rule("EOS-K-216", Area.CLIENTS, Severity.ERROR, "Kafka Streams processes at least once", _streams_at_least_once,
         "After a crash records since the last commit are processed again: output and state count them twice.",
         "processing.guarantee=exactly_once_v2", STREAMS + "processing.guarantee"),
    Rule("EOS-K-217", Area.CLIENTS, Severity.ERROR, "The guarantee was removed from Kafka Streams", _streams_removed,
         "Kafka Streams of 4.0 knows exactly_once_v2 only and refuses to start.",
         "processing.guarantee=exactly_once_v2", STREAMS + "processing.guarantee"),
    Rule("EOS-K-218", Area.CLIENTS, Severity.ERROR, "State is kept on too few replicas", _streams_one_copy,
         "Changelog and repartition topics are part of the transaction: when they are lost, so is the state that was "
         "committed.", "replication.factor=3, or -1 for the brokers' default", STREAMS + "replication.factor"),
    Rule("EOS-K-219", Area.CLIENTS, Severity.ERROR, "Kafka Streams commits later than transactions live",
         _streams_commits_late,
         "Every transaction would time out before it is committed; Streams refuses to start.",
         "commit.interval.ms below producer.transaction.timeout.ms", STREAMS + "commit.interval.ms"),
)  # fmt: skip
