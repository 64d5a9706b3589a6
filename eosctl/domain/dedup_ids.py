"""Who a record is to a deduplicating consumer: its id by each rule, and how an id reads in a column of some type."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from eosctl.core.errors import UsageError
from eosctl.domain.dedup import IdRule
from eosctl.domain.dlq.identity import IDEMPOTENCY_KEY_HEADERS, MESSAGE_ID_HEADERS

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True)
class RecordId:
    """A record's id by one rule; `id` is None when the record has nothing to make it of."""

    rule: IdRule
    id: str | None


def ids_of(
    topic: str, partition: int, offset: int, *, key: bytes | None, value: bytes | None, headers: Headers
) -> tuple[RecordId, ...]:
    """A record's id by every rule."""
    return (
        RecordId(IdRule.MESSAGE_ID, _header(headers, MESSAGE_ID_HEADERS)),
        RecordId(IdRule.IDEMPOTENCY_KEY, _header(headers, IDEMPOTENCY_KEY_HEADERS)),
        RecordId(IdRule.PARTITION_OFFSET, f"{partition}-{offset}"),
        RecordId(IdRule.TOPIC_PARTITION_OFFSET, f"{topic}-{partition}-{offset}"),
        RecordId(IdRule.FINGERPRINT, fingerprint(key, value)),
    )


def id_by(rule: IdRule, ids: Sequence[RecordId]) -> RecordId:
    """The id that a consumer of this rule uses: without a message id header it falls back to partition and offset."""
    by_rule = {one.rule: one for one in ids}
    if rule is IdRule.MESSAGE_ID and by_rule[rule].id is None:
        return by_rule[IdRule.PARTITION_OFFSET]
    return by_rule[rule]


def fingerprint(key: bytes | None, value: bytes | None) -> str:
    """SHA-256 over the key's bytes, then the value's (null adds nothing), in hexadecimal.

    Offset and timestamp stay out: they change when a record comes again.
    """
    return hashlib.sha256((key or b"") + (value or b"")).hexdigest()


def as_stored(column_type: str, given: str) -> str:
    """The id as PostgreSQL writes it in a column of that type. Raises UsageError (`bad_message_id`)."""
    try:
        match column_type:
            case "uuid":
                return str(UUID(given))
            case "bigint" | "integer" | "smallint":
                return str(int(given))
            case "bytea":
                return "\\x" + bytes.fromhex(given.removeprefix("\\x")).hex()
            case _ if "\0" in given:
                raise ValueError
            case _:
                return given
    except ValueError:
        raise UsageError(
            "bad_message_id", f"{given!r} is no {column_type}, as ids of this table are.", hint="Correct the id."
        ) from None


def _header(headers: Headers, names: Sequence[str]) -> str | None:
    for wanted in names:
        for name, value in headers:
            if name == wanted and value is not None:
                return value.decode("utf-8", errors="replace")
    return None
