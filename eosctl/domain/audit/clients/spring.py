"""Spring's `spring.kafka.*` and Spring Cloud Stream's bindings, from application.yml or application.properties.

Keys are read by their relaxed spelling.
"""

import re
from collections.abc import Iterator, Sequence

from eosctl.domain.audit.clients.client import Client, Kind, Setting
from eosctl.domain.audit.clients.lines import Flat

_PREFIX = "spring.kafka."
_BINDINGS = "spring.cloud.stream.kafka.bindings."
_PROFILES = ("spring.config.activate.on-profile", "spring.profiles")
_NAMES = {
    "producer.acks": "acks",
    "producer.retries": "retries",
    "producer.transactionidprefix": "transactional.id",
    "consumer.enableautocommit": "enable.auto.commit",
    "consumer.autooffsetreset": "auto.offset.reset",
    "consumer.isolationlevel": "isolation.level",
    "consumer.groupid": "group.id",
    "consumer.maxpollrecords": "max.poll.records",
    "streams.applicationid": "application.id",
    "streams.replicationfactor": "replication.factor",
}
_DEFAULTED = re.compile(r"\$\{(?!random\.)[^:}]+:([^}]*)\}")


def is_spring(documents: Sequence[Flat]) -> bool:
    """Whether any document speaks of `spring.kafka` or of Spring Cloud Stream's bindings to Kafka."""
    return any(_speaks(found) for found in documents)


def spring_clients(documents: Sequence[Flat], path: str) -> Iterator[Client]:
    """One client for the base, and one for each profile's document laid over it."""
    base: Flat = {}
    profiles: dict[str, Flat] = {}
    for found in documents:
        profile = next((str(found[key].value) for key in _PROFILES if key in found), "")
        if profile:
            profiles[profile] = {**profiles.get(profile, {}), **found}
        else:
            base |= found
    if _speaks(base):
        yield from _clients(base, path, "")
    for profile, found in profiles.items():
        if _speaks(found):
            yield from _clients({**base, **found}, path, f"profile {profile}")


def _speaks(found: Flat) -> bool:
    return any(key.startswith((_PREFIX, _BINDINGS)) for key in found)


def _clients(found: Flat, path: str, label: str) -> Iterator[Client]:
    yield from _application(found, path, label)
    yield from _bindings(found, path, label)


def _bindings(found: Flat, path: str, label: str) -> Iterator[Client]:
    """A consumer for each binding that has settings of one; its own are `enable.dlq`, `dlq.name` and the like."""
    bindings: dict[str, Flat] = {}
    for key, setting in found.items():
        name, consumer, rest = key.removeprefix(_BINDINGS).partition(".consumer.")
        if key.startswith(_BINDINGS) and consumer:
            dotted = re.sub(r"(?<=[a-z])[A-Z]", lambda one: f".{one.group()}", rest).lower().replace("-", ".")
            inner = rest.removeprefix("configuration.")
            bindings.setdefault(name, {})[inner if inner != rest else dotted] = _resolved(setting)
    for name, settings in bindings.items():
        told = f"binding {name}, {label}" if label else f"binding {name}"
        yield Client(path, Kind.SPRING, frozenset({"consumer"}), settings, told)


def _application(found: Flat, path: str, label: str) -> Iterator[Client]:
    shared: Flat = {}
    sides: dict[str, Flat] = {}
    for key, setting in found.items():
        if not key.startswith(_PREFIX):
            continue
        side, _, rest = key.removeprefix(_PREFIX).partition(".")
        value = _resolved(setting)
        if side == "properties":
            shared[rest] = value
        elif side in ("producer", "consumer", "streams"):
            name = _named(side, rest)
            sides.setdefault(side, {})[name] = _isolation(value) if name == "isolation.level" else value
        elif side == "listener":
            sides.setdefault("consumer", {})
        elif key == f"{_PREFIX}retry.topic.enabled":
            sides.setdefault("consumer", {})["retry.topic.enabled"] = value
    if "streams" in sides:
        streams = Client(path, Kind.STREAMS, frozenset({"streams"}), {**shared, **sides.pop("streams")}, label)
        yield streams
    if sides:
        merged = {**shared, **{name: value for side in sides.values() for name, value in side.items()}}
        yield Client(path, Kind.SPRING, frozenset(sides), merged, label)


def _named(side: str, rest: str) -> str:
    head, _, inner = rest.partition(".")
    if head == "properties":
        return inner
    plain = f"{side}.{rest.replace('-', '').replace('_', '').lower()}"
    return _NAMES.get(plain, rest.replace("-", "."))


def _resolved(setting: Setting) -> Setting:
    """`${NAME:default}` is its default, as Spring has it when NAME is not set."""
    text = setting.value or ""
    return Setting(_DEFAULTED.sub(r"\1", text), setting.line) if setting.value is not None else setting


def _isolation(setting: Setting) -> Setting:
    return Setting((setting.value or "").lower().replace("-", "_"), setting.line)
