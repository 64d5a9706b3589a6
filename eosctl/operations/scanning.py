"""The scan that `txn hanging`, `txn blocked`, `txn abort` and `status` share: four looks, no waiting."""

from collections.abc import Collection
from dataclasses import dataclass

from eosctl.core.counts import counted
from eosctl.core.errors import Notice, Refused, UsageError
from eosctl.domain.kafka import ActiveProducer, ProducerId, TopicPartition, TransactionDescription
from eosctl.domain.transactions import (
    CoordinatorLook,
    JudgedTransaction,
    TransactionScan,
    candidates,
    judge,
    open_producers,
)
from eosctl.ports import Gateways

_FILTER_AT_MOST = 500
_STATE_TOPIC = "__transaction_state"
_NOBODY = CoordinatorLook((), (), complete=True)


@dataclass(frozen=True)
class Scanned:
    """The judged transactions and what could not be looked at."""

    transactions: tuple[JudgedTransaction, ...]
    failures: tuple[Notice, ...]
    now_ms: int


def scan(gateways: Gateways, partitions: Collection[TopicPartition]) -> Scanned:
    """Judges every open transaction of the partitions. Raises what the gateways raise when nobody answers."""
    looked = gateways.transactions.describe_producers(partitions)
    first = open_producers(looked.items)
    if not first:
        return Scanned((), looked.failures, gateways.clock.now_ms())
    coordinators, failures = look_at_coordinators(gateways, first)
    doubtful = candidates(first, coordinators)
    if not doubtful:
        settled = TransactionScan(first, coordinators, first, _NOBODY, gateways.clock.now_ms())
        return Scanned(judge(settled), (*looked.failures, *failures), settled.now_ms)
    again = gateways.transactions.describe_producers({one.partition for one in doubtful})
    second = _still_open(first, doubtful, open_producers(again.items))
    answered = {(one.partition, one.producer_id) for one in again.items}
    lost = tuple(one for one in doubtful if again.failures and (one.partition, one.producer_id) not in answered)
    coordinators_again, failures_again = look_at_coordinators(gateways, second)
    whole = TransactionScan(first, coordinators, second, coordinators_again, gateways.clock.now_ms(), lost)
    every = dict.fromkeys((*looked.failures, *failures, *again.failures, *failures_again))
    return Scanned(judge(whole), tuple(every), whole.now_ms)


def look_at_coordinators(
    gateways: Gateways, producers: Collection[ActiveProducer]
) -> tuple[CoordinatorLook, tuple[Notice, ...]]:
    """Who knows these producers' ids: listed on every coordinator, then described."""
    wanted = {one.producer_id for one in producers}
    if not wanted:
        return _NOBODY, ()
    asked: tuple[ProducerId, ...] = tuple(sorted(wanted)) if len(wanted) <= _FILTER_AT_MOST else ()
    listed = gateways.transactions.list_transactions(producer_ids=asked)
    mine = tuple(one for one in listed.items if one.producer_id in wanted)
    described = gateways.transactions.describe_transactions({one.transactional_id for one in mine})
    failures = (*listed.failures, *described.failures)
    if wanted - {one.producer_id for one in mine}:
        failures += missing_coordinators(gateways)
    return CoordinatorLook(mine, described.items, complete=not failures), failures


def missing_coordinators(gateways: Gateways) -> tuple[Notice, ...]:
    """A notice when partitions of `__transaction_state` have no leader: every list lacks their ids, silently."""
    try:
        topics = gateways.cluster.topics((_STATE_TOPIC,))
    except (UsageError, Refused):
        return (Notice("coordinators_not_seen", f"{_STATE_TOPIC} can't be described, so a coordinator may be missing.",
                       f"Allow DESCRIBE on topic {_STATE_TOPIC}."),)  # fmt: skip
    gone = sum(one.leader < 0 for topic in topics for one in topic.partitions)
    if not gone:
        return ()
    return (Notice("coordinator_missing",
                   f"{counted(gone, 'partition')} of {_STATE_TOPIC} without a leader: ids there are not seen.",
                   "Bring their brokers back, then look again."),)  # fmt: skip


def describe_open(
    gateways: Gateways, ids: Collection[str]
) -> tuple[tuple[TransactionDescription, ...], tuple[Notice, ...]]:
    """Descriptions of transactional ids, and the coordinators that did not answer."""
    described = gateways.transactions.describe_transactions(ids)
    return described.items, described.failures


def partitions_of(gateways: Gateways, topics: Collection[str]) -> tuple[TopicPartition, ...]:
    """Every partition of the topics, internal topics included; of all topics when none is named."""
    return tuple(one.partition for topic in gateways.cluster.topics(topics) for one in topic.partitions)


def _still_open(
    first: Collection[ActiveProducer], doubtful: Collection[ActiveProducer], again: Collection[ActiveProducer]
) -> tuple[ActiveProducer, ...]:
    """The second look: doubtful partitions as they are now, the others as they were."""
    looked_again = {one.partition for one in doubtful}
    return (*(one for one in first if one.partition not in looked_again), *again)
