"""What Kafka's errors mean to an operator: which server, which right is missing, which version is too old."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eosctl.adapters.connection import KafkaConnection
from eosctl.core.errors import (
    EosctlError,
    OperationFailed,
    Refused,
    Unreachable,
    UsageError,
    WorldChanged,
    did_you_mean,
)

_SINCE = {
    "ListTransactions": ("3.0", "KIP-664"),
    "DescribeTransactions": ("3.0", "KIP-664"),
    "DescribeProducers": ("2.8", "KIP-664"),
    "WriteTxnMarkers": ("0.11", "KIP-98"),
    "InitProducerId": ("0.11", "KIP-98"),
    "OffsetDelete": ("2.4", "KIP-496"),
    "ConsumerGroupDescribe": ("3.7", "KIP-848"),
    "DescribeShareGroupOffsets": ("4.1", "KIP-932"),
    "AlterShareGroupOffsets": ("4.1", "KIP-932"),
    "DeleteShareGroupOffsets": ("4.1", "KIP-932"),
    "FindCoordinator of many keys": ("3.0", "KIP-699"),
}
"""First Apache Kafka version and KIP of each API; the versions are those of the broker's message definitions."""

_STILL_WORKS = {
    "ListTransactions": "The partitions' side still works: eosctl producers list.",
    "DescribeTransactions": "The partitions' side still works: eosctl producers list.",
    "DescribeProducers": "Topics, offsets and fencing still work.",
    "OffsetDelete": "Resetting offsets still works: eosctl offsets reset.",
}
_RIGHTS = {
    "ListTransactions": "Describe on each TransactionalId that shall be listed",
    "DescribeTransactions": "Describe on the TransactionalId",
    "DescribeProducers": "Read on the Topic",
    "FindCoordinator": "Describe on the Group or the TransactionalId",
    "WriteTxnMarkers": "Alter (or ClusterAction) on the Cluster",
    "InitProducerId": "Write on the TransactionalId",
    "Produce": "Write on the Topic",
    "TxnOffsetCommit": "Read on the Group and on its Topics, and Write on the TransactionalId",
    "JoinGroup": "Read on the Group and Describe on its Topics",
    "Metadata": "Describe on the Topic",
    "ListOffsets": "Describe on the Topic",
    "Fetch": "Read on the Topic",
    "ListGroups": "Describe on the Cluster, or on each Group that shall be listed",
    "DescribeGroups": "Describe on the Group",
    "OffsetFetch": "Describe on the Group and on its Topics",
    "OffsetCommit": "Read on the Group and on its Topics",
    "DescribeShareGroupOffsets": "Describe on the Group and on its Topics",
    "AlterShareGroupOffsets": "Read on the Group and on its Topics",
    "DeleteShareGroupOffsets": "Delete on the Group and Read on its Topics",
    "OffsetDelete": "Delete on the Group and Read on its Topics",
    "DescribeConfigs": "DescribeConfigs on the Topic or the Cluster",
    "DescribeCluster": "Describe on the Cluster",
    "CreateTopics": "Create on the Cluster or the Topic",
    "DeleteRecords": "Delete on the Topic",
}
"""What Kafka's KafkaApis asks its authorizer for each API."""

_REFUSED = {
    "kafka_tls_refused": ("_SSL", re.compile(r"ssl|tls|certificate", re.I)),
    "kafka_sasl_refused": ("_AUTHENTICATION", re.compile(r"sasl|authentication|credentials", re.I)),
}
"""By what librdkafka names and says; TLS comes first, as it does on the wire."""

_NOT_BY_ACCIDENT = ("_SSL", "_AUTHENTICATION", "_BAD_MSG")
_REFUSALS = 3
_DIAGNOSIS_MS = 4_000
_FIRST_LOOK_S = 0.4
_ADDRESS = re.compile(r"\S+://\S+")
_SAYS_NOTHING = "Failed to get metadata"


def probe(connection: KafkaConnection, timeout_ms: int) -> None:
    """Raises Unreachable at once when no bootstrap server accepts a TCP connection, saying why for each."""
    connection.require_servers()
    reasons = []
    limit_s = min(timeout_ms, 5_000) / 1_000
    for server in (one.strip() for one in connection.servers.split(",")):
        host, _, port = server.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise UsageError("bad_bootstrap_server", f"{server!r} is not host:port.", hint="Write host:9092.")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=limit_s).close()
            return
        except UnicodeError:
            reasons.append(f"{server}: not a host name")
        except OSError as error:
            reasons.append(f"{server}: {error.strerror or error}")
    raise _no_kafka(connection.servers, "; ".join(reasons) + ".")


