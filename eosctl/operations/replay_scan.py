"""Looks before a replay: frozen ends, targets, the job's unfinished run, and what would become of each record."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from eosctl.core.counts import counted
from eosctl.core.errors import EosctlError, Notice, OperationFailed, UsageError, did_you_mean
from eosctl.domain.dlq import tally
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.dlq.dialects import Dialect
from eosctl.domain.dlq.murmur2 import former_partition_count
from eosctl.domain.dlq.records import Batch
from eosctl.domain.dlq.replaying import Replayer, ReplayRules, Target
from eosctl.domain.dlq.selection import narrowed
from eosctl.domain.dlq.tally import PartitionState, Tally, state_of
from eosctl.domain.kafka import TopicPartition
from eosctl.operations.dead_letters import dialects_of, stable_ranges
from eosctl.operations.guarding import NewerGuard
from eosctl.operations.outcome_list import OutcomeList
from eosctl.operations.processed_by import ProcessedBy, processed_by
from eosctl.operations.rehydrating import Rehydrator
from eosctl.operations.replay_order import OriginOrder
from eosctl.operations.replay_rights import check_rights
from eosctl.ports import Gateways

_PLACES = 2_000
_ENTRIES = 16
_SAMPLE = 5_000
"""Records of each partition that a replay without a scan looks at beforehand."""


@dataclass(frozen=True)
class ReplaySeen:
    """What a replay would meet. `unfinished` holds position and state of the job's run that is not at its end."""

    rules: ReplayRules
    ranges: Mapping[int, tuple[int, int]]
    known: frozenset[str]
    largest_bytes: int = 1_048_588
    unfinished: Mapping[int, tuple[int, PartitionState]] = field(default_factory=dict)
    scanned: bool = False
    outcomes: Mapping[str, int] = field(default_factory=dict)
    topics: Mapping[str, int] = field(default_factory=dict)
    readers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    dialects: tuple[Dialect, ...] = ()
    oldest_ms: int = 0
    listing: str = ""
    ledger_keeps_ms: int | None = None
    finds_origins: bool = False


def look(gateways: Gateways, params: Any, rules: ReplayRules) -> ReplaySeen:
    """Everything that a plan needs; reads the selection once for its origins and, with `scan`, for its outcomes."""
    known = frozenset(one.name for one in gateways.cluster.topics())
    frozen = stable_ranges(gateways, rules.source)
    ranges = narrowed(rules.selection, frozen)
    if rules.to and rules.to not in known:
        raise UsageError("unknown_topic", f"There is no topic {rules.to!r}.",
                         why="A replay makes no target.", hint=did_you_mean(rules.to, known))  # fmt: skip
    dialects = dialects_of(gateways)
    reader = Reader(dialects)
    sampled = not (params.scan or params.canary or params.guard_newer or rules.to)
    looked = {one: (start, min(end, start + _SAMPLE)) for one, (start, end) in ranges.items()} if sampled else ranges
    places = _origins(gateways, rules, looked, reader) if not rules.to else {}
    names = {rules.to} if rules.to else set(places)
    missing = sorted(name for name in names if name not in known or name == rules.source)
    targets = targets_of(gateways, sorted(names - set(missing)), places)
    full = replace(rules, targets=targets)
    notices = [Notice("origin_missing", f"The origin {name} is no topic that can be replayed to: its records are held.",
                      "Make it, or give --to TOPIC.") for name in missing]  # fmt: skip
    largest = _largest(gateways, rules.source)
    made = made_topics(rules, partitions=len(ranges), largest_bytes=largest)
    check_rights(gateways, full, {one: how for one, how in made.items() if one not in known}, shared=params.shared)
    readers, unseen = _readers(gateways, targets)
    processed = processed_by(gateways, full, reader)
    seen = ReplaySeen(
        rules=full,
        ranges=ranges,
        known=known,
        largest_bytes=largest,
        unfinished=_unfinished(gateways, rules),
        readers=readers,
        notices=(*notices, *unseen),
        dialects=dialects,
        listing=str(params.list_file or ""),
        finds_origins=looked != ranges,
        ledger_keeps_ms=_ledger_keeps(gateways, rules.ledger) if rules.ledger in known else None,
    )
    if params.watch_group and not any(params.watch_group in groups for groups in readers.values()):
        raise UsageError("group_not_reading", f"The group {params.watch_group!r} has no offsets on a target.",
                         why="It would never pass the first records.",
                         hint=did_you_mean(params.watch_group, {one for groups in readers.values() for one in groups})
                         or "Start the consumer first.")  # fmt: skip
    seen = _scanned(gateways, seen, reader, processed) if params.scan else seen
    return replace(seen, notices=(*seen.notices, *processed.notices(scanned=seen.scanned)))


