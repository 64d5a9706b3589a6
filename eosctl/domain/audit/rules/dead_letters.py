"""EOS-K-260 to 279: what becomes of a record that can't be processed, and what Kafka Connect is told besides."""

from collections.abc import Callable

from eosctl.domain.audit.clients import Client, Kind
from eosctl.domain.audit.clients.defaults import SINK, SOURCE, SPRING_ERRORS, SPRING_STREAM, STREAMS, WORKER
from eosctl.domain.audit.facts import Facts
from eosctl.domain.audit.rule import Area, NotConcerned, Rule, Seen, Severity
from eosctl.domain.audit.rules.producers import seen

Check = Callable[[Client, Facts], "Seen | str | None"]
_DEAD_LETTERS = "errors.deadletterqueue.topic.name"
_GOES_ON = "LogAndContinue"
_HANDLERS = ("deserialization.exception.handler", "default.deserialization.exception.handler",
             "processing.exception.handler")  # fmt: skip


def _for(kind: Kind, *roles: str) -> Callable[[Check], Check]:
    """Only clients of that kind and of one of these roles are concerned."""

    def only(check: Check) -> Check:
        def concerned(client: Client, facts: Facts) -> "Seen | str | None":
            if client.kind is not kind or not client.roles & set(roles):
                raise NotConcerned
            return check(client, facts)

        return concerned

    return only


def _has_dead_letters(client: Client) -> bool:
    given = client.raw(_DEAD_LETTERS)
    return given is not None and given.value != ""


def _tolerated(client: Client) -> Seen | None:
    value = client.value("errors.tolerance")
    return seen(value) if value.text.lower() == "all" else None


@_for(Kind.CONNECT, "sink")
def _sink_skips(client: Client, facts: Facts) -> Seen | None:
    tolerated = _tolerated(client)
    if tolerated is None or _has_dead_letters(client):
        return None
    return Seen(f"{tolerated.text}, and {_DEAD_LETTERS} is not set", tolerated.line)


@_for(Kind.CONNECT, "source")
def _source_skips(client: Client, facts: Facts) -> Seen | None:
    return _tolerated(client)


@_for(Kind.CONNECT, "sink")
def _never_written(client: Client, facts: Facts) -> Seen | None:
    given = client.raw(_DEAD_LETTERS)
    if given is None or not given.value or _tolerated(client) is not None:
        return None
    return Seen(f"{_DEAD_LETTERS}={given.value}, and {client.value('errors.tolerance')}", given.line)


@_for(Kind.CONNECT, "sink")
def _without_origin(client: Client, facts: Facts) -> Seen | None:
    value = client.value("errors.deadletterqueue.context.headers.enable")
    return seen(value) if _has_dead_letters(client) and value.text != "true" else None


@_for(Kind.CONNECT, "sink")
def _few_copies(client: Client, facts: Facts) -> Seen | None:
    value = client.value("errors.deadletterqueue.topic.replication.factor")
    return seen(value) if _has_dead_letters(client) and 0 < value.number < 3 else None


@_for(Kind.CONNECT, "source")
def _source_may_repeat(client: Client, facts: Facts) -> Seen | None:
    value = client.value("exactly.once.support")
    return seen(value) if value.text.lower() != "required" else None


@_for(Kind.CONNECT, "worker")
def _worker_repeats(client: Client, facts: Facts) -> Seen | None:
    value = client.value("exactly.once.source.support")
    return seen(value) if value.text.lower() != "enabled" else None


@_for(Kind.SPRING, "consumer")
def _spring_skips(client: Client, facts: Facts) -> Seen | None:
    if client.label.startswith("binding "):
        raise NotConcerned
    value = client.value("retry.topic.enabled")
    return seen(value) if value.text != "true" else None


@_for(Kind.SPRING, "consumer")
def _binding_skips(client: Client, facts: Facts) -> Seen | None:
    if not client.label.startswith("binding "):
        raise NotConcerned
    value = client.value("enable.dlq")
    return seen(value) if value.text != "true" else None