def diagnose(connection: KafkaConnection, timeout_ms: int) -> Unreachable | None:
    """Why a cluster that accepts connections does not answer, by librdkafka's own words; None when it does answer."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    seen: list[Any] = []
    config = {**connection.librdkafka(), "error_cb": seen.append, "log_level": 0}
    with librdkafka_errors("Connect", "the cluster", connection):
        client = AdminClient(config)
    until, patience_s = time.monotonic() + min(timeout_ms, _DIAGNOSIS_MS) / 1_000, _FIRST_LOOK_S
    while True:
        left_s = until - time.monotonic()
        try:
            client.list_topics(timeout=max(0.1, min(patience_s, left_s)))
            return None
        except KafkaException as error:
            client.poll(0)
            reason = refusal(seen, connection)
            if reason is not None or left_s <= patience_s:
                return reason or _of_librdkafka([*seen, error.args[0]], connection)
            patience_s *= 2


def refusal(seen: list[Any], connection: KafkaConnection) -> Unreachable | None:
    """Why none of the brokers is worth trying again; None while one is. librdkafka itself would try a wrong password
    again and again, until the time limit."""
    if not any(one.name() == "_ALL_BROKERS_DOWN" for one in seen):
        return None
    refusals = sum(one.name() in _NOT_BY_ACCIDENT for one in seen)
    return _of_librdkafka(seen, connection) if refusals >= _REFUSALS else None


def _no_kafka(servers: str, why: str, code: str = "kafka_unreachable") -> Unreachable:
    hints = {
        "kafka_tls_refused": "Check security.protocol and ssl.ca.location, and that the port is the TLS listener's.",
        "kafka_sasl_refused": "Check sasl.mechanism, the user name and the password.",
        "kafka_timeout": "Give a longer --timeout, or look at the broker.",
    }
    return Unreachable(code, f"Kafka at {servers} can't be reached.", why=why,
                       hint=hints.get(code, "Check the address and port, and that the broker runs."))  # fmt: skip


def _of_librdkafka(errors: list[Any], connection: KafkaConnection) -> Unreachable:
    """TLS and SASL name the cause; else the first transport error; librdkafka's own time-out says least."""
    for code in _REFUSED:
        found = next((one for one in errors if _refused_by(one) == code), None)
        if found is not None:
            return _no_kafka(connection.servers, _words(found), code)
    telling = [one for one in errors if one.name() not in ("_ALL_BROKERS_DOWN", "_TIMED_OUT")]
    if all(one.name() == "_TIMED_OUT" or _SAYS_NOTHING in one.str() for one in errors):
        return _no_kafka(connection.servers, "It took the connection and did not answer in time.", "kafka_timeout")
    return _no_kafka(connection.servers, _words((telling or errors)[0]))


def _words(error: Any) -> str:
    text = re.sub(r" \(after .*$", "", str(error.str())).strip().rstrip(".")
    return f"{text}."


def _refused_by(error: Any) -> str | None:
    """The code of the refusal that an error tells of."""
    said = _said(error)
    return next((code for code, (name, words) in _REFUSED.items() if error.name() == name or words.search(said)), None)


def _said(error: Any) -> str:
    """Its words without the broker's address, whose scheme (`sasl_ssl://`) says nothing of the cause."""
    return _ADDRESS.sub("", str(error.str()))


def unsupported(api: str) -> OperationFailed:
    """The error of a broker that is too old for an API: since which version it exists, what still works."""
    version, kip = _SINCE.get(api, ("a newer version", ""))
    return OperationFailed("api_unsupported", f"A broker does not know {api}.",
                           why=f"It exists since Apache Kafka {version}{f' ({kip})' if kip else ''}.",
                           hint=f"Upgrade the broker. {_STILL_WORKS.get(api, '')}".strip())  # fmt: skip


def acl_missing(api: str, resource: str) -> OperationFailed:
    """The error of a missing right: which one, for which resource."""
    return OperationFailed("acl_missing", f"{api} is not allowed on {resource}.",
                           why=f"It wants {_RIGHTS.get(api, f'the right for {api}')}.",
                           hint="Ask for the ACL (kafka-acls.sh --add), or use a user that has it.")  # fmt: skip


def unknown_topic(name: str, known: Any = ()) -> UsageError:
    """The error of a topic that is not there, or may not be seen."""
    return UsageError("unknown_topic", f"There is no topic {name!r}.",
                      why="Or this user may not Describe it.",
                      hint=did_you_mean(name, known) or "See `eosctl producers list`.")  # fmt: skip


def timed_out(api: str, connection: KafkaConnection, why: str = "") -> Unreachable:
    """The error of an answer that did not come within the time limit."""
    return Unreachable("kafka_timeout", f"Kafka at {connection.servers} did not answer {api} in time.", why=why,
                       hint="Give a longer --timeout, or look at the broker.")  # fmt: skip


@contextmanager
def kafka_python_errors(api: str, resource: str, connection: KafkaConnection) -> Iterator[None]:
    """Translates what kafka-python raises inside; anything that is ours passes."""
    import kafka.errors as ke

    try:
        yield
    except EosctlError:
        raise
    except (ke.KafkaError, TimeoutError, OSError) as error:
        raise _of_kafka_python(error, api, resource, connection) from None


