"""A record's header names looked up once, and what hot code asks of raw headers. Pure."""

from dataclasses import dataclass
from typing import Any

from eosctl.domain.dlq.decoding import decode_integer
from eosctl.domain.dlq.dialects import Dialect
from eosctl.domain.dlq.records import RawRecord, RehydratedRecord


@dataclass(frozen=True, slots=True)
class Shape:
    """What a sequence of header names says, looked up once."""

    dialect: Dialect | None
    kept: tuple[int, ...]
    topic: int
    partition: int
    offset: int
    timestamp: int
    message_id: int
    replays: int


def is_bare_pointer(record: RawRecord, shape: Shape) -> bool:
    """Whether the record only names where it came from (KIP-1191 without copies): nothing to replay by itself."""
    if shape.dialect is None or not shape.dialect.pointer_only or isinstance(record, RehydratedRecord):
        return False
    return record.key() is None and record.value() is None


def written_ms_of(record: RawRecord) -> int:
    """When the record was written; of a pointer, when what it points to was."""
    return record.origin_ms if isinstance(record, RehydratedRecord) else record.timestamp()[1]


def number_at(headers: Any, at: int, dialect: Dialect | None, width: int) -> int:
    """The integer of a header; -1 when there is none or it can't be read."""
    if at < 0:
        return -1
    raw = headers[at][1]
    if dialect is not None and dialect.integers == "binary" and raw is not None and len(raw) == width:
        return int.from_bytes(raw, "big", signed=True)
    found = decode_integer(raw or b"", dialect.integers if dialect else "text", width)
    return -1 if found is None else found
