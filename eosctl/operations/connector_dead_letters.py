"""Where sink connectors send what they can't read: `errors.deadletterqueue.topic.name`, asked of Kafka Connect."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from eosctl.core.errors import EosctlError, Notice
from eosctl.ports import Gateways

_TOPIC = "errors.deadletterqueue.topic.name"
_HEADERS = "errors.deadletterqueue.context.headers.enable"


@dataclass(frozen=True)
class ConnectorTopics:
    """The connectors by dead-letter topic. `failures` are what Connect did not answer."""

    connectors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    failures: tuple[Notice, ...] = ()


def connector_topics(gateways: Gateways) -> ConnectorTopics:
    """What every connector's configuration says; nothing when the profile names no Connect."""
    if not (gateways.profile.get("connect") or {}).get("url"):
        return ConnectorTopics()
    found: dict[str, tuple[str, ...]] = {}
    notices: list[Notice] = []
    try:
        for name in gateways.connect.connectors():
            config = _config(gateways, name)
            topic = config.get(_TOPIC, "").strip()
            if topic.startswith("${"):
                notices.append(Notice("connector_topic_unknown", f"{name} takes {_TOPIC} from {topic}, which only "
                                      "its worker can read."))  # fmt: skip
            elif topic:
                found[topic] = (*found.get(topic, ()), name)
                if config.get(_HEADERS, "false").lower() != "true":
                    notices.append(Notice("no_context_headers", f"{name} writes dead letters to {topic} without "
                                          "headers: they do not tell where they came from.",
                                          f"Set {_HEADERS}=true, and give --to TOPIC for those."))  # fmt: skip
    except EosctlError as error:
        return ConnectorTopics(found, tuple(notices), (error.notice(),))
    return ConnectorTopics(found, tuple(notices))


def _config(gateways: Gateways, name: str) -> Mapping[str, str]:
    """The connector's configuration; nothing when it was deleted meanwhile."""
    try:
        return gateways.connect.config(name)
    except EosctlError as error:
        if error.code == "unknown_connector":
            return {}
        raise