def _of_kafka_python(error: Exception, api: str, resource: str, connection: KafkaConnection) -> EosctlError:
    import kafka.errors as ke

    loading = (ke.CoordinatorLoadInProgressError, ke.CoordinatorNotAvailableError, ke.NotCoordinatorError)
    said = str(error).rstrip(".")
    match error:
        case ke.AuthorizationError():
            return acl_missing(api, resource)
        case ke.SaslAuthenticationFailedError():
            return _no_kafka(connection.servers, f"{said}.", "kafka_sasl_refused")
        case ke.UnsupportedVersionError() | ke.UnrecognizedBrokerVersion():
            return unsupported(api)
        case ke.KafkaTimeoutError() | ke.RequestTimedOutError() | TimeoutError():
            return timed_out(api, connection, f"Asked was {resource}.")
        case ke.ConcurrentTransactionsError():
            return timed_out(api, connection, f"The coordinator still ends the transaction before, for {resource}.")
        case _ if isinstance(error, loading):
            return timed_out(api, connection, f"The coordinator of {resource} loads or moves.")
        case ke.KafkaConnectionError() | ke.NodeNotReadyError() | ke.UnknownBrokerIdError() | OSError():
            return Unreachable("kafka_unreachable", f"{api} found no way to {resource}.", why=f"{said}.".lstrip("."),
                               hint="Look at that broker, and at its advertised address.")  # fmt: skip
        case _:
            return _of_answer(error, api, resource)


def _of_answer(error: Exception, api: str, resource: str) -> EosctlError:
    """For what a broker says about the thing it was asked for."""
    import kafka.errors as ke

    match error:
        case ke.UnknownTopicOrPartitionError():
            return UsageError("unknown_partition", f"{resource} does not exist.", hint="See `eosctl producers list`.")
        case ke.TransactionCoordinatorFencedError():
            return WorldChanged("coordinator_fenced", f"A newer coordinator has written to {resource} since the look.",
                                hint="Look again: eosctl txn hanging.")  # fmt: skip
        case ke.InvalidProducerEpochError() | ke.ProducerFencedError() | ke.InvalidTxnStateError():
            return producer_moved(resource)
        case ke.NonEmptyGroupError() | ke.UnknownMemberIdError() | ke.GroupSubscribedToTopicError():
            return group_active(resource)
        case ke.GroupIdNotFoundError():
            return UsageError("unknown_group", f"{resource} does not exist.", hint="See `eosctl offsets show`.")
        case _:
            words = getattr(error, "description", "") or str(error)
            return OperationFailed(
                "kafka_error", f"{api} failed for {resource}.", why=f"{type(error).__name__}: {words}."
            )


def producer_moved(resource: str) -> WorldChanged:
    """The error of a producer that is at another epoch than was seen."""
    return WorldChanged("producer_moved", f"The producer on {resource} is not at the epoch that was seen.",
                        why="It was fenced, or has gone on, since then.",
                        hint="Look again: eosctl txn hanging.")  # fmt: skip


def group_active(resource: str) -> Refused:
    """The error of a group whose members hold its offsets."""
    return Refused("group_active", f"{resource} has active members.", why="They would commit over the change.",
                   hint="Stop its consumers first.")  # fmt: skip


@contextmanager
def librdkafka_errors(api: str, resource: str, connection: KafkaConnection) -> Iterator[None]:
    """Translates what confluent-kafka raises inside; anything that is ours passes."""
    from confluent_kafka import KafkaException

    try:
        yield
    except EosctlError:
        raise
    except KafkaException as error:
        raise translated(error.args[0], api, resource, connection) from None


def translated(error: Any, api: str, resource: str, connection: KafkaConnection) -> EosctlError:
    """Our error for a confluent-kafka `KafkaError`."""
    name = str(error.name())
    if name.endswith("AUTHORIZATION_FAILED"):
        return acl_missing(api, resource)
    if name in ("_AUTHENTICATION", "_SSL", "_TRANSPORT", "_ALL_BROKERS_DOWN", "_RESOLVE"):
        return _of_librdkafka([error], connection)
    if name in ("_TIMED_OUT", "REQUEST_TIMED_OUT", "_TIMED_OUT_QUEUE"):
        return timed_out(api, connection)
    if name in ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION"):
        return UsageError("unknown_topic", f"{resource} does not exist.", hint="See `eosctl producers list`.")
    if name in ("UNSUPPORTED_VERSION", "_UNSUPPORTED_FEATURE"):
        return unsupported(api)
    if name in ("NON_EMPTY_GROUP", "UNKNOWN_MEMBER_ID"):
        return group_active(resource)
    if name == "_INVALID_ARG":
        return bad_property(str(error.str()))
    return OperationFailed("kafka_error", f"{api} failed for {resource}.", why=f"{name}: {error.str()}.")


def bad_property(said: str) -> UsageError:
    """The error of a configuration that librdkafka refuses."""
    return UsageError("bad_property", "A Kafka property can't be used.", why=f"librdkafka says: {said.rstrip('.')}.",
                      hint="Look at -X, --kafka-config and the profile.")  # fmt: skip
