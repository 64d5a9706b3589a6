"""Authorized operations of topics and groups (KIP-430), and CreateTopics that only validates."""

from collections.abc import Collection, Mapping

from eosctl.adapters.kafka_errors import translated
from eosctl.adapters.kafka_python import KafkaPythonAdmin
from eosctl.adapters.librdkafka import ConfluentAdmin
from eosctl.core.errors import EosctlError

_OPERATIONS = {
    3: "Read", 4: "Write", 5: "Create", 6: "Delete", 7: "Alter", 8: "Describe", 10: "DescribeConfigs",
    11: "AlterConfigs",
}  # fmt: skip
"""Kafka's AclOperation codes: the bits of an `authorizedOperations` field."""
_REFUSED = frozenset({29, 30, 53})  # TOPIC, GROUP, TRANSACTIONAL_ID _AUTHORIZATION_FAILED


class KafkaRights:
    """The RightsGateway."""

    def __init__(self, admin: KafkaPythonAdmin, confluent: ConfluentAdmin) -> None:
        self._admin = admin
        self._confluent = confluent

    def of_topics(self, names: Collection[str]) -> Mapping[str, frozenset[str] | None]:
        """By Metadata; a topic that is not there has what its ACLs would allow, where the broker tells."""
        from kafka.protocol.metadata import MetadataRequest

        if not names:
            return {}
        topics = [MetadataRequest.MetadataRequestTopic(name=one) for one in sorted(names)]
        request = MetadataRequest(
            topics=topics, allow_auto_topic_creation=False, include_topic_authorized_operations=True
        )
        (answer,) = self._admin.send([(None, request)])
        if isinstance(answer, BaseException):
            raise self._admin.failure(answer, "Metadata", "the cluster")
        return {one.name: frozenset() if one.error_code in _REFUSED else _names(one.authorized_operations)
                for one in answer.topics}  # fmt: skip

    def of_group(self, group: str) -> frozenset[str] | None:
        """By DescribeGroups, which answers for groups that are not there, too."""
        from kafka.protocol.admin import DescribeGroupsRequest

        nodes, errors = self._admin.coordinators("group", [group])
        if errors.get(group) in _REFUSED:
            return frozenset()
        if group not in nodes:
            return None
        request = DescribeGroupsRequest(groups=[group], include_authorized_operations=True, max_version=5)
        (answer,) = self._admin.send([(nodes[group], request)])
        if isinstance(answer, BaseException):
            raise self._admin.failure(answer, "DescribeGroups", f"Group {group!r}")
        (one,) = answer.groups
        return frozenset() if one.error_code in _REFUSED else _names(one.authorized_operations)

    def may_describe_id(self, transactional_id: str) -> bool:
        """By FindCoordinator."""
        _, errors = self._admin.coordinators("transaction", [transactional_id])
        return errors.get(transactional_id) not in _REFUSED

    def creation(self, topic: str, *, partitions: int, configs: Mapping[str, str] | None = None) -> EosctlError | None:
        """CreateTopics with `validate_only`."""
        from confluent_kafka import KafkaException

        wish = self._confluent.api.NewTopic(
            topic, num_partitions=partitions, replication_factor=-1, config=dict(configs or {})
        )
        limit = self._confluent.limit_s
        futures = self._confluent.ask(
            "CreateTopics",
            f"Topic {topic!r}",
            lambda one: one.create_topics([wish], validate_only=True, request_timeout=limit),
        )
        try:
            futures[topic].result()
        except KafkaException as error:
            if error.args[0].name() == "TOPIC_ALREADY_EXISTS":
                return None  # another member was quicker
            return translated(error.args[0], "CreateTopics", f"Topic {topic!r}", self._confluent.connection)
        return None


def _names(codes: Collection[int] | None) -> frozenset[str] | None:
    """kafka-python reads the bit field as a set of codes, None where the broker tells nothing."""
    return None if codes is None else frozenset(name for code, name in _OPERATIONS.items() if code in codes)
