"""Java's murmur2 and the default partitioner for keyed records (Kafka's `Utils.murmur2`, `Utils.toPositive`)."""

from collections.abc import Iterable

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995


def murmur2(data: bytes) -> int:
    """The 32-bit hash, unsigned."""
    length = len(data)
    h = (0x9747B28C ^ length) & _MASK
    whole = length & ~3
    for at in range(0, whole, 4):
        k = (int.from_bytes(data[at : at + 4], "little") * _M) & _MASK
        k = ((k ^ (k >> 24)) * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
    if length > whole:
        h = ((h ^ int.from_bytes(data[whole:], "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


def java_partition(key: bytes, partitions: int) -> int:
    """Where a Java producer puts this key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def former_partition_count(placed: Iterable[tuple[bytes, int]], partitions: int) -> int | None:
    """How many partitions the topic had when these keys were placed, when it was another number than now.

    `placed` holds distinct keys and where they lay. None when today's number explains every key, or no number does
    (another partitioner), or too few keys tell: then the origin's partition is kept.
    """
    keys = list(placed)
    if len(keys) < 4 or all(java_partition(key, partitions) == at for key, at in keys):
        return None
    lowest = max(at for _, at in keys) + 1
    return next(
        (one for one in range(lowest, partitions) if all(java_partition(key, one) == at for key, at in keys)), None
    )
