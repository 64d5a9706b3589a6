"""`producers list`: the producers that partition leaders remember."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from eosctl.core.durations import time_from_ms
from eosctl.core.errors import Notice
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import DurationMs, Params, param
from eosctl.core.report import Report, column
from eosctl.domain.kafka import ActiveProducer, ProducerId
from eosctl.domain.transactions import transactional_ids
from eosctl.operations.scanning import partitions_of
from eosctl.ports import Gateways


class ProducersListParams(Params):
    """Where to look."""

    topic: tuple[str, ...] = param((), help="Only this topic; repeatable [default: all]", complete="topic")
    open: bool = param(False, help="Only those with an open transaction")
    wrote_within: DurationMs | None = param(None, help="Only those that wrote within this time")


@dataclass(frozen=True)
class ProducerRow:
    """A producer on one partition. `transactional_id` is none for idempotent producers, and where nobody knows it."""

    topic: str
    partition: int
    producer_id: int
    producer_epoch: int = field(metadata=column("epoch"))
    transactional_id: str | None
    last_sequence: int = field(metadata=column(wide=True))
    last_write_at: datetime
    idle_ms: int
    transaction_start_offset: int | None = field(metadata=column("open since offset"))
    coordinator_epoch: int = field(metadata=column(wide=True))


@dataclass(frozen=True)
class ProducersSeen:
    """Active producers and who owns their ids."""

    producers: tuple[ActiveProducer, ...]
    owners: Mapping[ProducerId, str]
    failures: tuple[Notice, ...]
    now_ms: int


def observe(gateways: Gateways, params: ProducersListParams) -> ProducersSeen:
    """Asks every leader, and the coordinators for the transactional ids."""
    looked = gateways.transactions.describe_producers(partitions_of(gateways, params.topic))
    listed = gateways.transactions.list_transactions()
    failures = (*looked.failures, *listed.failures)
    return ProducersSeen(looked.items, transactional_ids(listed.items), failures, gateways.clock.now_ms())


def report(seen: ProducersSeen, params: ProducersListParams) -> Report:
    """Rows by partition and producer."""
    rows = [_row(one, seen) for one in sorted(seen.producers, key=lambda one: (one.partition, one.producer_id))]
    if params.open:
        rows = [one for one in rows if one.transaction_start_offset is not None]
    if params.wrote_within is not None:
        rows = [one for one in rows if one.idle_ms <= params.wrote_within]
    return Report(
        tuple(rows),
        ProducerRow,
        exit_code=ExitCode.PARTLY_DONE if seen.failures else ExitCode.DONE,
        errors=seen.failures,
        summary="" if rows else "No active producer.",
    )


def _row(one: ActiveProducer, seen: ProducersSeen) -> ProducerRow:
    return ProducerRow(
        topic=one.partition.topic,
        partition=one.partition.partition,
        producer_id=one.producer_id,
        producer_epoch=one.producer_epoch,
        transactional_id=seen.owners.get(one.producer_id),
        last_sequence=one.last_sequence,
        last_write_at=time_from_ms(one.last_write_ms),
        idle_ms=max(0, seen.now_ms - one.last_write_ms),
        transaction_start_offset=one.transaction_start_offset,
        coordinator_epoch=one.coordinator_epoch,
    )


OPERATION = Query(
    name="producers.list",
    summary="List active idempotent and transactional producers",
    params=ProducersListParams,
    result=ProducerRow,
    needs=("kafka",),
    observe=observe,
    report=report,
    details="Leaders remember a producer for producer.id.expiration.ms (a day) after its last write.",
    examples=(Example("eosctl producers list --topic orders --open", "Who has a transaction open on a topic."),),
)
