"""Kafka Connect's REST interface, as far as operations need it."""

from collections.abc import Mapping
from typing import Protocol

from eosctl.domain.connect import ConnectorStatus


class ConnectGateway(Protocol):
    """Every call is limited in time. Raises Unreachable, OperationFailed, and UsageError for an unknown connector."""

    @property
    def url(self) -> str:
        """Where it is; raises UsageError (`no_connect`) when nobody said."""

    def connectors(self) -> tuple[str, ...]:
        """Names of all connectors."""

    def config(self, name: str) -> Mapping[str, str]:
        """A connector's configuration, secrets as they were given."""

    def status(self, name: str) -> ConnectorStatus:
        """The states of the connector and its tasks."""

    def has_begun(self, name: str) -> bool | None:
        """Whether the connector has stored an offset (KIP-875); None when this Connect does not tell."""

    def make(self, name: str, config: Mapping[str, str]) -> None:
        """Makes a connector, or gives it another configuration."""

    def remove(self, name: str) -> None:
        """Deletes a connector and ends its tasks."""

    def restart_failed(self, name: str) -> None:
        """Restarts what has failed of the connector and its tasks (KIP-745)."""
