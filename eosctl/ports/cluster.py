"""Brokers, topics, log offsets and configurations of a Kafka cluster."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from eosctl.core.report import Gathered
from eosctl.domain.kafka import Broker, LogOffsets, Topic, TopicPartition


@dataclass(frozen=True)
class ConfigValue:
    """A configuration entry. `value` is None when the broker keeps it secret; `is_default` when nobody set it."""

    value: str | None
    is_default: bool
    source: str = ""


class ClusterGateway(Protocol):
    """Reads, and the few changes that concern whole topics."""

    def cluster_id(self) -> str:
        """The cluster's id; raises Unreachable."""

    def brokers(self) -> tuple[Broker, ...]:
        """The brokers that are up."""

    def controller_id(self) -> int:
        """The node id that metadata names as controller; -1 when unknown."""

    def topics(self, names: Collection[str] = (), *, include_internal: bool = True) -> tuple[Topic, ...]:
        """Topics by name, all when none is named. Raises UsageError (`unknown_topic`, nearest names) if missing."""

    def topic_sizes(self) -> Mapping[str, int]:
        """How many partitions each topic has, of those that this user may Describe."""

    def log_offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, LogOffsets]:
        """Batched by broker. Partitions without a leader are left out."""

    def offsets_for_times(
        self, partitions: Collection[TopicPartition], epoch_ms: int
    ) -> Mapping[TopicPartition, int | None]:
        """The first offset at or after a time, None when no record is that young."""

    def topic_configs(self, topics: Collection[str]) -> Mapping[str, Mapping[str, ConfigValue]]:
        """Configuration by topic; raises Refused (`acl_missing`) where describing is not allowed."""

    def broker_configs(self, node_ids: Collection[int]) -> Gathered[tuple[int, Mapping[str, ConfigValue]]]:
        """Configuration by broker, a failure for each that may not be described."""

    def create_topic(
        self, name: str, *, partitions: int, replication_factor: int = -1, configs: Mapping[str, str] | None = None
    ) -> None:
        """Creates a topic; nothing when it exists."""

    def delete_records(self, before: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        """Deletes what lies before each offset; the new log starts."""
