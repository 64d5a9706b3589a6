"""`txn list`: what the transaction coordinators know."""

import re
from dataclasses import dataclass, field
from datetime import datetime

from eosctl.core.durations import time_from_ms
from eosctl.core.errors import Notice
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import DurationMs, Params, Regex, param
from eosctl.core.report import Report, column
from eosctl.domain.kafka import ProducerId, TransactionDescription, TransactionState
from eosctl.domain.transactions import OPEN_STATES
from eosctl.operations.txn.states import State
from eosctl.ports import Gateways


class TxnListParams(Params):
    """Which transactions."""

    state: tuple[State, ...] = param(
        (), help="Only in this state: " + ", ".join(str(one.value) for one in TransactionState) + "; repeatable"
    )
    older_than: DurationMs | None = param(None, help="Only open ones older than this", examples=("10m",))
    id: Regex | None = param(None, help="Only transactional ids that match", examples=("^payments-",))
    producer_id: int | None = param(None, help="Only this producer id", ge=0)


@dataclass(frozen=True)
class TransactionRow:
    """One transactional id. `age_ms` and `started_at` are none unless a transaction is open."""

    transactional_id: str
    coordinator_id: int = field(metadata=column("coordinator"))
    producer_id: int
    producer_epoch: int = field(metadata=column("epoch"))
    state: TransactionState
    timeout_ms: int
    started_at: datetime | None = field(metadata=column(wide=True))
    age_ms: int | None
    partitions: tuple[str, ...]


@dataclass(frozen=True)
class TransactionsSeen:
    """What the coordinators said, and who did not answer."""

    descriptions: tuple[TransactionDescription, ...]
    failures: tuple[Notice, ...]
    now_ms: int


def observe(gateways: Gateways, params: TxnListParams) -> TransactionsSeen:
    """Lists on every coordinator with the filters that brokers know, then describes what is left."""
    transactions = gateways.transactions
    listed = transactions.list_transactions(
        states=params.state,
        producer_ids=() if params.producer_id is None else (ProducerId(params.producer_id),),
        older_than_ms=params.older_than,
        id_pattern=params.id,
    )
    described = transactions.describe_transactions([one.transactional_id for one in listed.items])
    return TransactionsSeen(described.items, (*listed.failures, *described.failures), gateways.clock.now_ms())


def report(seen: TransactionsSeen, params: TxnListParams) -> Report:
    """Rows by age, the oldest open first, then by id; every filter holds here too."""
    matches = re.compile(params.id).search if params.id is not None else None
    rows = [
        row(one, seen.now_ms)
        for one in seen.descriptions
        if (not params.state or one.state in params.state)
        and (matches is None or matches(one.transactional_id))
        and params.producer_id in (None, one.producer_id)
    ]
    if params.older_than is not None:
        rows = [one for one in rows if one.age_ms is not None and one.age_ms > params.older_than]
    rows.sort(key=lambda one: (-(one.age_ms if one.age_ms is not None else -1), one.transactional_id))
    return Report(
        tuple(rows),
        TransactionRow,
        exit_code=ExitCode.PARTLY_DONE if seen.failures else ExitCode.DONE,
        errors=seen.failures,
        summary="" if rows else "No transactional id matches.",
    )


def row(one: TransactionDescription, now_ms: int) -> TransactionRow:
    """A description as a row. Brokers keep a transaction's start after its end: that is no age."""
    started = one.started_at_ms if one.state in OPEN_STATES else None
    return TransactionRow(
        transactional_id=one.transactional_id,
        coordinator_id=one.coordinator_id,
        producer_id=one.producer_id,
        producer_epoch=one.producer_epoch,
        state=one.state,
        timeout_ms=one.timeout_ms,
        started_at=time_from_ms(started) if started is not None else None,
        age_ms=max(0, now_ms - started) if started is not None else None,
        partitions=tuple(str(partition) for partition in one.partitions),
    )


OPERATION = Query(
    name="txn.list",
    summary="List transactional ids and their transactions",
    params=TxnListParams,
    result=TransactionRow,
    needs=("kafka",),
    observe=observe,
    report=report,
    details="This is what the coordinators know. A hanging transaction is one that they do not: see txn hanging.",
    examples=(
        Example("eosctl txn list --state Ongoing", "What is open now."),
        Example(
            "eosctl txn list --older-than 10m -o json", "What has been open for more than ten minutes, for a script."
        ),
    ),
)
