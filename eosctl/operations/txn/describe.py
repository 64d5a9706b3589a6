"""`txn describe`: transactional ids with all that coordinators and partition leaders know of them."""

from dataclasses import dataclass, field
from datetime import datetime

from eosctl.core.durations import time_from_ms
from eosctl.core.errors import Notice, UsageError, did_you_mean
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report, Section, column
from eosctl.domain.groups import OFFSETS_TOPIC, groups_on
from eosctl.domain.kafka import ActiveProducer, TopicPartition, TransactionDescription, TransactionState
from eosctl.domain.transactions import is_late, is_two_phase
from eosctl.operations.txn.list import row as summary_row
from eosctl.ports import Gateways


class TxnDescribeParams(Params):
    """Which ids."""

    id: tuple[str, ...] = param(help="Transactional ids", positional=True, complete="transactional_id", min_length=1)


@dataclass(frozen=True)
class PartitionDetail:
    """One partition of an open transaction. `open_offset` is none when nothing was written there yet.

    `groups` are those whose offsets this partition of `__consumer_offsets` keeps: some of them are in the transaction.
    """

    partition: str
    open_offset: int | None
    last_sequence: int | None
    last_write_at: datetime | None
    groups: tuple[str, ...]


@dataclass(frozen=True)
class TransactionDetail:
    """One transactional id, whole."""

    transactional_id: str
    coordinator_id: int
    producer_id: int
    producer_epoch: int
    state: TransactionState
    timeout_ms: int
    started_at: datetime | None
    age_ms: int | None
    late: bool
    two_phase_commit: bool
    partitions: tuple[PartitionDetail, ...] = field(metadata=column(hidden=True))


@dataclass(frozen=True)
class Described:
    """What was seen of the ids that were asked for."""

    descriptions: tuple[TransactionDescription, ...]
    producers: tuple[ActiveProducer, ...]
    groups: tuple[str, ...]
    offsets_partitions: int
    failures: tuple[Notice, ...]
    now_ms: int


def observe(gateways: Gateways, params: TxnDescribeParams) -> Described:
    """Describes the ids, then their partitions' producers. Raises UsageError (`unknown_transactional_id`)."""
    described = gateways.transactions.describe_transactions(params.id)
    if not described.failures:
        refuse_unknown(gateways, params.id, described.items)
    partitions = {partition for one in described.items for partition in one.partitions}
    producers = gateways.transactions.describe_producers(partitions)
    mine = {one.producer_id for one in described.items}
    offsets = [one for one in partitions if one.topic == OFFSETS_TOPIC]
    names = tuple(one.group for one in gateways.groups.groups().items) if offsets else ()
    count = len(gateways.cluster.topics([OFFSETS_TOPIC])[0].partitions) if offsets else 0
    active = tuple(one for one in producers.items if one.producer_id in mine)
    failures = (*described.failures, *producers.failures)
    return Described(described.items, active, names, count, failures, gateways.clock.now_ms())


def refuse_unknown(gateways: Gateways, ids: tuple[str, ...], found: tuple[TransactionDescription, ...]) -> None:
    """Raises UsageError (`unknown_transactional_id`) with the nearest known ids."""
    missing = sorted(set(ids) - {one.transactional_id for one in found})
    if missing:
        known = [one.transactional_id for one in gateways.transactions.list_transactions().items]
        raise UsageError("unknown_transactional_id", f"No coordinator knows {', '.join(map(repr, missing))}.",
                         hint=did_you_mean(missing[0], known) or "See `eosctl txn list`.")  # fmt: skip


def report(seen: Described, params: TxnDescribeParams) -> Report:
    """A section an id for people; rows with nested partitions for scripts."""
    rows = tuple(_detail(one, seen) for one in sorted(seen.descriptions, key=lambda one: one.transactional_id))
    sections: list[Section] = []
    for one in rows:
        sections.append(Section(f"Transactional id {one.transactional_id}", (one,), TransactionDetail))
        if one.partitions:
            sections.append(Section("Partitions of its transaction", one.partitions, PartitionDetail))
    code = ExitCode.PARTLY_DONE if seen.failures else ExitCode.DONE
    return Report(rows, TransactionDetail, exit_code=code, errors=seen.failures, sections=tuple(sections))


def _detail(one: TransactionDescription, seen: Described) -> TransactionDetail:
    head = summary_row(one, seen.now_ms)
    return TransactionDetail(
        transactional_id=one.transactional_id,
        coordinator_id=one.coordinator_id,
        producer_id=one.producer_id,
        producer_epoch=one.producer_epoch,
        state=one.state,
        timeout_ms=one.timeout_ms,
        started_at=head.started_at,
        age_ms=head.age_ms,
        late=is_late(one, seen.now_ms),
        two_phase_commit=is_two_phase(one),
        partitions=tuple(_partition(partition, one, seen) for partition in one.partitions),
    )


def _partition(partition: TopicPartition, owner: TransactionDescription, seen: Described) -> PartitionDetail:
    active = next(
        (one for one in seen.producers if (one.partition, one.producer_id) == (partition, owner.producer_id)), None
    )
    groups = groups_on(partition, seen.groups, seen.offsets_partitions) if partition.topic == OFFSETS_TOPIC else ()
    return PartitionDetail(
        partition=str(partition),
        open_offset=active.transaction_start_offset if active else None,
        last_sequence=active.last_sequence if active else None,
        last_write_at=time_from_ms(active.last_write_ms) if active else None,
        groups=groups,
    )


OPERATION = Query(
    name="txn.describe",
    summary="Describe transactional ids and the partitions of their transactions",
    params=TxnDescribeParams,
    result=TransactionDetail,
    needs=("kafka",),
    observe=observe,
    report=report,
    examples=(Example("eosctl txn describe payments-writer-1", "What one producer has open, and where."),),
)