def made_topics(rules: ReplayRules, *, partitions: int, largest_bytes: int) -> dict[str, tuple[int, dict[str, str]]]:
    """Ledger and topic of parked records, as they are made where they are missing: partitions and configuration."""
    keeps = str(rules.window_ms or 604_800_000)
    parked = {"retention.ms": "-1", "max.message.bytes": str(largest_bytes)}
    return {
        rules.ledger: (1, {"retention.ms": keeps, "cleanup.policy": "delete"}),
        rules.parked: (max(1, partitions), parked),
    }


def _origins(
    gateways: Gateways, rules: ReplayRules, ranges: Mapping[int, tuple[int, int]], reader: Reader
) -> dict[str, dict[bytes, int]]:
    """Every origin topic, and where its keys lay, as far as they tell how many partitions it had."""
    found: dict[str, dict[bytes, int]] = {}
    gateways.progress.begin("Looking for origins", sum(end - start for start, end in ranges.values()))
    for batch in gateways.dead_letters.batches(rules.source, ranges):
        for record in batch.records:
            topic, partition = reader.place_of(record.headers() or ())
            if topic:
                places = found.setdefault(topic, {})
                if partition is not None and len(places) < _PLACES and (key := record.key()) is not None:
                    places[key] = partition
        gateways.progress.advance(len(batch.records))
    gateways.progress.end()
    return found


def targets_of(gateways: Gateways, names: list[str], places: Mapping[str, Mapping[bytes, int]]) -> dict[str, Target]:
    """What a replay must know of each topic. Raises UsageError (`unknown_topic`)."""
    configs = gateways.cluster.topic_configs(names) if names else {}
    found = {}
    for topic in gateways.cluster.topics(names) if names else ():
        config = {name: one.value for name, one in configs.get(topic.name, {}).items() if one.value is not None}
        count = len(topic.partitions)
        deletes = "delete" in config.get("cleanup.policy", "delete")
        found[topic.name] = Target(
            partitions=count,
            largest_bytes=int(config.get("max.message.bytes", 1_048_588)),
            compacted="compact" in config.get("cleanup.policy", ""),
            keeps_ms=int(config.get("retention.ms", -1)) if deletes else -1,
            behind_ms=int(config.get("message.timestamp.before.max.ms", 2**63 - 1)),
            ahead_ms=int(config.get("message.timestamp.after.max.ms", 3_600_000)),
            by_key=former_partition_count(places.get(topic.name, {}).items(), count) is not None,
        )
    return found


def _largest(gateways: Gateways, topic: str) -> int:
    value = gateways.cluster.topic_configs([topic])[topic].get("max.message.bytes")
    return max(10_485_760, int(value.value) if value is not None and value.value else 0)


def _ledger_keeps(gateways: Gateways, ledger: str) -> int | None:
    """Its retention, None when nobody tells. Raises UsageError (`ledger_compacted`): compaction forgets identities."""
    try:
        configs = gateways.cluster.topic_configs([ledger])[ledger]
    except OperationFailed:
        return None  # DescribeConfigs is no right that a replay needs
    values = {name: one.value for name, one in configs.items() if one.value is not None}
    if "compact" in values.get("cleanup.policy", ""):
        raise UsageError("ledger_compacted", f"The ledger {ledger} is compacted.",
                         why="Its records of one run have one key: compaction keeps the last alone.",
                         hint="Set its cleanup.policy to delete, or give another --ledger.")  # fmt: skip
    return int(values.get("retention.ms", -1))


def _unfinished(gateways: Gateways, rules: ReplayRules) -> dict[int, tuple[int, PartitionState]]:
    found = {}
    for offsets in gateways.groups.committed([rules.job]).items:
        for where, committed in offsets.offsets.items():
            state = state_of(committed.metadata)
            if where.topic == rules.source and state is not None:
                found[where.partition] = (int(committed.offset), state)
    return found if any(at < state.end for at, state in found.values()) else {}


