"""From a file's text to its clients: the kind is told by the file's ending and keys, or said as `KIND:FILE`."""

from eosctl.core.errors import Notice, UsageError
from eosctl.domain.audit.clients.client import Client, Kind
from eosctl.domain.audit.clients.connect import connect_client, is_connect
from eosctl.domain.audit.clients.flat import flat_client, is_flat, told_kind
from eosctl.domain.audit.clients.kafkajs import is_kafkajs, javascript_clients, kafkajs_clients
from eosctl.domain.audit.clients.lines import Flat, properties_lines, yaml_lines
from eosctl.domain.audit.clients.spring import is_spring, spring_clients

_PROPERTIES = (".properties", ".conf", ".cfg", ".config", ".ini")
_YAML = (".yml", ".yaml", ".json")
_SCRIPT = (".js", ".ts", ".mjs", ".cjs", ".mts", ".cts")


def split_kind(given: str) -> tuple[Kind | None, str]:
    """`librdkafka:client.conf` is the kind and the path; a path alone has no kind."""
    head, colon, rest = given.partition(":")
    if colon and head in list(Kind):
        return Kind(head), rest
    return None, given


def read_clients(text: str, path: str, kind: Kind | None = None) -> tuple[tuple[Client, ...], tuple[Notice, ...]]:
    """The clients of a file, and a notice when it says nothing about producers or consumers.

    Raises UsageError: `bad_client_config` for a file that can't be parsed, `unknown_client_config` for another kind.
    """
    clients = tuple(_clients(text, path, kind))
    mute = all(not one.roles for one in clients)
    if clients and mute:
        return (), (
            Notice(
                "client_config_mute",
                f"{path} says nothing about a producer or a consumer.",
                "It holds the connection only; name the file in which the client is made.",
            ),
        )
    return tuple(one for one in clients if one.roles), ()


def _clients(text: str, path: str, kind: Kind | None) -> list[Client]:
    lower = path.lower()
    if lower.endswith(_SCRIPT):
        return list(javascript_clients(text, path)) or _unknown(path, "It calls neither producer() nor consumer().")
    if lower.endswith(_YAML):
        return _of_documents(yaml_lines(text, path), path, kind)
    if not lower.endswith(_PROPERTIES) and kind is None:
        return _unknown(path, f"Its name ends with none of {', '.join((*_PROPERTIES, *_YAML, *_SCRIPT))}.")
    found = properties_lines(text, path)
    if is_spring([found]) or kind is Kind.SPRING:
        return list(spring_clients([found], path))
    if kind is Kind.CONNECT or (kind is None and is_connect(found)):
        return [connect_client(found, path)]
    if not is_flat(found):
        return _unknown(path, "None of its keys belongs to a Kafka client.")
    assumed = Kind.JAVA if lower.endswith(".properties") else Kind.LIBRDKAFKA
    return [flat_client(found, path, kind or told_kind(found) or assumed)]


def _of_documents(documents: list[Flat], path: str, kind: Kind | None) -> list[Client]:
    if kind is Kind.SPRING or (kind is None and is_spring(documents)):
        return list(spring_clients(documents, path)) or _unknown(
            path, "It has neither spring.kafka nor spring.cloud.stream.kafka."
        )
    if not documents:
        return _unknown(path, "It is empty.")
    found = documents[0]
    if kind is Kind.KAFKAJS or (kind is None and is_kafkajs(found)):
        return list(kafkajs_clients(found, path)) or _unknown(path, "It has neither producer nor consumer.")
    if kind is Kind.CONNECT or (kind is None and is_connect(found)):
        return [connect_client(one, path) for one in documents]
    if is_flat(found):
        return [flat_client(found, path, kind or told_kind(found) or Kind.LIBRDKAFKA)]
    return _unknown(path, "None of its keys belongs to a Kafka client.")


def _unknown(path: str, why: str) -> list[Client]:
    raise UsageError(
        "unknown_client_config",
        f"{path} is a configuration file of an unknown kind.",
        why=why,
        hint=f"Say the kind: --client-config KIND:FILE, one of {', '.join(Kind)}.",
    )
