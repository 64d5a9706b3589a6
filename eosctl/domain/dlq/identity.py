"""Who a dead letter is, however often it is replayed: origin, else message id, else content."""

from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from struct import Struct

from eosctl.domain.dlq.seen import DIGEST_BYTES, digest_of, framed

MESSAGE_ID_HEADERS = ("message-id", "message_id", "messageId", "MessageId", "ce_id")
IDEMPOTENCY_KEY_HEADERS = ("idempotency-key", "idempotency_key", "idempotencyKey", "Idempotency-Key")
_PLACE = Struct(">iq")
NAMED = (*MESSAGE_ID_HEADERS, *IDEMPOTENCY_KEY_HEADERS)


def id_header(names: Sequence[str]) -> int | None:
    """The position of the header that names the message: a message id before an idempotency key."""
    found = [name for name in NAMED if name in names]
    return names.index(found[0]) if found else None


def by_origin(target: str, topic: str, partition: int, offset: int) -> bytes:
    """The digest of a record that tells its origin: 128 bits over target, origin topic, partition and offset."""
    return blake2b(_framed(target, topic) + _PLACE.pack(partition, offset), digest_size=DIGEST_BYTES).digest()


@cache
def _framed(target: str, topic: str) -> bytes:
    """What `digest_of` would hash of two topics, and the length of the place that follows; topics are few."""
    return framed(target.encode(), topic.encode()) + _PLACE.size.to_bytes(4, "big")


def by_message_id(target: bytes, message_id: bytes) -> bytes:
    """The digest of a record that names itself."""
    return digest_of(b"message-id", target, message_id)


def by_content(target: bytes, key: bytes | None, value: bytes | None) -> bytes:
    """The digest of a record by key and value; null and empty differ."""
    return digest_of(b"content", target, *(b"\0" if one is None else b"\1" + one for one in (key, value)))
