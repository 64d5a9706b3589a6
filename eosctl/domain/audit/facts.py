"""What the audit sees: brokers, topics, groups, tables and PostgreSQL as frozen values; client files are in `clients`.

Whatever could not be seen is None beside a `hidden` that says why, so that no rule takes it for passed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from eosctl.domain.audit.apis import ApiVersions
from eosctl.domain.audit.clients import Client
from eosctl.domain.audit.rule import Area, NotSeen
from eosctl.domain.kafka import Topic, TopicPartition
from eosctl.domain.tables import TableCatalogue

Settings = Mapping[str, str | None]
"""Names and values; a value is None when the server keeps it secret."""


@dataclass(frozen=True)
class BrokerFacts:
    """One broker's configuration; `hidden` says why it is not seen."""

    name: str
    configs: Settings = field(default_factory=dict)
    hidden: str = ""

    def config(self, key: str) -> str:
        """A setting's value. Raises NotSeen when it is hidden, or the broker has none of that name."""
        return _value(self.configs, key, self.hidden, self.name)


@dataclass(frozen=True)
class ClusterFacts:
    """All brokers together. `transaction_version` is None when it was not seen; `hidden` says why."""

    name: str
    brokers: int
    internal: tuple[Topic, ...] = ()
    transaction_version: int | None = None
    missing_apis: tuple[str, ...] | None = None
    api_versions: ApiVersions | None = None
    differing: Mapping[str, tuple[str, ...]] | None = None
    hidden: str = ""


@dataclass(frozen=True)
class TopicFacts:
    """A topic with its configuration. `dead_letters` and `outbox` say what feeds it, by its name."""

    topic: Topic
    configs: Settings = field(default_factory=dict)
    hidden: str = ""
    dead_letters: bool = False
    outbox: bool = False

    @property
    def name(self) -> str:
        """The topic's name."""
        return self.topic.name

    @property
    def replicas(self) -> int:
        """The fewest replicas of any partition."""
        return min((len(one.replicas) for one in self.topic.partitions), default=0)

    def config(self, key: str) -> str:
        """A setting's value. Raises NotSeen when it is hidden."""
        return _value(self.configs, key, self.hidden, self.name)

    def number(self, key: str) -> int:
        """A numeric setting."""
        return int(self.config(key))


@dataclass(frozen=True)
class Position:
    """A group's position on a partition. `edge_offset` is the first offset that lives at least a fifth of retention
    longer; None when nothing is that young, or retention has no end."""

    partition: TopicPartition
    committed: int
    log_start: int
    end: int
    edge_offset: int | None = None

    @property
    def near_edge(self) -> bool:
        """Whether its next record is there, and in the last fifth of its life."""
        return self.edge_offset is not None and self.log_start <= self.committed < min(self.edge_offset, self.end)


@dataclass(frozen=True)
class GroupFacts:
    """A group, its positions, and what it can't see of its topics' transactions."""

    name: str
    members: int
    positions: tuple[Position, ...] = ()
    transactional_topics: tuple[str, ...] | None = None
    old_transactions: tuple[str, ...] | None = None
    longest_retention_ms: int | None = None
    hidden: str = ""
    scan_hidden: str = ""


@dataclass(frozen=True)
class TableFacts:
    """A table and what it is for: `dedup`, `offsets`, `outbox`, "" for none of these. `file` is set for DDL files,
    `id_column` where a profile maps it."""

    catalogue: TableCatalogue
    role: str
    unlogged: bool = False
    racing_functions: tuple[str, ...] | None = ()
    id_column: str = ""
    file: str = ""
    line: int = 0

    @property
    def name(self) -> str:
        """The table's name with its schema."""
        return str(self.catalogue.table)


@dataclass(frozen=True)
class Slot:
    """A replication slot. `wal_status` is None when the slot has reserved nothing."""

    slot: str
    active: bool
    wal_status: str | None
    kept_bytes: int | None


@dataclass(frozen=True)
class PostgresFacts:
    """A database server. Lists are None when this user may not see them."""

    name: str
    settings: Settings
    slots: tuple[Slot, ...] | None = ()
    long_transactions: tuple[tuple[int, int], ...] | None = ()
    prepared: tuple[tuple[str, int], ...] | None = ()
    replicas: tuple[tuple[str, int | None], ...] | None = ()
    published_tables: int = 0
    in_recovery: bool = False
    hidden: str = "This user may not see it: GRANT pg_monitor."

    def setting(self, key: str) -> str:
        """A setting's value as SHOW gives it. Raises NotSeen."""
        return _value(self.settings, key, "", self.name)


@dataclass(frozen=True)
class Facts:
    """All that was seen. `unseen` maps an area that was asked for to why nothing of it was seen."""

    brokers: tuple[BrokerFacts, ...] = ()
    clusters: tuple[ClusterFacts, ...] = ()
    topics: tuple[TopicFacts, ...] = ()
    clients: tuple[Client, ...] = ()
    groups: tuple[GroupFacts, ...] = ()
    tables: tuple[TableFacts, ...] = ()
    databases: tuple[PostgresFacts, ...] = ()
    dedup_window_ms: int | None = None
    unseen: Mapping[Area, str] = field(default_factory=dict)

    def broker_number(self, key: str, default: int) -> tuple[int, str]:
        """The least value of a broker setting, and where it is from; Kafka's default when no broker was asked.

        Raises NotSeen when brokers were asked and hide it.
        """
        reason = self.unseen.get(Area.BROKERS, "")
        if reason:
            raise NotSeen(reason)
        if not self.brokers:
            return default, "Kafka's default"
        return min(int(one.config(key)) for one in self.brokers), "the brokers'"


def _value(values: Settings, key: str, hidden: str, name: str) -> str:
    if hidden:
        raise NotSeen(hidden)
    value = values.get(key)
    if value is None:
        raise NotSeen(f"{name} does not tell {key}.")
    return value
