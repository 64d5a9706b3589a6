"""What the audit sees of a Kafka cluster: brokers, internal topics, topics, groups. Reads only."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from eosctl.core.errors import EosctlError, Notice, UsageError, did_you_mean
from eosctl.domain.audit.facts import BrokerFacts, ClusterFacts, GroupFacts, Position, TopicFacts
from eosctl.domain.audit.naming import fed_by_outbox, holds_dead_letters
from eosctl.domain.audit.rule import Area
from eosctl.domain.kafka import GroupOffsets, Topic, TopicPartition
from eosctl.domain.transactions import Verdict
from eosctl.operations.scanning import scan
from eosctl.ports import Gateways

T = TypeVar("T")
_INTERNAL = ("__consumer_offsets", "__transaction_state", "__share_group_state")
_TOPIC_KEYS = ("min.insync.replicas", "unclean.leader.election.enable", "retention.ms", "message.timestamp.type",
               "cleanup.policy")  # fmt: skip
_BROKER_KEYS = (
    "transaction.state.log.replication.factor", "transaction.state.log.min.isr", "offsets.topic.replication.factor",
    "transaction.max.timeout.ms", "transactional.id.expiration.ms", "producer.id.expiration.ms",
    "transaction.partition.verification.enable", "unclean.leader.election.enable", "min.insync.replicas",
    "auto.create.topics.enable", "offsets.retention.minutes",
)  # fmt: skip
_EDGE = 0.8


@dataclass(frozen=True)
class KafkaSeen:
    """The facts of a cluster, and why some of it was not seen."""

    brokers: tuple[BrokerFacts, ...]
    cluster: ClusterFacts
    topics: tuple[TopicFacts, ...]
    groups: tuple[GroupFacts, ...]
    unseen: Mapping[Area, str] = field(default_factory=dict)


def watch_kafka(gateways: Gateways, topics: Collection[str], groups: Collection[str]) -> KafkaSeen:
    """Everything, or only these topics and groups. Raises Unreachable, and UsageError for an unknown name."""
    every = gateways.cluster.topics()
    chosen = gateways.cluster.topics(topics) if topics else every
    brokers = _brokers(gateways)
    unseen: dict[Area, str] = {}
    seen_topics = _or_unseen(lambda: _topics(gateways, chosen), Area.TOPICS, unseen)
    seen_groups = _or_unseen(lambda: _groups(gateways, every, topics, groups, seen_topics), Area.GROUPS, unseen)
    return KafkaSeen(brokers, _cluster(gateways, brokers, every), seen_topics, seen_groups, unseen)


def _or_unseen(look: Callable[[], tuple[T, ...]], area: Area, unseen: dict[Area, str]) -> tuple[T, ...]:
    """The facts of an area; a look that fails makes the area not checked. Bad usage is still an error."""
    try:
        return look()
    except UsageError:
        raise
    except EosctlError as error:
        unseen[area] = error.notice().message
        return ()


def _brokers(gateways: Gateways) -> tuple[BrokerFacts, ...]:
    nodes = [one.node_id for one in gateways.cluster.brokers()]
    described = gateways.configs.of_brokers(nodes, _BROKER_KEYS)
    return tuple(
        BrokerFacts(f"broker {node}", hidden=one.message)
        if isinstance(one := described[node], Notice)
        else BrokerFacts(f"broker {node}", one)
        for node in nodes
    )


def _cluster(gateways: Gateways, brokers: Sequence[BrokerFacts], every: Sequence[Topic]) -> ClusterFacts:
    hidden = next((one.hidden for one in brokers if one.hidden), "")
    version, missing, versions = None, None, None
    try:
        version = gateways.transactions.transaction_version()
        missing = tuple(gateways.transactions.unsupported())
        versions = gateways.transactions.api_versions()
    except EosctlError as error:
        hidden = hidden or error.notice().message
    return ClusterFacts(
        "the cluster",
        len(brokers),
        tuple(one for one in every if one.name in _INTERNAL),
        version,
        missing,
        versions,
        None if any(one.hidden for one in brokers) else _differing(brokers),
        hidden,
    )


def _differing(brokers: Sequence[BrokerFacts]) -> dict[str, tuple[str, ...]]:
    values: dict[str, set[str]] = defaultdict(set)
    for one in brokers:
        for key, value in one.configs.items():
            values[key].add(str(value))
    return {key: tuple(sorted(found)) for key, found in values.items() if len(found) > 1}


def _topics(gateways: Gateways, chosen: Sequence[Topic]) -> tuple[TopicFacts, ...]:
    described = gateways.configs.of_topics([one.name for one in chosen], _TOPIC_KEYS)
    found = []
    for one in chosen:
        configs = described.get(one.name, Notice("", f"No broker told the configuration of {one.name!r}."))
        hidden = configs.message if isinstance(configs, Notice) else ""
        found.append(TopicFacts(one, {} if isinstance(configs, Notice) else configs, hidden,
                                holds_dead_letters(one.name), fed_by_outbox(one.name)))  # fmt: skip
    return tuple(found)


def _groups(
    gateways: Gateways,
    every: Sequence[Topic],
    topics: Collection[str],
    groups: Collection[str],
    seen_topics: Sequence[TopicFacts],
) -> tuple[GroupFacts, ...]:
    listed = gateways.groups.groups()
    known = [one.group for one in listed.items]
    for one in groups:
        if one not in known:
            raise UsageError("unknown_group", f"There is no group {one!r}.",
                             hint=did_you_mean(one, known) or "See `eosctl status`.")  # fmt: skip
    wanted = list(groups) or known
    committed = gateways.groups.committed(wanted) if wanted else None
    if committed is None:
        return ()
    members = {one.group: len(one.members) for one in gateways.groups.describe(wanted).items}
    existing = {state.partition for topic in every for state in topic.partitions}
    kept = [_within(one, existing, set(topics)) for one in committed.items]
    kept = [one for one in kept if one.offsets or groups]
    looked = _Looked.at(gateways, kept, seen_topics, every)
    found = [looked.facts(one, members.get(one.group, 0)) for one in kept]
    silent = set(wanted) - {one.group for one in committed.items}
    reason = committed.failures[0].message if committed.failures else "Its coordinator did not answer."
    return (*found, *(GroupFacts(name, 0, hidden=reason, scan_hidden=reason) for name in sorted(silent)))


def _within(one: GroupOffsets, existing: Collection[TopicPartition], topics: Collection[str]) -> GroupOffsets:
    """The positions on partitions that are there, of the topics that are asked for."""
    mine = {at: to for at, to in one.offsets.items() if at in existing and (not topics or at.topic in topics)}
    return GroupOffsets(one.group, mine)


@dataclass(frozen=True)
class _Looked:
    """What all groups' partitions have in common: log offsets, edges of retention, transactions."""

    ends: Mapping[TopicPartition, tuple[int, int]]
    edges: Mapping[TopicPartition, int | None]
    retention_ms: Mapping[str, int]
    transactional: Collection[str] | None
    old: Mapping[TopicPartition, str] | None
    scan_hidden: str

    @classmethod
    def at(
        cls,
        gateways: Gateways,
        groups: Sequence[GroupOffsets],
        topics: Sequence[TopicFacts],
        every: Sequence[Topic],
    ) -> "_Looked":
        partitions = sorted({at for one in groups for at in one.offsets})
        ends = {at: (int(one.log_start), int(one.high_watermark))
                for at, one in gateways.cluster.log_offsets(partitions).items()}  # fmt: skip
        known = {one.name: one for one in topics}
        missing = {at.topic for at in partitions} - set(known)
        if missing:
            more = _topics(gateways, [one for one in every if one.name in missing])
            known |= {one.name: one for one in more}
        retention = {name: kept for name, one in known.items() if (kept := _retention_ms(one)) is not None}
        edges = _edges(gateways, partitions, retention)
        transactional, old, hidden = _transactions(gateways, partitions)
        return cls(ends, edges, retention, transactional, old, hidden)

    def facts(self, one: GroupOffsets, members: int) -> GroupFacts:
        positions = tuple(
            Position(at, int(to.offset), *self.ends[at], self.edges.get(at))
            for at, to in sorted(one.offsets.items())
            if at in self.ends
        )
        names = sorted({at.topic for at in one.offsets})
        kept = [self.retention_ms[name] for name in names if name in self.retention_ms]
        longest = None if not kept else (-1 if min(kept) < 0 else max(kept))
        return GroupFacts(
            one.group,
            members,
            positions,
            None if self.transactional is None else tuple(name for name in names if name in self.transactional),
            None if self.old is None else tuple(self.old[at] for at in sorted(one.offsets) if at in self.old),
            longest,
            scan_hidden=self.scan_hidden,
        )


