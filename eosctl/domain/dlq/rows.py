"""A dead letter as an operator reads it: origin, failure, key, a preview of the value, who it is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from eosctl.core.durations import time_from_ms
from eosctl.core.report import column
from eosctl.domain.dlq.decoding import DeadLetter, Reader
from eosctl.domain.dlq.identity import id_header
from eosctl.domain.dlq.records import RawRecord

_PREVIEW = 60


@dataclass(frozen=True)
class DeadLetterRow:
    """One record. `unreadable` names headers whose bytes are not what their framework writes."""

    partition: int
    offset: int
    timestamp: datetime | None = field(metadata=column(wide=True))
    framework: str = field(metadata=column(wide=True))
    origin_topic: str | None
    origin_partition: int | None = field(metadata=column(wide=True))
    origin_offset: int | None
    origin_timestamp: datetime | None = field(metadata=column(wide=True))
    origin_group: str | None = field(metadata=column(wide=True))
    failure_class: str | None = field(metadata=column(wide=True))
    cause_class: str | None
    message: str | None = field(metadata=column(wide=True))
    attempts: int | None = field(metadata=column(wide=True))
    key: str | None
    value_preview: str | None = field(metadata=column("value"))
    message_id: str | None = field(metadata=column(wide=True))
    fingerprint: str = field(metadata=column(wide=True))
    replays: int = field(default=0, metadata=column(wide=True))
    unreadable: tuple[str, ...] = field(default=(), metadata=column(wide=True))


FIELDS = (*(one for one in DeadLetterRow.__dataclass_fields__ if one != "unreadable"), "cause", "headers", "value")


def letter_of(record: RawRecord, reader: Reader) -> DeadLetter:
    """The record's dead-letter headers, read."""
    return reader.read(record.headers() or ())


def row_of(record: RawRecord, reader: Reader) -> DeadLetterRow:
    """The record decoded by its own framework's encoding."""
    headers = record.headers() or ()
    letter = reader.read(headers)
    names = [name for name, _ in headers]
    at = id_header(names)
    kind, written = record.timestamp()
    return DeadLetterRow(
        partition=record.partition() or 0,
        offset=record.offset() or 0,
        timestamp=time_from_ms(written) if kind else None,
        framework=letter.framework,
        origin_topic=letter.origin.topic,
        origin_partition=letter.origin.partition,
        origin_offset=letter.origin.offset,
        origin_timestamp=_time(letter.origin.timestamp_ms),
        origin_group=letter.origin.group,
        failure_class=letter.failure.failure_class,
        cause_class=letter.failure.cause_class,
        message=letter.failure.message,
        attempts=letter.failure.attempts,
        key=text_of(record.key()),
        value_preview=preview(record.value()),
        message_id=text_of(headers[at][1]) if at is not None else None,
        fingerprint=fingerprint(record.key(), record.value()),
        replays=letter.replays,
        unreadable=letter.unreadable,
    )


def values_of(record: RawRecord, reader: Reader) -> dict[str, Any]:
    """What `--where` may ask of a record."""
    row = row_of(record, reader)
    values = {name: getattr(row, name) for name in DeadLetterRow.__dataclass_fields__ if name != "unreadable"}
    values["cause"] = letter_of(record, reader).cause
    values["headers"] = {name: text_of(value) or "" for name, value in record.headers() or ()}
    values["value"] = json_of(record.value())
    return values


def fingerprint(key: bytes | None, value: bytes | None) -> str:
    """The first 64 bits of SHA-256 over key and value, null and empty apart."""
    framed = b"".join(b"\0" if one is None else b"\1" + len(one).to_bytes(4, "big") + one for one in (key, value))
    return sha256(framed).hexdigest()[:16]


def text_of(raw: bytes | None) -> str | None:
    """UTF-8 text, else `0x` and hex; None stays None."""
    if raw is None:
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return "0x" + raw.hex()
    return text if text.isprintable() or text.translate({9: " ", 10: " ", 13: " "}).isprintable() else "0x" + raw.hex()


def json_of(raw: bytes | None) -> Any:
    """The value of JSON bytes, else text or hex."""
    if raw is None:
        return None
    try:
        return json.loads(raw)
    except (ValueError, UnicodeDecodeError):
        return text_of(raw)


def preview(raw: bytes | None) -> str | None:
    """The beginning of the value, on one line; None for a tombstone."""
    text = text_of(raw[: 4 * _PREVIEW] if raw else raw)
    if text is None:
        return None
    flat = " ".join(text.split())
    return flat if len(flat) <= _PREVIEW else flat[: _PREVIEW - 1] + "…"


def header_words(headers: Any, reader: Reader) -> Mapping[str, str]:
    """Headers by name as their framework means them: numbers as numbers, `unreadable (0x..)` where they are not."""
    letter = reader.read(headers)
    dialect = reader.dialect_of([name for name, _ in headers])
    numbers = {}
    if dialect is not None and dialect.integers != "text":
        names = (*dialect.partition, *dialect.offset, *dialect.timestamp, *dialect.attempts)
        numbers = dict.fromkeys(names, True) | {"retry_topic-original-timestamp": True,
                                                "retry_topic-backoff-timestamp": True}  # fmt: skip
    found: dict[str, str] = {}
    for name, raw in headers:
        if name in letter.unreadable:
            word = f"unreadable ({'0x' + (raw or b'').hex()})"
        elif name in numbers and raw and len(raw) in (1, 4, 8) and not raw.isdigit():
            word = str(int.from_bytes(raw, "big", signed=True))
        else:
            word = text_of(raw) or ("null" if raw is None else "")
        found[name] = f"{found[name]}, {word}" if name in found else word
    return found


def _time(epoch_ms: int | None) -> datetime | None:
    try:
        return None if epoch_ms is None else time_from_ms(epoch_ms)
    except (ValueError, OverflowError, OSError):
        return None
