"""Brokers, topics, log offsets by kafka-python, on the connection of all reads; the rest by librdkafka."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from eosctl.adapters.gathering import Gathering
from eosctl.adapters.kafka_errors import diagnose, librdkafka_errors, translated, unknown_topic
from eosctl.adapters.kafka_python import KafkaPythonAdmin
from eosctl.adapters.librdkafka import ConfluentAdmin
from eosctl.core.errors import EosctlError, Unreachable
from eosctl.core.report import Gathered
from eosctl.domain.kafka import Broker, LogOffsets, Offset, PartitionState, Topic, TopicPartition, in_order
from eosctl.ports.cluster import ConfigValue

_INTERNAL = ("__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata")
_LATEST, _EARLIEST = -1, -2
_READ_UNCOMMITTED, _READ_COMMITTED = 0, 1
_PARTITIONS_A_REQUEST = 2_000
Asked = Mapping[str, Mapping[int, TopicPartition]]
"""Partitions by topic and number: an answer about thousands needs no new ones."""


class KafkaCluster:
    """The ClusterGateway."""

    def __init__(self, admin: KafkaPythonAdmin, confluent: ConfluentAdmin) -> None:
        self._admin = admin
        self._confluent = confluent

    def cluster_id(self) -> str:
        """The cluster's id."""
        return str(self._admin.metadata([]).cluster_id)

    def brokers(self) -> tuple[Broker, ...]:
        """The brokers that are up."""
        every = (Broker(one.node_id, one.host, one.port, one.rack) for one in self._admin.metadata([]).brokers)
        return tuple(sorted(every, key=lambda one: one.node_id))

    def controller_id(self) -> int:
        """The node id that metadata names as controller."""
        return int(self._admin.metadata([]).controller_id)

    def topics(self, names: Collection[str] = (), *, include_internal: bool = True) -> tuple[Topic, ...]:
        """Topics by name, those that this user may Describe."""
        known = {one.name: one for one in self._admin.metadata(names or None).topics if not one.error_code}
        for name in names:
            if name not in known:
                raise unknown_topic(name, [one.name for one in self._admin.metadata(None).topics])
        topics = (_topic(known[name]) for name in sorted(known))
        return tuple(one for one in topics if include_internal or not one.internal)

    def topic_sizes(self) -> Mapping[str, int]:
        """Topics and their numbers of partitions: no more is made of a metadata answer than that."""
        return {one.name: len(one.partitions) for one in self._admin.metadata(None).topics if not one.error_code}

    def log_offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, LogOffsets]:
        """Log start, last stable offset and high watermark, in this order, so that none is past the next.

        ListOffsets: `latest` is the last stable offset for read_committed, the high watermark for read_uncommitted.
        """
        start, stable, high = self._list_offsets(
            partitions, [(_EARLIEST, _READ_UNCOMMITTED), (_LATEST, _READ_COMMITTED), (_LATEST, _READ_UNCOMMITTED)]
        )
        return {
            one: LogOffsets(Offset(first), Offset(last_stable), Offset(end))
            for one in partitions
            if (first := start.get(one)) is not None
            and (last_stable := stable.get(one)) is not None
            and (end := high.get(one)) is not None
        }

    def offsets_for_times(
        self, partitions: Collection[TopicPartition], epoch_ms: int
    ) -> Mapping[TopicPartition, int | None]:
        """The first offset at or after a time; None when no record is that young."""
        (found,) = self._list_offsets(partitions, [(epoch_ms, _READ_UNCOMMITTED)])
        return {one: (offset if offset >= 0 else None) for one, offset in found.items()}

    def _list_offsets(
        self, partitions: Collection[TopicPartition], asked: Sequence[tuple[int, int]]
    ) -> list[dict[TopicPartition, int]]:
        """For each (timestamp, isolation level) the offset of each partition; those without a leader are left out."""
        found: list[dict[TopicPartition, int]] = [{} for _ in asked]
        gathering = Gathering[int]("ListOffsets", self._admin)

        just_seen = True

        def attempt(wanted: list[TopicPartition], last: bool) -> Iterator[TopicPartition]:
            nonlocal just_seen
            leaders = self._admin.leaders(wanted, just_seen=just_seen)
            just_seen = False
            chunks = list(_chunks(leaders))
            requests = [(node, _list_offsets_request(chunk, *one)) for node, chunk in chunks for one in asked]
            answers = iter(self._admin.send(requests))
            for node, chunk in chunks:
                again: set[TopicPartition] = set()
                for offsets in found:
                    answer = next(answers)
                    if gathering.asks_again(answer, f"broker {node}", last):
                        again.update(at for mine in chunk.values() for at in mine.values())
                    elif not isinstance(answer, BaseException):
                        again.update(_read_offsets(answer, chunk, offsets, gathering, last))
                yield from in_order(again)

        if partitions:
            self._admin.until_settled(in_order(set(partitions)), attempt)
        gathering.raise_first()
        return found

    def topic_configs(self, topics: Collection[str]) -> Mapping[str, Mapping[str, ConfigValue]]:
        """Configuration by topic."""
        api = self._confluent.api
        asked = {api.ConfigResource(api.ResourceType.TOPIC, name): name for name in topics}
        futures = self._describe_configs(list(asked)) if asked else {}
        found = {}
        for resource, future in futures.items():
            with librdkafka_errors("DescribeConfigs", f"Topic {asked[resource]!r}", self._confluent.connection):
                found[asked[resource]] = _configs(future.result())
        return found

    def broker_configs(self, node_ids: Collection[int]) -> Gathered[tuple[int, Mapping[str, ConfigValue]]]:
        """Configuration by broker; a failure for each that may not be described. Raises Unreachable if none answers."""
        api = self._confluent.api
        asked = {api.ConfigResource(api.ResourceType.BROKER, str(node)): node for node in node_ids}
        futures = self._describe_configs(list(asked)) if asked else {}
        found: list[tuple[int, Mapping[str, ConfigValue]]] = []
        failures: list[EosctlError] = []
        for resource, future in futures.items():
            try:
                with librdkafka_errors("DescribeConfigs", f"Broker {asked[resource]}", self._confluent.connection):
                    found.append((asked[resource], _configs(future.result())))
            except EosctlError as error:
                failures.append(error)
        if failures and not found and all(isinstance(one, Unreachable) for one in failures):
            raise diagnose(self._confluent.connection, self._confluent.timeout_ms) or failures[0]
        return Gathered(tuple(found), tuple(one.notice() for one in failures))

    def _describe_configs(self, resources: list[Any]) -> Mapping[Any, Any]:
        limit = self._confluent.limit_s
        answer: Mapping[Any, Any] = self._confluent.ask(
            "DescribeConfigs", "configuration", lambda one: one.describe_configs(resources, request_timeout=limit)
        )
        return answer

    def create_topic(
        self, name: str, *, partitions: int, replication_factor: int = -1, configs: Mapping[str, str] | None = None
    ) -> None:
        """Creates a topic; nothing when it exists."""
        from confluent_kafka import KafkaException

        topic = self._confluent.api.NewTopic(
            name, num_partitions=partitions, replication_factor=replication_factor, config=dict(configs or {})
        )
        limit = self._confluent.limit_s
        futures = self._confluent.ask(
            "CreateTopics",
            f"Topic {name!r}",
            lambda one: one.create_topics([topic], operation_timeout=limit, request_timeout=limit),
        )
        try:
            futures[name].result()
        except KafkaException as error:
            if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                raise translated(error.args[0], "CreateTopics", f"Topic {name!r}", self._confluent.connection) from None

    def delete_records(self, before: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        """Deletes what lies before each offset; the new log starts."""
        from confluent_kafka import TopicPartition as Tp

        asked = [Tp(one.topic, one.partition, offset) for one, offset in before.items()]
        limit = self._confluent.limit_s
        futures = self._confluent.ask(
            "DeleteRecords",
            "the partitions",
            lambda one: one.delete_records(asked, request_timeout=limit, operation_timeout=limit),
        )
        found = {}
        for partition, future in futures.items():
            name = f"{partition.topic}:{partition.partition}"
            with librdkafka_errors("DeleteRecords", name, self._confluent.connection):
                found[TopicPartition(partition.topic, partition.partition)] = int(future.result().low_watermark)
        return found


def _chunks(leaders: Mapping[TopicPartition, int]) -> Iterator[tuple[int, Asked]]:
    """What each leader is asked for, so many at a time; nobody is asked where there is none."""
    by_node: dict[int, list[TopicPartition]] = defaultdict(list)
    for one, node in leaders.items():
        if node >= 0:
            by_node[node].append(one)
    for node, mine in by_node.items():
        for start in range(0, len(mine), _PARTITIONS_A_REQUEST):
            asked: dict[str, dict[int, TopicPartition]] = defaultdict(dict)
            for one in mine[start : start + _PARTITIONS_A_REQUEST]:
                asked[one.topic][one.partition] = one
            yield node, asked


def _list_offsets_request(asked: Asked, timestamp: int, isolation: int) -> Any:
    """Version 5 at most: what later ones add to each partition is not used here and costs time for each.

    kafka-python writes whatever has a partition's fields; its own class takes many times as long to make.
    """
    from kafka.protocol.consumer import ListOffsetsRequest

    topics = [
        ListOffsetsRequest.ListOffsetsTopic(name=name, partitions=[
            SimpleNamespace(partition_index=number, current_leader_epoch=-1, timestamp=timestamp) for number in numbers
        ])
        for name, numbers in asked.items()
    ]  # fmt: skip
    return ListOffsetsRequest(replica_id=-1, isolation_level=isolation, topics=topics, min_version=2, max_version=5)


def _read_offsets(
    answer: Any,
    asked: Asked,
    offsets: dict[TopicPartition, int],
    gathering: Gathering[int],
    last: bool,
) -> Iterator[TopicPartition]:
    """Fills `offsets`; yields the partitions to ask for again."""
    for topic in answer.topics:
        mine = asked[topic.name]
        for one in topic.partitions:
            if not one.error_code:
                offsets[mine[one.partition_index]] = one.offset
            elif gathering.asks_again_for(one.error_code, f"Topic {topic.name!r}", last):
                yield mine[one.partition_index]


def _topic(one: Any) -> Topic:
    partitions = (
        PartitionState(
            TopicPartition(one.name, state.partition_index),
            state.leader_id,
            tuple(state.replica_nodes),
            tuple(state.isr_nodes),
        )
        for state in sorted(one.partitions, key=lambda state: int(state.partition_index))
    )
    return Topic(one.name, tuple(partitions), internal=bool(one.is_internal) or one.name in _INTERNAL)


def _configs(entries: Mapping[str, Any]) -> dict[str, ConfigValue]:
    return {name: ConfigValue(None if one.is_sensitive else one.value, bool(one.is_default), str(one.source))
            for name, one in entries.items()}  # fmt: skip
