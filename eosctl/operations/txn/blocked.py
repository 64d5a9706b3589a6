"""`txn blocked`: why a read_committed reader stands still, who else waits, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from eosctl.core.errors import Notice, UsageError, did_you_mean
from eosctl.core.operation import Example, Query
from eosctl.core.params import DurationMs, Params, param
from eosctl.core.report import Gathered, Report, Section, column
from eosctl.domain.blocked import BlockedGroup, BlockedPartition, blocked_partitions, remedy, waiting_commits
from eosctl.domain.groups import OFFSETS_TOPIC, offsets_partition
from eosctl.domain.kafka import GroupListing, GroupOffsets, LogOffsets, TopicPartition
from eosctl.domain.transactions import JudgedTransaction, Verdict
from eosctl.operations.scanning import partitions_of, scan
from eosctl.operations.txn.hanging import exit_code
from eosctl.ports import Gateways

_BAD = (Verdict.LATE, Verdict.HANGING)
_Groups = Gathered[GroupListing]
_Positions = Gathered[GroupOffsets]


class TxnBlockedParams(Params):
    """Which partitions."""

    group: str | None = param(None, help="Only partitions that this group reads", complete="group")
    topic: tuple[str, ...] = param((), help="Only this topic; repeatable", complete="topic")
    min_age: DurationMs = param(0, help="Only what has been blocked at least this long")


@dataclass(frozen=True)
class BlockedRow:
    """A blocked partition. `blocked_records` are offsets between last stable offset and high watermark."""

    topic: str
    partition: int
    last_stable_offset: int = field(metadata=column("last stable"))
    high_watermark: int
    blocked_records: int = field(metadata=column("blocked"))
    blocked_for_ms: int
    producer_id: int
    transactional_id: str | None
    verdict: Verdict
    groups: tuple[BlockedGroup, ...] = field(metadata=column(hidden=True))
    also_open: int = field(metadata=column(wide=True))
    remedy: str


@dataclass(frozen=True)
class _GroupRow:
    group: str
    topic: str
    partition: int
    committed_offset: int
    lag_to_last_stable: int
    lag_to_high_watermark: int
    hidden_lag: int


@dataclass(frozen=True)
class BlockedSeen:
    """Log offsets, judged transactions, the groups' positions; `idle` are blocked where no transaction is open."""

    offsets: Mapping[TopicPartition, LogOffsets]
    judged: tuple[JudgedTransaction, ...]
    groups: tuple[GroupOffsets, ...]
    group_names: tuple[str, ...]
    offsets_partitions: int
    idle: tuple[TopicPartition, ...]
    failures: tuple[Notice, ...]
    now_ms: int


def observe(gateways: Gateways, params: TxnBlockedParams) -> BlockedSeen:
    """Reads both ends of every partition, then judges the transactions of those whose ends differ."""
    partitions = partitions_of(gateways, params.topic)
    count = sum(one.topic == OFFSETS_TOPIC for one in partitions)
    listed, positions = _Groups(()), _Positions(())
    if params.group is not None:
        listed = gateways.groups.groups()
        _refuse_unknown(params.group, listed)
        positions = gateways.groups.committed([params.group])
        partitions = _read_by(params.group, positions, partitions, count)
    log = gateways.cluster.log_offsets(partitions)
    behind = {one: ends for one, ends in log.items() if ends.last_stable < ends.high_watermark}
    scanned = scan(gateways, behind.keys())
    if params.group is None and scanned.transactions:
        listed = gateways.groups.groups()
        positions = gateways.groups.committed([one.group for one in listed.items])
    names = (params.group,) if params.group is not None else tuple(one.group for one in listed.items)
    failures = tuple(dict.fromkeys((*listed.failures, *positions.failures, *scanned.failures)))
    idle = () if scanned.failures else _still_idle(gateways, behind, scanned.transactions)
    return BlockedSeen(behind, scanned.transactions, positions.items, names, count, idle, failures, scanned.now_ms)


def _refuse_unknown(group: str, listed: Gathered[GroupListing]) -> None:
    names = [one.group for one in listed.items]
    if group not in names and not listed.failures:
        raise UsageError("unknown_group", f"There is no group {group!r}.",
                         hint=did_you_mean(group, names) or "Groups that never committed are not known.")  # fmt: skip


def _read_by(
    group: str, positions: Gathered[GroupOffsets], partitions: tuple[TopicPartition, ...], count: int
) -> tuple[TopicPartition, ...]:
    """The partitions that a group reads, and the one of `__consumer_offsets` that keeps its offsets."""
    read = {partition for one in positions.items for partition in one.offsets}
    kept = {TopicPartition(OFFSETS_TOPIC, offsets_partition(group, count))} if count else set()
    return tuple(one for one in partitions if one in read | kept)


