"""Partitions whose read_committed readers stand still: what blocks them, who waits, and the way out. Pure rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eosctl.domain.groups import OFFSETS_TOPIC, groups_on
from eosctl.domain.kafka import GroupOffsets, LogOffsets, TopicPartition, TransactionState
from eosctl.domain.transactions import JudgedTransaction, Verdict


@dataclass(frozen=True)
class BlockedGroup:
    """A group behind a blocked partition. The hidden part of its lag is what `read_committed` can't see yet."""

    group: str
    committed_offset: int
    lag_to_last_stable: int
    lag_to_high_watermark: int
    hidden_lag: int


@dataclass(frozen=True)
class BlockedPartition:
    """A partition whose last stable offset is behind its high watermark, and the transaction that holds it there.

    `also_open` counts further open transactions: when the blocker goes, the next one blocks.
    """

    partition: TopicPartition
    offsets: LogOffsets
    blocker: JudgedTransaction
    also_open: int
    groups: tuple[BlockedGroup, ...]


def blocked_partitions(
    offsets: Mapping[TopicPartition, LogOffsets],
    judged: Sequence[JudgedTransaction],
    groups: Sequence[GroupOffsets],
) -> tuple[BlockedPartition, ...]:
    """The blocked partitions, by name. The blocker is the open transaction that began first in the log (KIP-98)."""
    found = []
    for partition, log in sorted(offsets.items()):
        mine = sorted((one for one in judged if one.producer.partition == partition), key=_start)
        if log.last_stable < log.high_watermark and mine:
            found.append(BlockedPartition(partition, log, mine[0], len(mine) - 1, affected(partition, log, groups)))
    return tuple(found)


def affected(partition: TopicPartition, log: LogOffsets, groups: Sequence[GroupOffsets]) -> tuple[BlockedGroup, ...]:
    """Groups with a committed offset on the partition that have something left to read, the most hidden first."""
    rows = []
    for group in groups:
        committed = group.offsets.get(partition)
        if committed is None or committed.offset >= log.high_watermark:
            continue
        rows.append(
            BlockedGroup(
                group=group.group,
                committed_offset=committed.offset,
                lag_to_last_stable=max(0, log.last_stable - committed.offset),
                lag_to_high_watermark=log.high_watermark - committed.offset,
                hidden_lag=log.high_watermark - max(committed.offset, log.last_stable),
            )
        )
    return tuple(sorted(rows, key=lambda one: (-one.hidden_lag, one.group)))


def waiting_commits(found: Sequence[BlockedPartition], groups: Sequence[str], partitions: int) -> tuple[str, ...]:
    """Groups whose offsets live on a blocked partition of `__consumer_offsets`, one of `partitions`.

    A consumer of theirs may be refused its offsets (UNSTABLE_OFFSET_COMMIT, KIP-447) until the transaction ends.
    """
    places = [one.partition for one in found if one.partition.topic == OFFSETS_TOPIC]
    return tuple(sorted({name for place in places for name in groups_on(place, groups, partitions)}))


def remedy(one: JudgedTransaction) -> str:
    """The exact command that helps: wait, fence or abort. An id is quoted for the shell.

    What its coordinator has decided already (PrepareCommit, PrepareAbort) only waits for its markers: fencing would
    not hasten it.
    """
    import shlex

    producer = one.producer
    match one.verdict:
        case Verdict.HANGING:
            where = shlex.quote(str(producer.partition))
            return f"eosctl txn abort {where} --producer-id {producer.producer_id}"
        case Verdict.LATE if one.coordinator is not None and one.coordinator.state is TransactionState.ONGOING:
            return f"eosctl producers fence {shlex.quote(one.coordinator.transactional_id)}"
        case Verdict.UNKNOWN:
            return "look again when every broker answers"
        case _:
            return "wait"


def _start(one: JudgedTransaction) -> int:
    start = one.producer.transaction_start_offset
    return start if start is not None else 0
