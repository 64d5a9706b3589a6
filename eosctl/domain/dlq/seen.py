"""Identities that were replayed before: 128-bit hashes in the ledger, fixed width in memory, flat for ten million.

A set of Python strings would take a gigabyte for ten million identities. Here each keeps eight bytes in one of 2^16 to
2^20 buckets chosen by its first bits, about ten bytes all told. Ten bytes and more of the hash are compared:
ten million against ten million meet by chance with a probability below 10^-10.
"""

from collections.abc import Iterator
from hashlib import blake2b

DIGEST_BYTES = 16
_KEPT = slice(2, 10)
_WIDTH = 8
_FIRST_BITS = 16
_LAST_BITS = 20
_FULL = 256


class SeenIdentities:
    """A set of 16-byte digests."""

    def __init__(self) -> None:
        self._bits = _FIRST_BITS
        self._buckets: list[bytearray | None] = [None] * (1 << _FIRST_BITS)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, digest: bytes) -> bool:
        bucket, kept = self._buckets[int.from_bytes(digest[:3], "big") >> (24 - self._bits)], digest[_KEPT]
        return bucket is not None and kept in bucket and _find_at(bucket, kept) >= 0

    def add(self, digest: bytes) -> bool:
        """Whether the digest is new; it is in the set afterwards."""
        if digest in self:
            return False
        self.add_new(digest)
        return True

    def add_new(self, digest: bytes) -> None:
        """Adds a digest that is known not to be in the set."""
        number = int.from_bytes(digest[:3], "big") >> (24 - self._bits)
        bucket = self._buckets[number]
        if bucket is None:
            self._buckets[number] = bytearray(digest[_KEPT])
        else:
            bucket += digest[_KEPT]
        self._count += 1
        if self._count > _FULL << self._bits and self._bits < _LAST_BITS:
            self._split()

    def discard(self, digest: bytes) -> None:
        """Takes the digest out again, when it is there: its transaction was aborted."""
        bucket = self._buckets[int.from_bytes(digest[:3], "big") >> (24 - self._bits)]
        at = -1 if bucket is None else _find_at(bucket, digest[_KEPT])
        if bucket is not None and at >= 0:
            del bucket[at : at + _WIDTH]
            self._count -= 1

    def add_packed(self, packed: bytes) -> int:
        """Adds every digest of a ledger record; how many there were. Raises ValueError for a torn one."""
        if len(packed) % DIGEST_BYTES:
            raise ValueError(f"a ledger record of {len(packed)} bytes holds no whole number of digests")
        for digest in unpack(packed):
            self.add(digest)
        return len(packed) // DIGEST_BYTES

    def _split(self) -> None:
        """Four buckets for each: the next two bits are the first of what a bucket keeps."""
        done_bits = self._bits - _FIRST_BITS
        self._bits += 2
        wider: list[bytearray | None] = []
        for number, bucket in enumerate(self._buckets):
            if bucket is None:
                wider.extend((None, None, None, None))
                continue
            parts = (bytearray(), bytearray(), bytearray(), bytearray())
            for start in range(0, len(bucket), _WIDTH):
                parts[(bucket[start] >> (6 - done_bits)) & 3].extend(bucket[start : start + _WIDTH])
            wider.extend(parts)
            self._buckets[number] = parts[0]
        self._buckets = wider


def unpack(packed: bytes) -> Iterator[bytes]:
    """The digests of a ledger record."""
    return (packed[start : start + DIGEST_BYTES] for start in range(0, len(packed), DIGEST_BYTES))


def digest_of(*parts: bytes) -> bytes:
    """128 bits of BLAKE2b over the parts, each with its length: `ab`+`c` is not `a`+`bc`."""
    return blake2b(framed(*parts), digest_size=DIGEST_BYTES).digest()


def framed(*parts: bytes) -> bytes:
    """The parts, each behind its length."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _find_at(bucket: bytearray, kept: bytes) -> int:
    at = bucket.find(kept)
    while at >= 0 and at % _WIDTH:
        at = bucket.find(kept, at + 1)
    return at
