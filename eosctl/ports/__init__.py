"""The Protocols that operations need: what a Kafka, a database and a clock must offer. No driver is known here.

Each port is imported when it is first used: a command that talks to no Kafka does not pay for Kafka's values.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from eosctl.core.progress import Progress, Stop
    from eosctl.ports.bench import BenchGateway
    from eosctl.ports.clock import Clock
    from eosctl.ports.cluster import ClusterGateway
    from eosctl.ports.commands import CommandsGateway
    from eosctl.ports.configs import ConfigsGateway
    from eosctl.ports.connect import ConnectGateway
    from eosctl.ports.database import DatabaseGateway
    from eosctl.ports.dead_letters import DeadLettersGateway
    from eosctl.ports.documents import DocumentsGateway
    from eosctl.ports.groups import GroupsGateway
    from eosctl.ports.interview import InterviewGateway
    from eosctl.ports.journal import JournalGateway
    from eosctl.ports.lab import LabGateway
    from eosctl.ports.locks import LocksGateway
    from eosctl.ports.offset_files import OffsetFiles
    from eosctl.ports.outbox import OutboxGateway
    from eosctl.ports.playbooks import PlaybooksGateway
    from eosctl.ports.profiles import ProfilesGateway
    from eosctl.ports.publisher import Publisher
    from eosctl.ports.records import RecordsGateway
    from eosctl.ports.rights import RightsGateway
    from eosctl.ports.transactions import TransactionsGateway
    from eosctl.ports.verify import VerifyGateway

__all__ = [
    "BenchGateway",
    "Clock",
    "ClusterGateway",
    "CommandsGateway",
    "ConfigsGateway",
    "ConnectGateway",
    "DatabaseGateway",
    "DeadLettersGateway",
    "DocumentsGateway",
    "Gateways",
    "GroupsGateway",
    "InterviewGateway",
    "JournalGateway",
    "LabGateway",
    "LocksGateway",
    "OffsetFiles",
    "OutboxGateway",
    "PlaybooksGateway",
    "ProfilesGateway",
    "Publisher",
    "RecordsGateway",
    "RightsGateway",
    "TransactionsGateway",
    "VerifyGateway",
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
    def rights(self) -> RightsGateway:
        """What this user may do."""

    @property
    def dead_letters(self) -> DeadLettersGateway:
        """Dead letters in bulk, and replay sessions."""

    @property
    def database(self) -> DatabaseGateway:
        """PostgreSQL."""

    @property
    def locks(self) -> LocksGateway:
        """Locks that hold across machines."""

    @property
    def offset_files(self) -> OffsetFiles:
        """Files of offsets, snapshots, saved records."""

    @property
    def outbox(self) -> OutboxGateway:
        """The outbox table's relay sessions, keys and spool."""

    @property
    def connect(self) -> ConnectGateway:
        """Kafka Connect's REST interface, as the profile's `connect` section names it."""

    @property
    def publisher(self) -> Publisher:
        """The outbox's idempotent producer."""

    @property
    def documents(self) -> DocumentsGateway:
        """Reports and charts as files."""

    @property
    def lab(self) -> LabGateway:
        """Real servers on this machine."""

    @property
    def verify(self) -> VerifyGateway:
        """Crash tests of programs in processes of their own."""

    @property
    def bench(self) -> BenchGateway:
        """Measurements in topics and a schema of their own."""

    @property
    def commands(self) -> CommandsGateway:
        """eosctl's own command line, for the demo."""

    @property
    def interview(self) -> InterviewGateway:
        """A person at the terminal, when there is one."""

    @property
    def journal(self) -> JournalGateway:
        """The record of changes, and saved plans."""

    @property
    def playbooks(self) -> PlaybooksGateway:
        """Playbooks: found, checked, run."""

    @property
    def profiles(self) -> ProfilesGateway:
        """The configuration file."""

    @property
    def profile(self) -> Mapping[str, Any]:
        """The profile's sections by name (`tables`, `checks`, ...), secrets not among them."""

    def prepare(self) -> None:
        """Imports the drivers, before several threads would do so at once."""

    def target(self, needs: tuple[str, ...]) -> Mapping[str, str]:
        """Which servers these are: `kafka_cluster_id`, `database` (system identifier and database name)."""


_PORTS = {
    "BenchGateway": "eosctl.ports.bench",
    "Clock": "eosctl.ports.clock",
    "ClusterGateway": "eosctl.ports.cluster",
    "CommandsGateway": "eosctl.ports.commands",
    "ConnectGateway": "eosctl.ports.connect",
    "DatabaseGateway": "eosctl.ports.database",
    "DeadLettersGateway": "eosctl.ports.dead_letters",
    "DocumentsGateway": "eosctl.ports.documents",
    "GroupsGateway": "eosctl.ports.groups",
    "InterviewGateway": "eosctl.ports.interview",
    "JournalGateway": "eosctl.ports.journal",
    "LabGateway": "eosctl.ports.lab",
    "LocksGateway": "eosctl.ports.locks",
    "OffsetFiles": "eosctl.ports.offset_files",
    "OutboxGateway": "eosctl.ports.outbox",
    "PlaybooksGateway": "eosctl.ports.playbooks",
    "ProfilesGateway": "eosctl.ports.profiles",
    "Publisher": "eosctl.ports.publisher",
    "RecordsGateway": "eosctl.ports.records",
    "RightsGateway": "eosctl.ports.rights",
    "TransactionsGateway": "eosctl.ports.transactions",
    "VerifyGateway": "eosctl.ports.verify",
}


def __getattr__(name: str) -> Any:
    if name not in _PORTS:
        raise AttributeError(name)
    return getattr(import_module(_PORTS[name]), name)
