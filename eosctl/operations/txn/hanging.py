"""`txn hanging`: open transactions on the partitions themselves, each with its verdict."""

from dataclasses import dataclass, field
from datetime import datetime

from eosctl.core.durations import time_from_ms
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import DurationMs, Params, param
from eosctl.core.report import Report, column
from eosctl.domain.transactions import JudgedTransaction, Verdict
from eosctl.operations.scanning import Scanned, partitions_of, scan
from eosctl.ports import Gateways


class TxnHangingParams(Params):
    """Where to look and what to show."""

    topic: tuple[str, ...] = param(
        (), help="Only this topic; repeatable [default: all, internal ones too]", complete="topic"
    )
    min_age: DurationMs = param(0, help="Only transactions at least this old")
    all: bool = param(False, help="Show healthy open transactions too")


@dataclass(frozen=True)
class OpenTransactionRow:
    """An open transaction on one partition.

    `age_ms` counts from its start by its coordinator, or from its last write where no coordinator has it.
    """

    topic: str
    partition: int
    producer_id: int
    producer_epoch: int = field(metadata=column("epoch"))
    coordinator_epoch: int = field(metadata=column(wide=True))
    start_offset: int
    last_write_at: datetime
    age_ms: int
    transactional_id: str | None
    coordinator_state: str | None = field(metadata=column(wide=True))
    verdict: Verdict


def observe(gateways: Gateways, params: TxnHangingParams) -> Scanned:
    """Scans the active producers of every partition and cross-checks the coordinators, twice where it matters."""
    return scan(gateways, partitions_of(gateways, params.topic))


def report(scanned: Scanned, params: TxnHangingParams) -> Report:
    """Exit 3 when something is late or hangs, 5 when not everybody answered."""
    judged = [one for one in scanned.transactions if one.age_ms(scanned.now_ms) >= params.min_age]
    bad = [one for one in judged if one.verdict in (Verdict.HANGING, Verdict.LATE)]
    shown = [one for one in judged if params.all or one.verdict is not Verdict.OPEN]
    rows = tuple(row(one, scanned.now_ms) for one in shown)
    return Report(
        rows,
        OpenTransactionRow,
        exit_code=exit_code(found=bool(bad), partial=bool(scanned.failures)),
        errors=scanned.failures,
        summary=_summary(judged),
    )


def exit_code(*, found: bool, partial: bool) -> ExitCode:
    """A problem that was found counts more than an answer that is missing."""
    return ExitCode.PROBLEM if found else (ExitCode.PARTLY_DONE if partial else ExitCode.DONE)


def row(one: JudgedTransaction, now_ms: int) -> OpenTransactionRow:
    """A judged transaction as a row."""
    producer, known = one.producer, one.coordinator
    start = producer.transaction_start_offset
    return OpenTransactionRow(
        topic=producer.partition.topic,
        partition=producer.partition.partition,
        producer_id=producer.producer_id,
        producer_epoch=producer.producer_epoch,
        coordinator_epoch=producer.coordinator_epoch,
        start_offset=start if start is not None else -1,
        last_write_at=time_from_ms(producer.last_write_ms),
        age_ms=one.age_ms(now_ms),
        transactional_id=known.transactional_id if known else None,
        coordinator_state=str(known.state.value) if known else None,
        verdict=one.verdict,
    )


def _summary(judged: list[JudgedTransaction]) -> str:
    counts = {verdict: sum(one.verdict is verdict for one in judged) for verdict in Verdict}
    words = [f"{count} {verdict.value}" for verdict, count in counts.items() if count]
    return f"Open transactions by partition: {', '.join(words)}." if words else "No transaction is open."


OPERATION = Query(
    name="txn.hanging",
    summary="Find hanging and late transactions",
    params=TxnHangingParams,
    result=OpenTransactionRow,
    needs=("kafka",),
    observe=observe,
    report=report,
    details="Looks at every partition's leader and at every coordinator, and looks again before it says that one "
    "hangs: a transaction that starts or ends meanwhile is not called hanging, and nothing has to be waited for.",
    examples=(
        Example("eosctl txn hanging", "What hangs or is late, in the whole cluster."),
        Example("eosctl txn hanging --topic orders --all", "Every open transaction of one topic."),
    ),
)
