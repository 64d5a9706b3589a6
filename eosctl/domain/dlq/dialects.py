"""How each framework says where a dead letter came from and why it failed. Data; `decoding` reads by it.

Sources: the header constants of Spring's `KafkaHeaders` and `RetryTopicHeaders`, Connect's `DeadLetterQueueReporter`,
KIP-1034 (Streams), KIP-1191 (share groups), Spring Cloud Stream's `KafkaMessageChannelBinder`, SmallRye's
`KafkaDeadLetterQueue`, Karafka, Watermill, MassTransit and Brighter as documented.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from eosctl.core.errors import UsageError, did_you_mean

Integers = Literal["binary", "text", "either"]


@dataclass(frozen=True)
class Dialect:
    """One framework's headers. Every tuple holds alternatives; `strip` ending in `*` is a prefix.

    `integers`: `binary` is Java's big-endian int, long or BigInteger; `text` is digits; `either` is told by the bytes
    (eight ASCII digits would be an offset beyond 3e18, so nothing is guessed). `marks` make a record this dialect's.
    """

    name: str
    marks: tuple[str, ...]
    topic: tuple[str, ...] = ()
    partition: tuple[str, ...] = ()
    offset: tuple[str, ...] = ()
    timestamp: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    failure_class: tuple[str, ...] = ()
    cause_class: tuple[str, ...] = ()
    message: tuple[str, ...] = ()
    stacktrace: tuple[str, ...] = ()
    attempts: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()
    integers: Integers = "text"
    pointer_only: bool = False

    def strips(self, header: str) -> bool:
        """Whether a header is this framework's own and not the application's."""
        return any(header.startswith(one[:-1]) if one.endswith("*") else header == one for one in self.strip)


def _spring(prefix: str) -> dict[str, Any]:
    return {
        "topic": (f"{prefix}original-topic",),
        "partition": (f"{prefix}original-partition",),
        "offset": (f"{prefix}original-offset",),
        "timestamp": (f"{prefix}original-timestamp",),
        "group": (f"{prefix}original-consumer-group",),
        "failure_class": (f"{prefix}exception-fqcn", f"{prefix}key-exception-fqcn"),
        "cause_class": (f"{prefix}exception-cause-fqcn",),
        "message": (f"{prefix}exception-message", f"{prefix}key-exception-message"),
        "stacktrace": (f"{prefix}exception-stacktrace", f"{prefix}key-exception-stacktrace"),
    }


_SPRING_STRIP = (
    "kafka_dlt-*", "kafka_original-*", "kafka_exception-*", "kafka_key-exception-*", "kafka_backoff-*",
    "retry_topic-*", "kafka_deliveryAttempt", "springDeserializerException*",
)  # fmt: skip

BUILT_IN: tuple[Dialect, ...] = (
    Dialect("spring", ("kafka_dlt-original-topic", "kafka_dlt-exception-fqcn"), **_spring("kafka_dlt-"),
            attempts=("retry_topic-attempts", "kafka_deliveryAttempt"), strip=_SPRING_STRIP, integers="binary"),
    Dialect("spring", ("kafka_original-topic", "kafka_exception-fqcn"), **_spring("kafka_"),
            attempts=("retry_topic-attempts", "kafka_deliveryAttempt"), strip=_SPRING_STRIP, integers="binary"),
    Dialect("connect", ("__connect.errors.topic", "__connect.errors.connector.name"),
            topic=("__connect.errors.topic",), partition=("__connect.errors.partition",),
            offset=("__connect.errors.offset",), group=("__connect.errors.connector.name",),
            failure_class=("__connect.errors.exception.class.name",), message=("__connect.errors.exception.message",),
            stacktrace=("__connect.errors.exception.stacktrace",), strip=("__connect.errors.*",)),
    Dialect("streams", ("__streams.errors.topic", "__streams.errors.exception"),
            topic=("__streams.errors.topic",), partition=("__streams.errors.partition",),
            offset=("__streams.errors.offset",), failure_class=("__streams.errors.exception",),
            message=("__streams.errors.message",), stacktrace=("__streams.errors.stacktrace",),
            strip=("__streams.errors.*",)),
    Dialect("share-group", ("__dlq.errors.topic", "__dlq.errors.group"),
            topic=("__dlq.errors.topic",), partition=("__dlq.errors.partition",), offset=("__dlq.errors.offset",),
            group=("__dlq.errors.group",), message=("__dlq.errors.message",),
            attempts=("__dlq.errors.delivery.count",), strip=("__dlq.errors.*",), pointer_only=True),
    Dialect("spring-cloud-stream", ("x-original-topic", "x-exception-fqcn"),
            topic=("x-original-topic",), partition=("x-original-partition",), offset=("x-original-offset",),
            timestamp=("x-original-timestamp",), failure_class=("x-exception-fqcn",), message=("x-exception-message",),
            stacktrace=("x-exception-stacktrace",), strip=("x-original-topic", "x-original-partition",
            "x-original-offset", "x-original-timestamp", "x-original-timestamp-type", "x-exception-*"),
            integers="either"),
    Dialect("smallrye", ("dead-letter-topic", "dead-letter-reason", "dead-letter-exception-class-name"),
            topic=("dead-letter-topic",), partition=("dead-letter-partition",), offset=("dead-letter-offset",),
            failure_class=("dead-letter-exception-class-name",), cause_class=("dead-letter-cause-class-name",),
            message=("dead-letter-reason", "dead-letter-cause"),
            strip=("dead-letter-*", "delayed-retry-*")),
    Dialect("karafka", ("source_topic", "source_offset"),
            topic=("source_topic",), partition=("source_partition",), offset=("source_offset",),
            group=("source_consumer_group",), attempts=("source_attempts",),
            strip=("source_topic", "source_partition", "source_offset", "source_consumer_group", "source_attempts",
                   "source_trace_id", "source_key")),
    Dialect("watermill", ("topic_poisoned", "reason_poisoned"),
            topic=("topic_poisoned",), message=("reason_poisoned",), group=("subscriber_poisoned",),
            strip=("topic_poisoned", "reason_poisoned", "handler_poisoned", "subscriber_poisoned")),
    Dialect("masstransit", ("MT-Fault-ExceptionType", "MT-Fault-Message", "MT-Reason"),
            topic=("MT-Fault-InputAddress",), timestamp=(), failure_class=("MT-Fault-ExceptionType",),
            message=("MT-Fault-Message", "MT-Reason"), stacktrace=("MT-Fault-StackTrace",),
            attempts=("MT-Fault-RetryCount",), strip=("MT-Fault-*", "MT-Reason", "MT-Redelivery-Count")),
    Dialect("brighter", ("OriginalTopic", "RejectionReason"),
            topic=("OriginalTopic",), message=("RejectionMessage", "RejectionReason"),
            failure_class=("RejectionReason",), attempts=("HandledCount",),
            strip=("OriginalTopic", "OriginalType", "RejectionReason", "RejectionMessage", "RejectionTimestamp",
                   "HandledCount")),
)  # fmt: skip

_LISTS = tuple(one.name for one in fields(Dialect) if one.name not in ("name", "integers", "pointer_only"))


def described(section: Sequence[Mapping[str, Any]]) -> tuple[Dialect, ...]:
    """The profile's own dialects (`dlq: {dialects: [...]}`), before the built-in ones.

    A dialect names a header or a list of them for each field; `marks` is the topic's header when left out, `strip`
    every header that is named. Raises UsageError (`bad_dialect`) that names the field.
    """
    return tuple(_described(one) for one in section)


def _described(given: Mapping[str, Any]) -> Dialect:
    known = {one.name for one in fields(Dialect)}
    for key in given:
        if key not in known:
            raise UsageError("bad_dialect", f"A dialect has no field {key!r}.", hint=did_you_mean(key, known))
    values = {key: _headers(key, given[key]) for key in _LISTS if key in given}
    named = tuple(dict.fromkeys(header for key, headers in values.items() if key != "marks" for header in headers))
    if not given.get("name") or not (values.get("marks") or values.get("topic")):
        raise UsageError("bad_dialect", "A dialect needs a name, and a header for topic or marks.")
    integers = given.get("integers", "text")
    if integers not in ("binary", "text", "either"):
        raise UsageError("bad_dialect", f"integers is {integers!r}.", hint="It is binary, text or either.")
    values.setdefault("marks", values.get("topic", ()))
    values.setdefault("strip", named)
    return Dialect(str(given["name"]), integers=integers, pointer_only=bool(given.get("pointer_only")), **values)


def _headers(key: str, value: Any) -> tuple[str, ...]:
    headers = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, (list, tuple)) else ()
    if not headers or not all(isinstance(one, str) and one for one in headers):
        raise UsageError("bad_dialect", f"{key} is {value!r}.", hint="Name a header or a list of headers.")
    return headers
