"""Kafka Connect: connectors as JSON (`{"name": ..., "config": {...}}`) or `.properties`, and a worker's own file."""

from eosctl.domain.audit.clients.client import Client, Kind, Setting
from eosctl.domain.audit.clients.lines import Flat

_CONFIG = "config."
_WORKER = frozenset(
    ["config.storage.topic", "offset.storage.topic", "status.storage.topic", "offset.storage.file.filename",
     "exactly.once.source.support", "plugin.path", "connector.client.config.override.policy"]
)  # fmt: skip
_OVERRIDES = {"consumer": "consumer.override.", "producer": "producer.override."}


def is_connect(found: Flat) -> bool:
    """Whether it names a connector's class, or is a worker's."""
    return "connector.class" in _unwrapped(found) or bool(_WORKER & set(found))


def connect_client(found: Flat, path: str) -> Client:
    """A sink consumes, a source produces; a worker is neither, its connectors are."""
    settings = _unwrapped(found)
    name = settings.get("name")
    if "connector.class" not in settings:
        return Client(path, Kind.CONNECT, frozenset({"worker"}), settings)
    label = name.value if name is not None and name.value else ""
    sink = bool({"topics", "topics.regex"} & set(settings)) or "Sink" in (settings["connector.class"].value or "")
    side, roles = ("consumer", {"sink", "consumer"}) if sink else ("producer", {"source", "producer"})
    prefix = _OVERRIDES[side]
    own = {key.removeprefix(prefix): value for key, value in settings.items() if key.startswith(prefix)}
    others = {key: value for key, value in settings.items() if not key.startswith(tuple(_OVERRIDES.values()))}
    return Client(path, Kind.CONNECT, frozenset(roles), {**others, **own}, label)


def _unwrapped(found: Flat) -> dict[str, Setting]:
    """The REST API's form has the settings in `config`; its `name` stands beside them."""
    if f"{_CONFIG}connector.class" not in found:
        return dict(found)
    inner = {key.removeprefix(_CONFIG): value for key, value in found.items() if key.startswith(_CONFIG)}
    return {**{key: value for key, value in found.items() if key == "name"}, **inner}