def _still_idle(
    gateways: Gateways, behind: Mapping[TopicPartition, LogOffsets], judged: tuple[JudgedTransaction, ...]
) -> tuple[TopicPartition, ...]:
    """Blocked without an open transaction, twice at the same offset: its marker is not replicated yet."""
    doubtful = set(behind) - {one.producer.partition for one in judged}
    again = gateways.cluster.log_offsets(doubtful) if doubtful else {}
    return tuple(
        sorted(
            one
            for one, ends in again.items()
            if ends.last_stable < ends.high_watermark and ends.last_stable == behind[one].last_stable
        )
    )


def report(seen: BlockedSeen, params: TxnBlockedParams) -> Report:
    """Exit 3 when something on a blocked partition is late or hangs; a healthy open transaction is no problem."""
    every = blocked_partitions(seen.offsets, seen.judged, seen.groups)
    found = [one for one in every if one.blocker.age_ms(seen.now_ms) >= params.min_age]
    rows = tuple(row(one, seen.now_ms) for one in found)
    shown = {one.partition for one in found}
    bad = [one for one in seen.judged if one.producer.partition in shown and one.verdict in _BAD]
    groups = [_GroupRow(one.group, blocked.topic, blocked.partition, one.committed_offset, one.lag_to_last_stable,
                        one.lag_to_high_watermark, one.hidden_lag)
              for blocked in rows for one in blocked.groups]  # fmt: skip
    sections: tuple[Section, ...] = (Section("Blocked partitions", rows, BlockedRow),)
    if groups:
        note = "hidden lag: records that a read_committed reader can't see until the transaction ends"
        sections += (Section("Groups behind them", groups, _GroupRow, note=note),)
    return Report(
        rows,
        BlockedRow,
        exit_code=exit_code(found=bool(bad), partial=bool(seen.failures)),
        warnings=_warnings(seen, found, bad),
        errors=seen.failures,
        sections=sections if rows else (),
        summary="" if rows else "No partition is blocked.",
    )


def _warnings(seen: BlockedSeen, found: list[BlockedPartition], bad: list[JudgedTransaction]) -> tuple[Notice, ...]:
    first = {id(one.blocker) for one in found}
    notices = [
        Notice("blocked_next", f"{one.producer.partition} has a {one.verdict} transaction of producer "
               f"{one.producer.producer_id} behind the first one.", f"It blocks next: {remedy(one)}")
        for one in bad if id(one) not in first
    ]  # fmt: skip
    waiting = waiting_commits(found, seen.group_names, seen.offsets_partitions)
    if waiting:
        shown = ", ".join(waiting[:5]) + (f" and {len(waiting) - 5} more" if len(waiting) > 5 else "")
        notices.append(Notice("offsets_blocked", f"Offsets of {shown} are on a blocked partition of {OFFSETS_TOPIC}.",
                              "Their consumers may wait for them when they start."))  # fmt: skip
    if seen.idle:
        shown = ", ".join(map(str, seen.idle[:5])) + (f" and {len(seen.idle) - 5} more" if len(seen.idle) > 5 else "")
        notices.append(Notice("marker_not_replicated", f"{shown}: blocked, and no transaction is open there.",
                              "Its end is not on all in-sync replicas yet: look at the replicas."))  # fmt: skip
    return tuple(notices)


def row(blocked: BlockedPartition, now_ms: int) -> BlockedRow:
    """A blocked partition as a row."""
    log, judged = blocked.offsets, blocked.blocker
    return BlockedRow(
        topic=blocked.partition.topic,
        partition=blocked.partition.partition,
        last_stable_offset=log.last_stable,
        high_watermark=log.high_watermark,
        blocked_records=log.high_watermark - log.last_stable,
        blocked_for_ms=judged.age_ms(now_ms),
        producer_id=judged.producer.producer_id,
        transactional_id=judged.coordinator.transactional_id if judged.coordinator else None,
        verdict=judged.verdict,
        groups=blocked.groups,
        also_open=blocked.also_open,
        remedy=remedy(judged),
    )


OPERATION = Query(
    name="txn.blocked",
    summary="Explain why read_committed readers stand still",
    params=TxnBlockedParams,
    result=BlockedRow,
    needs=("kafka",),
    observe=observe,
    report=report,
    details="A read_committed reader sees nothing past the last stable offset. Records counts are offsets: transaction "
    "markers are among them.",
    examples=(
        Example("eosctl txn blocked --group orders", "What a group waits for, and the command that helps."),
        Example(
            "eosctl txn blocked --min-age 15m -o json", "Everything that has been blocked for a quarter of an hour."
        ),
    ),
)
