"""The Protocols that operations need: what a Kafka, a database and a clock must offer. No driver is known here."""

from collections.abc import Mapping
from typing import Any, Protocol

from eosctl.core.progress import Progress, Stop
from eosctl.ports.clock import Clock
from eosctl.ports.cluster import ClusterGateway
from eosctl.ports.configs import ConfigsGateway
from eosctl.ports.database import DatabaseGateway
from eosctl.ports.groups import GroupsGateway
from eosctl.ports.interview import InterviewGateway
from eosctl.ports.journal import JournalGateway
from eosctl.ports.lab import LabGateway
from eosctl.ports.outbox import OutboxGateway
from eosctl.ports.profiles import ProfilesGateway
from eosctl.ports.publisher import Publisher
from eosctl.ports.records import RecordsGateway
from eosctl.ports.transactions import TransactionsGateway

__all__ = [
    "Clock",
    "ClusterGateway",
    "ConfigsGateway",
    "DatabaseGateway",
    "Gateways",
    "GroupsGateway",
    "InterviewGateway",
    "JournalGateway",
    "LabGateway",
    "OutboxGateway",
    "ProfilesGateway",
    "Publisher",
    "RecordsGateway",
    "TransactionsGateway",
]


class Gateways(Protocol):
    """All that an operation may reach. Each property connects when it is first asked for, not before."""

    clock: Clock
    progress: Progress
    stop: Stop
    timeout_ms: int

    @property
    def cluster(self) -> ClusterGateway:
        """Brokers, topics, log offsets, configurations."""

    @property
    def configs(self) -> ConfigsGateway:
        """Configurations of many brokers and topics by key."""

    @property
    def transactions(self) -> TransactionsGateway:
        """Coordinators and active producers (KIP-664), markers, fencing."""

    @property
    def groups(self) -> GroupsGateway:
        """Consumer groups and their committed offsets."""

    @property
    def records(self) -> RecordsGateway:
        """Records of partitions, read and produced."""

    @property
    def database(self) -> DatabaseGateway:
        """PostgreSQL."""

    @property
    def outbox(self) -> OutboxGateway:
        """The outbox table's relay sessions, keys and spool."""

    @property
    def publisher(self) -> Publisher:
        """The outbox's idempotent producer."""

    @property
    def lab(self) -> LabGateway:
        """Real servers on this machine."""

    @property
    def interview(self) -> InterviewGateway:
        """A person at the terminal, when there is one."""

    @property
    def journal(self) -> JournalGateway:
        """The record of changes, and saved plans."""

    @property
    def profiles(self) -> ProfilesGateway:
        """The configuration file."""

    @property
    def profile(self) -> Mapping[str, Any]:
        """The profile's sections by name (`tables`, `thresholds`, ...), secrets not among them."""

    def target(self, needs: tuple[str, ...]) -> Mapping[str, str]:
        """Which servers these are: `kafka_cluster_id`, `database` (system identifier and database name)."""
