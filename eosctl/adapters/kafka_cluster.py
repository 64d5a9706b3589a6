"""Brokers, topics, log offsets and configurations by librdkafka's admin client."""

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any

from eosctl.adapters.connection import KafkaConnection
from eosctl.adapters.kafka_errors import diagnose, librdkafka_errors, probe, translated
from eosctl.core.errors import EosctlError, UsageError, did_you_mean
from eosctl.core.report import Gathered
from eosctl.domain.kafka import Broker, LogOffsets, Offset, PartitionState, Topic, TopicPartition
from eosctl.ports.cluster import ConfigValue

_INTERNAL = ("__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata")


class ConfluentAdmin:
    """The one confluent-kafka admin client of a command, opened when first needed."""

    def __init__(self, connection: KafkaConnection, *, timeout_ms: int) -> None:
        self.connection = connection
        self.timeout_ms = timeout_ms

    @cached_property
    def client(self) -> Any:
        """The client; raises Unreachable when no bootstrap server accepts connections."""
        from confluent_kafka.admin import AdminClient

        probe(self.connection, self.timeout_ms)
        with librdkafka_errors("Connect", "the cluster", self.connection):
            return AdminClient({**self.connection.librdkafka(), "log_level": 0, "error_cb": lambda _: None})

    @property
    def limit_s(self) -> float:
        """The time limit in seconds, as confluent-kafka takes it."""
        return self.timeout_ms / 1_000

    def ask(self, api: str, resource: str, question: Callable[[Any], Any]) -> Any:
        """The answer of one call; a time-out is told by its cause (TLS, SASL, network) where librdkafka knows it."""
        try:
            with librdkafka_errors(api, resource, self.connection):
                return question(self.client)
        except EosctlError as error:
            if error.code in ("kafka_timeout", "kafka_unreachable"):
                raise diagnose(self.connection, self.timeout_ms) or error from None
            raise