def _readers(
    gateways: Gateways, targets: Mapping[str, Target]
) -> tuple[dict[str, tuple[str, ...]], tuple[Notice, ...]]:
    """The groups with offsets on each target."""
    try:
        names = [one.group for one in gateways.groups.groups().items]
        committed = gateways.groups.committed(names)
    except EosctlError as error:
        return {}, (Notice("groups_not_seen", f"Who reads the target is not known: {error.message}", error.hint),)
    found: dict[str, set[str]] = {}
    for one in committed.items:
        for topic in {where.topic for where in one.offsets} & set(targets):
            found.setdefault(topic, set()).add(one.group)
    return {topic: tuple(sorted(groups)) for topic, groups in found.items()}, ()


def _scanned(gateways: Gateways, seen: ReplaySeen, reader: Reader, processed: ProcessedBy) -> ReplaySeen:
    """The outcome of each record, as a run that begins now would have it."""
    rules = seen.rules
    replayer = Replayer(rules, reader, gateways.clock.now_ms())
    rehydrator = Rehydrator(gateways, replayer)
    if rules.window_ms and rules.ledger in seen.known:
        load_window(gateways, rules, replayer)
    counts, topics, left = Tally(), dict[str, int](), rules.limit or None
    late, now_ms = 0, gateways.clock.now_ms()
    oldest = now_ms
    listed = OutcomeList(seen.listing, reader)
    guard = NewerGuard(gateways, replayer)
    guard.fill(seen.ranges)
    gateways.progress.begin("Scanning", sum(end - start for start, end in seen.ranges.values()))
    for batch in _in_order(gateways, seen, replayer):
        records = rehydrator.filled(batch.records)
        guard.look(records)
        replayer.processed = processed.among(records)
        for record in records:
            outcome, outgoing = replayer.decide(record)
            counts.count(outcome)
            listed.note(record, outcome)
            processed.note(record, outcome)
            if outcome != tally.FILTERED:
                oldest = min(oldest, record.timestamp()[1] or oldest)
            if outgoing is not None:
                topics[outgoing.topic] = topics.get(outgoing.topic, 0) + 1
                late += rules.origin_timestamp and outgoing.timestamp_ms == 0 and outcome == tally.REPLAYED
                if left is not None:
                    left -= 1
            if left == 0:
                break
        gateways.progress.advance(len(batch.records))
        if left == 0:
            break
        listed.commit()
        guard.committed()
    guard.close()
    listed.commit()
    listed.close()
    gateways.progress.end()
    notices = list(seen.notices)
    if rules.window_ms and oldest < now_ms - rules.window_ms:
        notices.append(Notice("window_too_short", "The oldest of these records is older than the dedup window: "
                              "what was replayed before that is not known any more.",
                              "Give a longer --dedup-window while the ledger still holds it."))  # fmt: skip
    if late:
        many = counted(late, "record is", "records are")
        notices.append(Notice("too_old_for_target", f"{many} older than the target keeps, or further ahead than it "
                              "takes: the present time is set.", "Event time moves there."))  # fmt: skip
    return replace(seen, scanned=True, outcomes=counts.counts, topics=topics, notices=tuple(notices),
                   oldest_ms=oldest if oldest < now_ms else 0)  # fmt: skip


def _in_order(gateways: Gateways, seen: ReplaySeen, replayer: Replayer) -> Iterator[Batch]:
    """The selection as the replay will read it."""
    if not seen.rules.origin_order:
        yield from gateways.dead_letters.batches(seen.rules.source, seen.ranges)
        return
    with OriginOrder(gateways, seen.rules.source, replayer) as order:
        order.fill(seen.ranges)
        yield from order.batches(after="", size=seen.rules.batch_size)


def load_window(gateways: Gateways, rules: ReplayRules, replayer: Replayer) -> None:
    """Every identity of the ledger within the window, whatever run replayed it."""
    oldest = gateways.clock.now_ms() - rules.window_ms
    for key, value, written_ms in ledger_entries(gateways, rules.ledger):
        if written_ms >= oldest and b"/" not in key:
            replayer.before.add_packed(value)


def ledger_entries(gateways: Gateways, ledger: str) -> Iterator[tuple[bytes, bytes, int]]:
    """Key, value and time of each committed record of the ledger; few at once, for each may have 640 KB."""
    where = TopicPartition(ledger, 0)
    log = gateways.cluster.log_offsets([where])[where]
    for batch in gateways.dead_letters.batches(ledger, {0: (log.log_start, log.last_stable)}, size=_ENTRIES):
        for record in batch.records:
            yield record.key() or b"", record.value() or b"", record.timestamp()[1]


def replayable_targets(names: frozenset[str]) -> dict[str, Target]:
    """Targets of which only the name matters: to find identities, not to produce."""
    return dict.fromkeys(names, Target(partitions=1, largest_bytes=2**31))
