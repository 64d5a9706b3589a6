"""All real gateways of a command; each connects when it is first asked for, and imports its driver only then."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from eosctl.adapters.clock import SystemClock

if TYPE_CHECKING:
    from eosctl.adapters.connection import KafkaConnection
    from eosctl.adapters.kafka_python import KafkaPythonAdmin
    from eosctl.adapters.librdkafka import ConfluentAdmin
    from eosctl.core.progress import Progress, Stop
    from eosctl.ports import (
        Clock,
        ClusterGateway,
        ConfigsGateway,
        ConnectGateway,
        DatabaseGateway,
        DeadLettersGateway,
        GroupsGateway,
        LocksGateway,
        OffsetFiles,
        OutboxGateway,
        Publisher,
        RecordsGateway,
        RightsGateway,
        TransactionsGateway,
    )


_DRIVERS = ("confluent_kafka.admin", "kafka.admin", "kafka.protocol.admin", "kafka.protocol.consumer",
            "kafka.protocol.metadata", "kafka.protocol.producer", "psycopg")  # fmt: skip


class LiveGateways:
    """Kafka, PostgreSQL and the clock. The command line adds lab, journal and profiles."""

    def __init__(
        self,
        *,
        kafka: Mapping[str, Any],
        dsn: str,
        profile: Mapping[str, Any],
        timeout_ms: int,
        progress: Progress,
        stop: Stop,
    ) -> None:
        self._kafka = kafka
        self._dsn = dsn
        self.profile = profile
        self.timeout_ms = timeout_ms
        self.progress = progress
        self.stop = stop
        self.clock: Clock = SystemClock()

    @cached_property
    def connection(self) -> KafkaConnection:
        """How Kafka is reached; raises UsageError for settings that can't be served."""
        from eosctl.adapters.connection import KafkaConnection

        return KafkaConnection.of(self._kafka)

    @cached_property
    def kafka_python(self) -> KafkaPythonAdmin:
        """The one kafka-python connection."""
        from eosctl.adapters.kafka_python import KafkaPythonAdmin

        return KafkaPythonAdmin(self.connection, timeout_ms=self.timeout_ms)

    @cached_property
    def confluent(self) -> ConfluentAdmin:
        """The one confluent-kafka admin client."""
        from eosctl.adapters.librdkafka import ConfluentAdmin

        return ConfluentAdmin(self.connection, timeout_ms=self.timeout_ms)

    @cached_property
    def cluster(self) -> ClusterGateway:
        """Brokers, topics, log offsets, configurations."""
        from eosctl.adapters.kafka_cluster import KafkaCluster

        return KafkaCluster(self.kafka_python, self.confluent)

    @cached_property
    def configs(self) -> ConfigsGateway:
        """Configurations by key."""
        from eosctl.adapters.kafka_configs import KafkaConfigs

        return KafkaConfigs(self.kafka_python)

    @cached_property
    def transactions(self) -> TransactionsGateway:
        """Coordinators and active producers."""
        from eosctl.adapters.kafka_transactions import KafkaTransactions

        return KafkaTransactions(self.kafka_python)

    @cached_property
    def groups(self) -> GroupsGateway:
        """Consumer groups."""
        from eosctl.adapters.kafka_groups import KafkaGroups

        return KafkaGroups(self.kafka_python)

    @cached_property
    def locks(self) -> LocksGateway:
        """Locks by Kafka's group protocol."""
        from eosctl.adapters.kafka_lock import KafkaLocks

        return KafkaLocks(self.kafka_python)

    @cached_property
    def records(self) -> RecordsGateway:
        """Records of partitions."""
        from eosctl.adapters.kafka_records import KafkaRecords

        return KafkaRecords(self.connection, timeout_ms=self.timeout_ms)

    @cached_property
    def rights(self) -> RightsGateway:
        """What this user may do."""
        from eosctl.adapters.kafka_rights import KafkaRights

        return KafkaRights(self.kafka_python, self.confluent)

    @cached_property
    def dead_letters(self) -> DeadLettersGateway:
        """Dead letters in bulk, and replay sessions."""
        from eosctl.adapters.kafka_dead_letters import KafkaDeadLetters

        return KafkaDeadLetters(self.connection, timeout_ms=self.timeout_ms)

    @cached_property
    def database(self) -> DatabaseGateway:
        """PostgreSQL."""
        from eosctl.adapters.database import PostgresDatabase

        return PostgresDatabase(self._dsn, timeout_ms=self.timeout_ms)

    @cached_property
    def offset_files(self) -> OffsetFiles:
        """Files of offsets, snapshots, saved records."""
        from eosctl.adapters.offset_files import LocalOffsetFiles

        return LocalOffsetFiles()

    @cached_property
    def outbox(self) -> OutboxGateway:
        """The outbox table's relay sessions, keys and spool."""
        from eosctl.adapters.outbox_store import PostgresOutbox

        return PostgresOutbox(self._dsn, timeout_ms=self.timeout_ms)

    @cached_property
    def connect(self) -> ConnectGateway:
        """Kafka Connect's REST interface."""
        from eosctl.adapters.connect_rest import ConnectRest

        return ConnectRest(self.profile.get("connect") or {}, timeout_ms=self.timeout_ms)

    @cached_property
    def publisher(self) -> Publisher:
        """The outbox's idempotent producer."""
        from eosctl.adapters.kafka_publisher import KafkaPublisher

        return KafkaPublisher(self.connection, timeout_ms=self.timeout_ms)

    def prepare(self) -> None:
        """Imports what would be imported at the first use: threads that import kafka-python at once deadlock."""
        for name in _DRIVERS:
            import_module(name)

    def target(self, needs: tuple[str, ...]) -> Mapping[str, str]:
        """Which servers these are."""
        found = {}
        if "kafka" in needs:
            found["kafka_cluster_id"] = self.cluster.cluster_id()
        if "database" in needs:
            found["database"] = self.database.identity()
        return found

    def close(self) -> None:
        """Closes what was opened."""
        if "kafka_python" in self.__dict__:
            self.kafka_python.close()
        close = getattr(self.__dict__.get("database"), "close", None)
        if close is not None:
            close()