class KafkaCluster:
    """The ClusterGateway."""

    def __init__(self, admin: ConfluentAdmin) -> None:
        self._admin = admin

    def _metadata(self, topic: str | None = None) -> Any:
        limit = self._admin.limit_s
        return self._admin.ask("Metadata", "the cluster", lambda one: one.list_topics(topic=topic, timeout=limit))

    def cluster_id(self) -> str:
        """The cluster's id."""
        return str(self._metadata().cluster_id)

    def brokers(self) -> tuple[Broker, ...]:
        """The brokers that are up."""
        every = self._metadata().brokers.values()
        return tuple(sorted((Broker(one.id, one.host, one.port) for one in every), key=lambda one: one.node_id))

    def controller_id(self) -> int:
        """The node id that metadata names as controller."""
        return int(self._metadata().controller_id)

    def topics(self, names: Collection[str] = (), *, include_internal: bool = True) -> tuple[Topic, ...]:
        """Topics by name."""
        known = self._metadata().topics
        for name in names:
            if name not in known:
                raise UsageError("unknown_topic", f"There is no topic {name!r}.",
                                 hint=did_you_mean(name, known) or "See `eosctl producers list`.")  # fmt: skip
        wanted = sorted(names or known)
        topics = (_topic(known[name]) for name in wanted)
        return tuple(one for one in topics if include_internal or not one.internal)

    def log_offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, LogOffsets]:
        """Log start, last stable offset and high watermark, three requests a broker."""
        from confluent_kafka import IsolationLevel
        from confluent_kafka.admin import OffsetSpec

        start = self._list_offsets(partitions, OffsetSpec.earliest(), IsolationLevel.READ_UNCOMMITTED)
        stable = self._list_offsets(partitions, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)
        high = self._list_offsets(partitions, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)
        return {
            one: LogOffsets(Offset(start[one]), Offset(stable[one]), Offset(high[one]))
            for one in partitions
            if one in start and one in stable and one in high
        }

    def offsets_for_times(
        self, partitions: Collection[TopicPartition], epoch_ms: int
    ) -> Mapping[TopicPartition, int | None]:
        """The first offset at or after a time; None when no record is that young."""
        from confluent_kafka import IsolationLevel
        from confluent_kafka.admin import OffsetSpec

        found = self._list_offsets(partitions, OffsetSpec.for_timestamp(epoch_ms), IsolationLevel.READ_UNCOMMITTED)
        return {one: (offset if offset >= 0 else None) for one, offset in found.items()}

    def _list_offsets(self, partitions: Collection[TopicPartition], spec: Any, isolation: Any) -> dict[TopicPartition, int]:
        from confluent_kafka import KafkaException
        from confluent_kafka import TopicPartition as Tp

        if not partitions:
            return {}
        asked = {Tp(one.topic, one.partition): spec for one in partitions}
        limit = self._admin.limit_s
        futures = self._admin.ask(
            "ListOffsets", "partitions",
            lambda one: one.list_offsets(asked, isolation_level=isolation, request_timeout=limit),
        )  # fmt: skip
        found = {}
        for partition, future in futures.items():
            try:
                found[TopicPartition(partition.topic, partition.partition)] = int(future.result().offset)
            except KafkaException as error:
                if error.args[0].name() in ("LEADER_NOT_AVAILABLE", "NOT_LEADER_FOR_PARTITION", "_TIMED_OUT"):
                    continue
                name = f"{partition.topic}:{partition.partition}"
                raise translated(error.args[0], "ListOffsets", name, self._admin.connection) from None
        return found

    def topic_configs(self, topics: Collection[str]) -> Mapping[str, Mapping[str, ConfigValue]]:
        """Configuration by topic."""
        from confluent_kafka.admin import ConfigResource, ResourceType

        asked = {ConfigResource(ResourceType.TOPIC, name): name for name in topics}
        futures = self._describe_configs(list(asked)) if asked else {}
        found = {}
        for resource, future in futures.items():
            with librdkafka_errors("DescribeConfigs", f"topic {asked[resource]!r}", self._admin.connection):
                found[asked[resource]] = _configs(future.result())
        return found

    def broker_configs(self, node_ids: Collection[int]) -> Gathered[tuple[int, Mapping[str, ConfigValue]]]:
        """Configuration by broker; a failure for each that may not be described."""
        from confluent_kafka.admin import ConfigResource, ResourceType

        asked = {ConfigResource(ResourceType.BROKER, str(node)): node for node in node_ids}
        futures = self._describe_configs(list(asked)) if asked else {}
        found, failures = [], []
        for resource, future in futures.items():
            try:
                with librdkafka_errors("DescribeConfigs", f"broker {asked[resource]}", self._admin.connection):
                    found.append((asked[resource], _configs(future.result())))
            except EosctlError as error:
                failures.append(error.notice())
        return Gathered(tuple(found), tuple(failures))

    def _describe_configs(self, resources: list[Any]) -> Mapping[Any, Any]:
        limit = self._admin.limit_s
        answer: Mapping[Any, Any] = self._admin.ask(
            "DescribeConfigs", "configuration", lambda one: one.describe_configs(resources, request_timeout=limit)
        )
        return answer

    def create_topic(
        self, name: str, *, partitions: int, replication_factor: int = -1, configs: Mapping[str, str] | None = None
    ) -> None:
        """Creates a topic; nothing when it exists."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import NewTopic

        topic = NewTopic(name, num_partitions=partitions, replication_factor=replication_factor, config=dict(configs or {}))
        limit = self._admin.limit_s
        futures = self._admin.ask("CreateTopics", f"topic {name!r}",
                                  lambda one: one.create_topics([topic], operation_timeout=limit, request_timeout=limit))  # fmt: skip
        try:
            futures[name].result()
        except KafkaException as error:
            if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                raise translated(error.args[0], "CreateTopics", f"topic {name!r}", self._admin.connection) from None

    def delete_records(self, before: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        """Deletes what lies before each offset; the new log starts."""
        from confluent_kafka import TopicPartition as Tp

        asked = [Tp(one.topic, one.partition, offset) for one, offset in before.items()]
        limit = self._admin.limit_s
        futures = self._admin.ask("DeleteRecords", "partitions",
                                  lambda one: one.delete_records(asked, request_timeout=limit, operation_timeout=limit))  # fmt: skip
        found = {}
        for partition, future in futures.items():
            name = f"{partition.topic}:{partition.partition}"
            with librdkafka_errors("DeleteRecords", name, self._admin.connection):
                found[TopicPartition(partition.topic, partition.partition)] = int(future.result().low_watermark)
        return found


def _topic(one: Any) -> Topic:
    partitions = (
        PartitionState(TopicPartition(one.topic, number), state.leader, tuple(state.replicas), tuple(state.isrs))
        for number, state in sorted(one.partitions.items())
    )
    return Topic(one.topic, tuple(partitions), internal=one.topic in _INTERNAL)


def _configs(entries: Mapping[str, Any]) -> dict[str, ConfigValue]:
    return {name: ConfigValue(None if one.is_sensitive else one.value, bool(one.is_default), str(one.source))
            for name, one in entries.items()}  # fmt: skip
