"""What this user may do, asked before anything is done (KIP-430): nothing is changed by asking."""

from collections.abc import Collection, Mapping
from typing import Protocol

from eosctl.core.errors import EosctlError


class RightsGateway(Protocol):
    """Operations by Kafka's own names (`Read`, `Write`, ...). A broker without an authorizer allows everything."""

    def of_topics(self, names: Collection[str]) -> Mapping[str, frozenset[str] | None]:
        """What is allowed on each topic, be it there or not; nothing where it may not be described; None when the
        brokers do not tell."""

    def of_group(self, group: str) -> frozenset[str] | None:
        """What is allowed on a group; None when the brokers do not tell."""

    def may_describe_id(self, transactional_id: str) -> bool:
        """Whether the transactional id's coordinator may be asked for; Write implies it, and nothing else tells."""

    def creation(self, topic: str, *, partitions: int, configs: Mapping[str, str] | None = None) -> EosctlError | None:
        """Why CreateTopics would refuse this topic (`validate_only`); None when it would not, or the topic is there."""
