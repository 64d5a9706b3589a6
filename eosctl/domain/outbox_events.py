"""Events of an outbox: which topic, key, headers and value a row becomes, and why a row can't become a record."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from string import Formatter
from typing import Any

from eosctl.core.durations import format_time
from eosctl.core.errors import UsageError

_LEGAL_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_FIELDS = ("aggregate_type", "event_type")
ID_HEADER = "idempotency-key"


class ValueForm(StrEnum):
    """What a record's value is: the payload alone, or a JSON object around it."""

    PAYLOAD = "payload"
    ENVELOPE = "envelope"


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """One row. `id` is the driver's own value of the key; `payload` is text, bytes, or None."""

    id: Any
    aggregate_type: str
    aggregate_id: str
    event_type: str
    payload: str | bytes | None
    created_at: datetime | None
    retry_count: int = 0
    locked: bool = True

    @property
    def aggregate(self) -> tuple[str, str]:
        """Whose event it is: order is kept within this."""
        return (self.aggregate_type, self.aggregate_id)


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """A record as it will be produced; the partitioner chooses the partition by the key."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


class NotARecord(Exception):
    """A row that no retry will make a record of; its text goes to the row's error column."""


def check_topic_template(template: str) -> str:
    """The template itself. Raises UsageError (`bad_topic_template`) for braces that name no known field."""
    try:
        names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise UsageError(
            "bad_topic_template", f"{template!r} is no template: {error}.", hint="For example {aggregate_type}-events."
        ) from None
    unknown = [name for name in names if name not in _FIELDS]
    if unknown:
        raise UsageError(
            "bad_topic_template",
            f"{template!r} names {unknown[0]!r}.",
            why=f"A topic's name is made of {' and '.join(_FIELDS)}.",
            hint="For example {aggregate_type}-events.",
        )
    return template


def topic_of(template: str, aggregate_type: str, event_type: str) -> str:
    """The topic's name, lower-cased; legal or not."""
    return template.format(aggregate_type=aggregate_type, event_type=event_type).lower()


def is_legal_topic(name: str) -> bool:
    """Kafka's own rule (`Topic.validate`): letters, digits, dot, underscore, hyphen; at most 249; not `.` or `..`."""
    return bool(_LEGAL_TOPIC.fullmatch(name)) and name not in (".", "..")


def record_of(event: OutboxEvent, template: str, form: ValueForm) -> OutgoingRecord:
    """The record of a row. Raises NotARecord for an illegal topic or a payload that no envelope can hold."""
    topic, legal = _topic_and_legality(template, event.aggregate_type, event.event_type)
    if not legal:
        raise NotARecord(f"illegal_topic: {topic!r} is not a topic's name (aggregate type {event.aggregate_type!r})")
    return OutgoingRecord(
        topic=topic,
        key=event.aggregate_id.encode(),
        value=_envelope(event) if form is ValueForm.ENVELOPE else _bytes(event.payload),
        headers=[
            ("event-type", event.event_type.encode()),
            ("aggregate-type", event.aggregate_type.encode()),
            (ID_HEADER, str(event.id).encode()),
        ],
    )


@lru_cache(maxsize=4_096)
def _topic_and_legality(template: str, aggregate_type: str, event_type: str) -> tuple[str, bool]:
    topic = topic_of(template, aggregate_type, event_type)
    return topic, is_legal_topic(topic)


def _bytes(payload: str | bytes | None) -> bytes | None:
    return payload.encode() if isinstance(payload, str) else payload


def _envelope(event: OutboxEvent) -> bytes:
    try:
        payload = json.loads(event.payload) if event.payload is not None else None
    except (ValueError, UnicodeDecodeError) as error:
        raise NotARecord(f"payload_not_json: an envelope holds JSON, and the payload is none: {error}") from None
    envelope = {
        "id": str(event.id),
        "aggregate_type": event.aggregate_type,
        "aggregate_id": event.aggregate_id,
        "event_type": event.event_type,
        "created_at": format_time(event.created_at) if event.created_at else None,
        "payload": payload,
    }
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
