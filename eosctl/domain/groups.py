"""Where a group's offsets live: the partition of `__consumer_offsets`, by Kafka's own hash."""

from collections.abc import Sequence

from eosctl.domain.kafka import TopicPartition

OFFSETS_TOPIC = "__consumer_offsets"


def java_hash(text: str) -> int:
    """`String.hashCode()` of UTF-16 code units, as a signed 32-bit integer (java.lang.String)."""
    value = 0
    encoded = text.encode("utf-16-be")
    for position in range(0, len(encoded), 2):
        value = (31 * value + int.from_bytes(encoded[position : position + 2], "big")) & 0xFFFFFFFF
    return value - 0x1_0000_0000 if value >= 0x8000_0000 else value


def offsets_partition(group: str, partitions: int) -> int:
    """`Utils.abs(group.hashCode) % partitions` of Kafka's GroupCoordinator; its abs of the least integer is 0."""
    value = java_hash(group)
    return (0 if value == -0x8000_0000 else abs(value)) % partitions


def groups_on(partition: TopicPartition, groups: Sequence[str], partitions: int) -> tuple[str, ...]:
    """The groups whose offsets that partition of `__consumer_offsets` keeps."""
    if not partitions:
        return ()
    return tuple(sorted(one for one in groups if offsets_partition(one, partitions) == partition.partition))
