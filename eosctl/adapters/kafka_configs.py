"""Configurations by kafka-python: DescribeConfigs for the keys that are asked for, each resource for itself."""

from collections.abc import Collection, Mapping
from typing import Any

from eosctl.adapters.kafka_python import KafkaPythonAdmin
from eosctl.ports.configs import Described

_TOPIC, _BROKER = 2, 4
_TOPICS_A_REQUEST = 1_000


class KafkaConfigs:
    """The ConfigsGateway."""

    def __init__(self, admin: KafkaPythonAdmin) -> None:
        self._admin = admin

    def of_topics(self, topics: Collection[str], keys: Collection[str]) -> Mapping[str, Described]:
        """By topic; any broker knows them all."""
        names = sorted(topics)
        chunks = [names[start : start + _TOPICS_A_REQUEST] for start in range(0, len(names), _TOPICS_A_REQUEST)]
        answers = self._admin.send([(None, _request(_TOPIC, chunk, keys)) for chunk in chunks])
        found: dict[str, Described] = {}
        for answer in answers:
            if isinstance(answer, BaseException):
                raise self._admin.failure(answer, "DescribeConfigs", "the topics")
            found |= {one.resource_name: self._described(one, f"Topic {one.resource_name!r}") for one in answer.results}
        return found

    def of_brokers(self, node_ids: Collection[int], keys: Collection[str]) -> Mapping[int, Described]:
        """By broker; a broker knows its own only."""
        nodes = sorted(node_ids)
        answers = self._admin.send([(node, _request(_BROKER, [str(node)], keys)) for node in nodes])
        found: dict[int, Described] = {}
        for node, answer in zip(nodes, answers, strict=True):
            resource = f"Broker {node}"
            if isinstance(answer, BaseException):
                found[node] = self._admin.failure(answer, "DescribeConfigs", resource).notice()
            else:
                found[node] = self._described(answer.results[0], resource)
        return found

    def _described(self, one: Any, resource: str) -> Described:
        if one.error_code:
            return self._admin.failure_of(one.error_code, "DescribeConfigs", resource).notice()
        return {entry.name: None if entry.is_sensitive else entry.value for entry in one.configs}


def _request(kind: int, names: Collection[str], keys: Collection[str]) -> Any:
    from kafka.protocol.admin import DescribeConfigsRequest

    resource = DescribeConfigsRequest.DescribeConfigsResource
    asked = [
        resource(resource_type=kind, resource_name=name, configuration_keys=sorted(keys) or None) for name in names
    ]
    return DescribeConfigsRequest(resources=asked, include_synonyms=False, include_documentation=False)