def _retention_ms(topic: TopicFacts) -> int | None:
    """How long it keeps records, -1 without end; None when it was not seen, or the topic is compacted only."""
    if "delete" not in (topic.configs.get("cleanup.policy") or ""):
        return None
    value = topic.configs.get("retention.ms")
    return int(value) if value is not None else None


def _edges(
    gateways: Gateways, partitions: Sequence[TopicPartition], retention: Mapping[str, int]
) -> dict[TopicPartition, int | None]:
    """For each partition the first offset that is younger than four fifths of its retention."""
    by_retention: dict[int, list[TopicPartition]] = defaultdict(list)
    for one in partitions:
        if retention.get(one.topic, -1) > 0:
            by_retention[retention[one.topic]].append(one)
    now = gateways.clock.now_ms()
    found: dict[TopicPartition, int | None] = {}
    for kept, mine in by_retention.items():
        edge = max(0, now - int(kept * _EDGE))
        asked = gateways.cluster.offsets_for_times(mine, edge)
        found |= {one: (2**63 - 1 if offset is None else offset) for one, offset in asked.items()}
    return found


def _transactions(
    gateways: Gateways, partitions: Sequence[TopicPartition]
) -> tuple[Collection[str] | None, Mapping[TopicPartition, str] | None, str]:
    """The topics with transactional producers, the old transactions in words, or why neither was seen."""
    if not partitions:
        return (), {}, ""
    try:
        producers = gateways.transactions.describe_producers(partitions)
        scanned = scan(gateways, partitions)
    except EosctlError as error:
        return None, None, error.notice().message
    if producers.failures or scanned.failures:
        return None, None, (*producers.failures, *scanned.failures)[0].message
    topics = {one.partition.topic for one in producers.items
              if one.coordinator_epoch >= 0 or one.transaction_start_offset is not None}  # fmt: skip
    old = {
        one.producer.partition: f"{one.producer.partition}: producer {one.producer.producer_id}, {one.verdict.value}"
        for one in scanned.transactions
        if one.verdict in (Verdict.LATE, Verdict.HANGING)
    }
    return topics, old, ""
