"""One client of a configuration file: its settings by Kafka's Java names, set or by default, and how it spells them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from eosctl.domain.audit.clients.defaults import DEFAULTS, SPELLED, TITLES
from eosctl.domain.audit.rule import NotSeen

UNLIMITED = "unlimited"
_REFERENCE = re.compile(r"\$\{|\$\(|\{\{|%\{|<[A-Za-z_ -]+>")
_SAME = {
    "acks": {"-1": "all"},
    "auto.offset.reset": {
        "largest": "latest",
        "end": "latest",
        "smallest": "earliest",
        "beginning": "earliest",
        "error": "none",
    },
}


class Kind(StrEnum):
    """Whose configuration it is."""

    JAVA = "java"
    LIBRDKAFKA = "librdkafka"
    SPRING = "spring"
    KAFKAJS = "kafkajs"
    STREAMS = "streams"
    CONNECT = "connect"


@dataclass(frozen=True)
class Setting:
    """A value as the file has it, and its line; `value` is None for an expression of a program."""

    value: str | None
    line: int = 0


@dataclass(frozen=True)
class Value:
    """What holds for a key: set in a line, or the client's documented default."""

    key: str
    text: str
    line: int
    is_set: bool
    kind: Kind

    def __str__(self) -> str:
        if self.is_set:
            return f"{self.key}={self.text}"
        return f"{self.key} is not set; {TITLES[self.kind]}'s default is {self.text}"

    @property
    def number(self) -> int:
        """The value as a number. Raises NotSeen when it is none."""
        if self.text == UNLIMITED:
            return 2**31 - 1
        try:
            return int(self.text.replace("_", ""))
        except ValueError:
            raise NotSeen(f"{self.key}={self.text} is no number.") from None


@dataclass(frozen=True)
class Client:
    """A producer, a consumer, both, a Streams application, a connector (`sink`, `source`) or a Connect `worker`.

    `label` tells clients of one file apart.
    """

    file: str
    kind: Kind
    roles: frozenset[str]
    settings: Mapping[str, Setting]
    label: str = ""

    @property
    def name(self) -> str:
        """The file, and which client of it."""
        return f"{self.file} ({self.label})" if self.label else self.file

    def is_set(self, key: str) -> bool:
        """Whether the file sets it."""
        return key in self.settings

    def raw(self, key: str) -> Setting | None:
        """As it is written, references and all."""
        return self.settings.get(key)

    def value(self, key: str) -> Value:
        """What holds. Raises NotSeen for a reference that is resolved elsewhere, or where nothing is documented."""
        given = self.settings.get(key)
        if given is not None:
            if given.value is None or _REFERENCE.search(given.value):
                raise NotSeen(f"{self.spelled(key)} in line {given.line} is not a value but an expression.")
            return Value(key, _same(key, given.value), given.line, True, self.kind)
        default = self._default(key)
        if default is None:
            raise NotSeen(f"{key} is not set, and {TITLES[self.kind]} documents no default.")
        return Value(key, default, 0, False, self.kind)

    def spelled(self, key: str) -> str:
        """The key as this kind of client writes it."""
        return SPELLED.get(self.kind, {}).get(key, key)

    @property
    def transactional(self) -> bool:
        """Whether it has a transactional id, or is a Streams application with exactly-once."""
        return self.is_set("transactional.id") or self.exactly_once_streams

    @property
    def exactly_once_streams(self) -> bool:
        """Whether it is a Streams application whose guarantee is exactly-once."""
        given = self.settings.get("processing.guarantee")
        return "streams" in self.roles and given is not None and (given.value or "").startswith("exactly_once")

    def _default(self, key: str) -> str | None:
        if self.exactly_once_streams:
            under_eos = DEFAULTS["streams-exactly-once"].get(key)
            if under_eos is not None:
                return under_eos
        if key == "enable.idempotence" and self.kind is Kind.LIBRDKAFKA and self.is_set("transactional.id"):
            return "true"
        if key == "enable.idempotence" and self.kind is Kind.CONNECT and self._required():
            return "true"
        if key == "retries" and self.kind is Kind.KAFKAJS and self._retries_without_end():
            return str(2**53 - 1)
        return DEFAULTS[self.kind].get(key)

    def _required(self) -> bool:
        """Whether a source connector insists on exactly-once: its producer is then transactional."""
        given = self.settings.get("exactly.once.support")
        return given is not None and (given.value or "").lower() == "required"

    def _retries_without_end(self) -> bool:
        """KafkaJS (`createProducer`): an idempotent producer without a `retry` option of its own never gives up."""
        idempotent = self.settings.get("enable.idempotence")
        own = any(key.startswith("retry.") for key in self.settings)
        return idempotent is not None and idempotent.value == "true" and not own


def _same(key: str, value: str) -> str:
    text = value.strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    if key in ("acks", "auto.offset.reset", "isolation.level", "processing.guarantee"):
        text = text.lower()
    return _SAME.get(key, {}).get(text, text)
