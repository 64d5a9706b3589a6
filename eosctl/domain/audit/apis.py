"""The Kafka APIs that eosctl's commands need of a broker, besides those of KIP-664, and since when Kafka has them."""

from collections.abc import Mapping
from dataclasses import dataclass

ApiVersions = Mapping[int, tuple[int, int]]
"""The oldest and the newest version of each API, by its key, as ApiVersions answers."""


@dataclass(frozen=True)
class NeededApi:
    """An API by name and key, the least version that does what the `commands` want, and the first Kafka with it."""

    name: str
    key: int
    version: int
    commands: str
    since: str


NEEDED = (
    NeededApi("ListOffsets", 2, 2, "every count to the last stable offset", "0.11"),
    NeededApi("OffsetFetch", 9, 7, "positions that wait for open transactions (KIP-447)", "2.5"),
    NeededApi("ListGroups", 16, 4, "groups by their state (KIP-518)", "2.6"),
    NeededApi("DeleteRecords", 21, 0, "dlq purge", "0.11"),
    NeededApi("InitProducerId", 22, 3, "producers fence (KIP-360)", "2.5"),
    NeededApi("TxnOffsetCommit", 28, 3, "dlq replay in transactions (KIP-447)", "2.5"),
    NeededApi("DescribeConfigs", 32, 1, "doctor", "1.1"),
    NeededApi("OffsetDelete", 47, 0, "offsets delete (KIP-496)", "2.4"),
)
"""From Kafka's protocol guide and the KIPs that brought the version."""


def lacking(versions: ApiVersions) -> tuple[NeededApi, ...]:
    """The needed APIs that the brokers do not speak in a version that is new enough."""
    return tuple(one for one in NEEDED if one.key not in versions or versions[one.key][1] < one.version)
