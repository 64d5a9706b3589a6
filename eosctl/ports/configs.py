"""Configurations of many brokers and topics, only the keys that are asked for, each telling for itself why not."""

from collections.abc import Collection, Mapping
from typing import Protocol

from eosctl.core.errors import Notice

Described = Mapping[str, str | None] | Notice
"""Values by key (None: kept secret), or why this one may not be described."""


class ConfigsGateway(Protocol):
    """DescribeConfigs with keys: a tenth of the bytes of a whole configuration, for thousands of topics."""

    def of_topics(self, topics: Collection[str], keys: Collection[str]) -> Mapping[str, Described]:
        """By topic. Raises Unreachable when no broker answers."""

    def of_brokers(self, node_ids: Collection[int], keys: Collection[str]) -> Mapping[int, Described]:
        """By broker, each asked itself; one that does not answer has a Notice."""
