"""The ways in which a table's records can come again, read from the live cluster where it can be asked."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from eosctl.core.durations import time_from_ms
from eosctl.core.errors import EosctlError, Notice, UsageError
from eosctl.domain.dedup import DedupMapping
from eosctl.domain.dedup_window import (
    JudgedPath,
    Memory,
    PathKind,
    RedeliveryPath,
    TopicRetention,
    dead_letter_names,
    dead_letter_path,
    fixed_paths,
    judge,
    reset_path,
    retention_of,
    unread,
    unseen_dead_letters,
    unseen_reset,
)
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.outbox import quoted
from eosctl.operations.dedup_table import DedupTable, rows
from eosctl.ports import Gateways

_EPOCH_MS = 1_000


@dataclass(frozen=True)
class TopicsWish:
    """Which topics feed the table: as the flags say, else as the mapping says, else as a group's offsets say."""

    topics: tuple[str, ...] = ()
    dead_letter_topics: tuple[str, ...] = ()
    group: str | None = None


@dataclass(frozen=True)
class SeenPaths:
    """Every path, each judged against what the table remembers; notices of what could not be seen."""

    memory: Memory
    judged: tuple[JudgedPath, ...]
    notices: tuple[Notice, ...]


def memory_of(gateways: Gateways, table: DedupTable, ttl_ms: int | None) -> Memory:
    """What the table remembers now. A purge is seen by the deletions that PostgreSQL has counted.

    A dropped partition leaves no trace, so a partitioned table is taken to have forgotten what precedes its entries.
    """
    times = rows(gateways, "dedup_times", table.mapping)[0]
    size = gateways.database.query("dedup_size", {"name": quoted(table.mapping.table)})[0]
    partitioned = table.catalogue.kind == "partitioned"
    return Memory(times["now"], ttl_ms, times["oldest_at"], bool(size["deleted_rows"]) or partitioned)


def seen_paths(gateways: Gateways, mapping: DedupMapping, wish: TopicsWish, memory: Memory) -> SeenPaths:
    """Asks the cluster. Without Kafka only the fixed paths are known; raises UsageError for an unknown topic."""
    try:
        paths, notices = _topic_paths(gateways, mapping, wish, memory.now)
    except EosctlError as error:
        if isinstance(error, UsageError) and error.code != "no_kafka":
            raise
        paths, notices = [unseen_reset(), unseen_dead_letters()], [_without_kafka(error)]
    every = (*fixed_paths(), *paths)
    judged = tuple(judge(path, memory, _records_twice(gateways, path, memory)) for path in every)
    return SeenPaths(memory, judged, tuple(notices))


def _without_kafka(error: EosctlError) -> Notice:
    return Notice("topics_not_seen", f"The topics were not looked at: {error.notice().message}", error.hint)


def _topic_paths(
    gateways: Gateways, mapping: DedupMapping, wish: TopicsWish, now: datetime
) -> tuple[list[RedeliveryPath], list[Notice]]:
    topics = wish.topics or mapping.topics or _topics_of_group(gateways, wish.group or mapping.group)
    known = {one.name for one in gateways.cluster.topics()}
    dead = wish.dead_letter_topics or mapping.dead_letter_topics
    found_dead = dead or tuple(name for topic in topics for name in dead_letter_names(topic) if name in known)
    gateways.cluster.topics([*topics, *found_dead])  # raises for one that does not exist
    notices: list[Notice] = []
    paths = [_path(gateways, PathKind.RESET, one, now, notices) for one in topics] or [unseen_reset()]
    paths += [_path(gateways, PathKind.DEAD_LETTER, one, now, notices) for one in found_dead] or [unseen_dead_letters()]
    return paths, notices


def _topics_of_group(gateways: Gateways, group: str) -> tuple[str, ...]:
    if not group:
        return ()
    committed = gateways.groups.committed([group]).items
    found = sorted({at.topic for one in committed for at in one.offsets})
    if not found:
        raise UsageError(
            "unknown_group", f"The group {group!r} has committed no offsets.", hint="Give --topic instead."
        )
    return tuple(found)


def _path(gateways: Gateways, kind: PathKind, topic: str, now: datetime, notices: list[Notice]) -> RedeliveryPath:
    try:
        configs = gateways.cluster.topic_configs([topic])[topic]
        retention_ms = retention_of({name: one.value for name, one in configs.items()})
        seen = TopicRetention(topic, retention_ms, _oldest_at(gateways, topic))
    except EosctlError as error:
        notices.append(Notice(error.code, error.notice().message, error.hint))
        return unread(kind, topic, f"not read: {error.message}")
    return reset_path(seen, now) if kind is PathKind.RESET else dead_letter_path(seen, now)


def _oldest_at(gateways: Gateways, topic: str) -> datetime | None:
    """The oldest timestamp among the first records of the partitions; None when there is none to read."""
    partitions = _partitions(gateways, topic)
    logs = gateways.cluster.log_offsets(partitions)
    ranges = {
        at: (int(one.log_start), int(one.log_start) + 1)
        for at, one in logs.items()
        if one.high_watermark > one.log_start
    }
    if not ranges:
        return None
    reading = gateways.records.read(ranges, isolation="read_uncommitted")
    times = [one.timestamp_ms for one in reading if one.timestamp_ms is not None]
    return time_from_ms(min(times)) if times else None


def _records_twice(gateways: Gateways, path: RedeliveryPath, memory: Memory) -> int | None:
    """How many records in the topic are older than what the table remembers, and young enough to come this way."""
    until = memory.forgotten_before
    if until is None:
        return 0
    if not path.topic:
        return None
    first = None if path.needed_ms is None else memory.now - timedelta(milliseconds=path.needed_ms)
    if first is not None and first >= until:
        return 0
    try:
        partitions = _partitions(gateways, path.topic)
        logs = gateways.cluster.log_offsets(partitions)
        ends = gateways.cluster.offsets_for_times(list(logs), _ms(until))
    except EosctlError:
        return None
    total = 0
    for at, log in logs.items():
        end = ends.get(at)
        total += max(0, int(log.high_watermark if end is None else end) - int(log.log_start))
    return total


def _partitions(gateways: Gateways, topic: str) -> list[TopicPartition]:
    return [one.partition for one in gateways.cluster.topics([topic])[0].partitions]


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * _EPOCH_MS)
