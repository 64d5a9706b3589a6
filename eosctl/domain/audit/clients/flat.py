"""Clients of flat keys: the Java client, librdkafka and Kafka Streams tell apart by the keys that only one has."""

from eosctl.domain.audit.clients.client import Client, Kind, Setting
from eosctl.domain.audit.clients.lines import Flat

_ALIASES = {
    "request.required.acks": "acks",
    "message.send.max.retries": "retries",
    "max.in.flight": "max.in.flight.requests.per.connection",
    "message.timeout.ms": "delivery.timeout.ms",
    "queue.buffering.max.ms": "linger.ms",
    "partitioner.class": "partitioner",
}
_PRODUCER = frozenset(
    [
        "acks",
        "enable.idempotence",
        "transactional.id",
        "transaction.timeout.ms",
        "max.in.flight.requests.per.connection",
        "retries",
        "delivery.timeout.ms",
        "linger.ms",
        "batch.size",
        "compression.type",
        "key.serializer",
        "value.serializer",
        "partitioner",
        "buffer.memory",
        "max.request.size",
        "transaction.two.phase.commit.enable",
        "queue.buffering.max.messages",
        "queue.buffering.max.kbytes",
        "batch.num.messages",
        "compression.codec",
        "enable.gapless.guarantee",
    ]
)
_CONSUMER = frozenset(
    [
        "group.id",
        "isolation.level",
        "enable.auto.commit",
        "auto.offset.reset",
        "max.poll.interval.ms",
        "max.poll.records",
        "session.timeout.ms",
        "heartbeat.interval.ms",
        "key.deserializer",
        "value.deserializer",
        "fetch.min.bytes",
        "fetch.max.bytes",
        "max.partition.fetch.bytes",
        "auto.commit.interval.ms",
        "group.instance.id",
        "partition.assignment.strategy",
        "group.protocol",
        "enable.auto.offset.store",
        "queued.min.messages",
        "queued.max.messages.kbytes",
        "group.remote.assignor",
    ]
)
_ONLY_JAVA = frozenset(
    [
        "key.serializer",
        "value.serializer",
        "key.deserializer",
        "value.deserializer",
        "partitioner.class",
        "sasl.jaas.config",
        "buffer.memory",
        "max.request.size",
        "interceptor.classes",
        "max.poll.records",
        "ssl.truststore.location",
        "ssl.keystore.type",
    ]
)
_ONLY_LIBRDKAFKA = frozenset(
    [
        "metadata.broker.list",
        "request.required.acks",
        "message.send.max.retries",
        "max.in.flight",
        "message.timeout.ms",
        "queue.buffering.max.ms",
        "queue.buffering.max.messages",
        "queue.buffering.max.kbytes",
        "batch.num.messages",
        "compression.codec",
        "enable.auto.offset.store",
        "queued.min.messages",
        "queued.max.messages.kbytes",
        "partitioner",
        "statistics.interval.ms",
        "socket.timeout.ms",
        "socket.keepalive.enable",
        "log_level",
        "debug",
        "enable.gapless.guarantee",
        "broker.address.family",
        "topic.metadata.refresh.interval.ms",
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.key.location",
        "sasl.mechanisms",
        "fetch.message.max.bytes",
        "enable.partition.eof",
        "check.crcs",
        "log.connection.close",
    ]
)
_ONLY_STREAMS = frozenset(
    [
        "application.id",
        "processing.guarantee",
        "num.stream.threads",
        "num.standby.replicas",
        "state.dir",
        "default.key.serde",
        "default.value.serde",
        "commit.interval.ms",
        "topology.optimization",
        "statestore.cache.max.bytes",
    ]
)
_PREFIXES = ("main.consumer.", "consumer.", "producer.")
KNOWN = _PRODUCER | _CONSUMER | _ONLY_JAVA | _ONLY_LIBRDKAFKA | _ONLY_STREAMS | {"bootstrap.servers"}


def told_kind(found: Flat) -> Kind | None:
    """The kind that the keys tell; None when they fit several."""
    keys = set(found)
    if keys & _ONLY_STREAMS:
        return Kind.STREAMS
    java, librdkafka = len(keys & _ONLY_JAVA), len(keys & _ONLY_LIBRDKAFKA)
    if java == librdkafka:
        return None
    return Kind.JAVA if java > librdkafka else Kind.LIBRDKAFKA


def is_flat(found: Flat) -> bool:
    """Whether these are keys of a Kafka client at all."""
    return any(_plain(key) in KNOWN or key.startswith(("ssl.", "sasl.", "security.")) for key in found)


def flat_client(found: Flat, path: str, kind: Kind) -> Client:
    """The client. A file that sets nothing of either side is what its name says: producer or consumer."""
    settings: dict[str, Setting] = {}
    for key, value in found.items():
        name = _plain(key) if kind is Kind.STREAMS else key
        settings[_ALIASES.get(name, name)] = value
    roles = roles_of(settings, path) if kind is not Kind.STREAMS else frozenset({"streams"})
    return Client(path, kind, roles, settings)


def roles_of(settings: Flat, path: str) -> frozenset[str]:
    """Producer, consumer or both, by the keys; by the file's name when no key tells."""
    keys = set(settings)
    roles = {role for role, names in (("producer", _PRODUCER), ("consumer", _CONSUMER)) if keys & names}
    if not roles:
        roles = {role for role in ("producer", "consumer") if role in path.rsplit("/", 1)[-1].lower()}
    return frozenset(roles)


def _plain(key: str) -> str:
    prefix = next((one for one in _PREFIXES if key.startswith(one)), "")
    return key.removeprefix(prefix)