@_for(Kind.STREAMS, "streams")
def _streams_skip(client: Client, facts: Facts) -> Seen | None:
    if client.is_set("errors.dead.letter.queue.topic.name"):
        return None
    for key in _HANDLERS:
        if client.is_set(key):
            value = client.value(key)
            if _GOES_ON in value.text:
                return Seen(f"{value}, and errors.dead.letter.queue.topic.name is not set", value.line)
    return None


RULES = (
    Rule("EOS-K-260", Area.CLIENTS, Severity.ERROR, "A sink connector skips what it can't process",
         _sink_skips,
         "A record that a converter, a transformation or the connector refuses is passed over and kept nowhere: lost.",
         "errors.deadletterqueue.topic.name=NAME, or errors.tolerance=none", SINK + "errors.tolerance"),
    Rule("EOS-K-261", Area.CLIENTS, Severity.ERROR, "A source connector skips what it can't convert",
         _source_skips,
         "Sources have no dead-letter topic: a record that a converter or a transformation refuses is lost.",
         "errors.tolerance=none, and mend or filter the record at the source", SOURCE + "errors.tolerance"),
    Rule("EOS-K-262", Area.CLIENTS, Severity.WARNING, "A dead-letter topic that is never written to",
         _never_written,
         "With errors.tolerance=none the first bad record stops the task: nothing is lost, everything waits.",
         "errors.tolerance=all beside the dead-letter topic", SINK + "errors.deadletterqueue.topic.name"),
    Rule("EOS-K-263", Area.CLIENTS, Severity.WARNING, "Dead letters do not say where they came from",
         _without_origin,
         "Without topic, partition and offset in its headers a dead letter can't be sent back to where it belongs, "
         "and a replay can't tell what was replayed already: it may count twice.",
         "errors.deadletterqueue.context.headers.enable=true",
         SINK + "errors.deadletterqueue.context.headers.enable"),
    Rule("EOS-K-264", Area.CLIENTS, Severity.WARNING, "The dead-letter topic is made with too few replicas",
         _few_copies,
         "The only copy of what could not be processed is lost with a broker or two.",
         "errors.deadletterqueue.topic.replication.factor=3",
         SINK + "errors.deadletterqueue.topic.replication.factor"),
    Rule("EOS-K-265", Area.CLIENTS, Severity.WARNING, "A source connector may send again after a crash",
         _source_may_repeat,
         "Records and the connector's position are written apart unless worker and connector promise exactly-once: "
         "what was sent after the last position comes twice.",
         "exactly.once.support=required in the connector, exactly.once.source.support=enabled in distributed workers; "
         "else consumers must deduplicate", SOURCE + "exactly.once.support"),
    Rule("EOS-K-266", Area.CLIENTS, Severity.WARNING, "The worker gives its sources no transactions",
         _worker_repeats,
         "A source on this worker sends again what stands behind its last position when the worker dies.",
         "exactly.once.source.support=preparing on all workers, then enabled (distributed mode only)",
         WORKER + "exactly.once.source.support"),
    Rule("EOS-K-267", Area.CLIENTS, Severity.INFO, "A listener's failed records are skipped after ten attempts",
         _spring_skips,
         "Spring's default error handler logs such a record and goes on: it is lost, unless the program has a "
         "DeadLetterPublishingRecoverer, which a file can't tell.",
         "spring.kafka.retry.topic.enabled=true, or a DefaultErrorHandler with a DeadLetterPublishingRecoverer",
         SPRING_ERRORS),
    Rule("EOS-K-268", Area.CLIENTS, Severity.WARNING, "A binding's failed records are skipped",
         _binding_skips,
         "After its attempts (three by default) Spring Cloud Stream logs the record and commits behind it: it is "
         "lost.",
         "spring.cloud.stream.kafka.bindings.NAME.consumer.enable-dlq=true", SPRING_STREAM),
    Rule("EOS-K-269", Area.CLIENTS, Severity.ERROR, "Kafka Streams goes on after a record that failed",
         _streams_skip,
         "The record is logged and dropped, under exactly-once too: its effect is lost.",
         "errors.dead.letter.queue.topic.name=NAME (Kafka 4.2 and newer), or LogAndFailExceptionHandler",
         STREAMS + "deserialization.exception.handler"),
)  # fmt: skip
