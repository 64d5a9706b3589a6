"""`txn abort`: ends a transaction that no coordinator will end, by a marker of our own."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eosctl.core.counts import counted
from eosctl.core.errors import Notice, Refused, UsageError
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import Params, param
from eosctl.core.plan import Plan
from eosctl.core.report import Report
from eosctl.domain.kafka import LogOffsets, Offset, TopicPartition
from eosctl.domain.steps.txn import AbortTransaction
from eosctl.domain.transactions import JudgedTransaction, Verdict
from eosctl.operations.scanning import partitions_of, scan
from eosctl.ports import Gateways

_WHERE = re.compile(r"(?P<topic>[A-Za-z0-9._-]+):(?P<partition>\d+)")


class TxnAbortParams(Params):
    """Which transaction."""

    topic_partition: str | None = param(
        None, help="Where, as TOPIC:PARTITION", positional=True, metavar="TOPIC:PARTITION", complete="topic"
    )
    producer_id: int | None = param(None, help="Whose transaction", ge=0)
    start_offset: int | None = param(None, help="Or: the one that begins at this offset", ge=0)
    all_hanging: bool = param(False, help="Every hanging transaction of the cluster")
    force: bool = param(
        False, help="Abort a transaction that its coordinator still knows; the plan says what that means"
    )


@dataclass(frozen=True)
class AbortRow:
    """What became of one transaction."""

    topic: str
    partition: int
    producer_id: int
    status: str
    last_stable_before: int | None
    last_stable_after: int | None
    message: str


@dataclass(frozen=True)
class AbortSeen:
    """The judged transactions of the partitions in question, and their ends."""

    judged: tuple[JudgedTransaction, ...]
    offsets: Mapping[TopicPartition, LogOffsets]
    failures: tuple[Notice, ...]


def observe(gateways: Gateways, params: TxnAbortParams) -> AbortSeen:
    """Judges the partition (or all of them). Raises UsageError for wrong wishes and unknown partitions."""
    where = _where(params)
    partitions = partitions_of(gateways, (where.topic,) if where else ())
    if where is not None and where not in partitions:
        raise UsageError("unknown_partition", f"{where.topic} has no partition {where.partition}.",
                         hint=f"It has {len(partitions)}, from 0 on.")  # fmt: skip
    scanned = scan(gateways, (where,) if where else partitions)
    involved = {one.producer.partition for one in scanned.transactions}
    return AbortSeen(scanned.transactions, gateways.cluster.log_offsets(involved), scanned.failures)


def plan(seen: AbortSeen, params: TxnAbortParams) -> Plan:
    """A step for each; refuses (exit 7) what a coordinator still knows, unless forced."""
    chosen = _chosen(seen, params)
    warnings = [*seen.failures]
    for one in chosen:
        if one.verdict is Verdict.HANGING and one.coordinator is None:
            warnings.append(_nobody_knows(one))
        if one.verdict is not Verdict.HANGING:
            _refuse(one, force=params.force)
            warnings.append(_consequence(one))
    in_log_order = sorted(chosen, key=lambda one: (one.producer.partition, one.producer.transaction_start_offset))
    steps = tuple(_step(one, seen.offsets.get(one.producer.partition)) for one in in_log_order)
    return Plan(
        operation=OPERATION.name,
        summary=f"Abort {counted(len(steps), 'hanging transaction')}" if steps else "Nothing hangs",
        steps=steps,
        observed={"transactions": [_observed(one) for one in chosen]},
        warnings=tuple(warnings),
    )


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """A row a transaction."""
    rows = tuple(_outcome_row(one) for one in receipts if isinstance(one.step, AbortTransaction))
    return Report(rows, AbortRow, summary="Readers go on." if all(one.status != "failed" for one in rows) else "")


def _where(params: TxnAbortParams) -> TopicPartition | None:
    if params.all_hanging:
        if params.topic_partition or params.producer_id is not None or params.start_offset is not None or params.force:
            raise UsageError("too_many_wishes", "--all-hanging stands alone.", hint="Leave the other words out.")
        return None
    found = _WHERE.fullmatch(params.topic_partition or "")
    if found is None:
        raise UsageError("bad_topic_partition", f"{params.topic_partition or 'Nothing'!r} is not TOPIC:PARTITION.",
                         hint="For example orders:0, or --all-hanging.")  # fmt: skip
    if (params.producer_id is None) == (params.start_offset is None):
        raise UsageError("which_transaction", "Say whose transaction: --producer-id or --start-offset, one of them.",
                         hint=f"eosctl txn hanging --topic {found['topic']} shows both.")  # fmt: skip
    return TopicPartition(found["topic"], int(found["partition"]))


def _chosen(seen: AbortSeen, params: TxnAbortParams) -> tuple[JudgedTransaction, ...]:
    if params.all_hanging:
        return tuple(one for one in seen.judged if one.verdict is Verdict.HANGING)
    found = tuple(
        one
        for one in seen.judged
        if params.producer_id in (None, one.producer.producer_id)
        and params.start_offset in (None, one.producer.transaction_start_offset)
    )
    if not found:
        if seen.failures:
            raise Refused("not_seen", "The partition could not be looked at.", why=seen.failures[0].message)
        others = [
            f"producer {one.producer.producer_id} at {one.producer.transaction_start_offset}" for one in seen.judged
        ]
        raise UsageError("no_such_transaction", f"No such transaction is open on {params.topic_partition}.",
                         why=f"Open there: {', '.join(others) or 'nothing'}.",
                         hint="See `eosctl txn hanging --all`.")  # fmt: skip
    return found


def _refuse(one: JudgedTransaction, *, force: bool) -> None:
    if force:
        return
    if one.verdict is Verdict.UNKNOWN:
        raise Refused("not_certain", "Not every coordinator answered, so it is not certain that it hangs.",
                      hint="Try again when every broker is up, or --force.")  # fmt: skip
    name = one.coordinator.transactional_id if one.coordinator else ""
    way = f"eosctl producers fence {shlex.quote(name)}" if name else "eosctl txn hanging --all"
    raise Refused("not_hanging",
                  f"The transaction of producer {one.producer.producer_id} is {one.verdict}, not hanging.",
                  why="Its coordinator knows it and ends it on every partition at once; "
                  "a marker here would tear it apart.",
                  hint=f"End it through its coordinator: {way}")  # fmt: skip


def _nobody_knows(one: JudgedTransaction) -> Notice:
    return Notice(
        "producer_id_unknown",
        f"No coordinator shows producer id {one.producer.producer_id}: its transactional id has expired, or you may "
        "not DESCRIBE it (Kafka leaves such ids out of its answers without a word).",
        "Make sure that your principal may DESCRIBE every transactional id.",
    )


def _consequence(one: JudgedTransaction) -> Notice:
    name = one.coordinator.transactional_id if one.coordinator else f"producer {one.producer.producer_id}"
    return Notice(
        "forced",
        f"{name} is {one.verdict}: aborting here alone drops its records of this partition, even if its other "
        "partitions and its offsets are committed afterwards. Readers would then see half a transaction.",
        "Fencing has no such effect.",
    )


def _step(one: JudgedTransaction, log: LogOffsets | None) -> AbortTransaction:
    producer = one.producer
    start = producer.transaction_start_offset or Offset(0)
    return AbortTransaction(
        topic=producer.partition.topic,
        partition=producer.partition.partition,
        producer_id=producer.producer_id,
        expects_producer_epoch=producer.producer_epoch,
        expects_coordinator_epoch=producer.coordinator_epoch,
        expects_start_offset=start,
        last_stable_offset=log.last_stable if log else start,
        high_watermark=log.high_watermark if log else start,
        forced=one.verdict is not Verdict.HANGING,
    )


def _observed(one: JudgedTransaction) -> dict[str, object]:
    producer = one.producer
    return {"partition": str(producer.partition), "producer_id": producer.producer_id, "verdict": one.verdict.value,
            "start_offset": producer.transaction_start_offset}  # fmt: skip


def _outcome_row(receipt: Receipt) -> AbortRow:
    step = receipt.step
    assert isinstance(step, AbortTransaction)
    return AbortRow(
        topic=step.topic,
        partition=step.partition,
        producer_id=step.producer_id,
        status=receipt.status,
        last_stable_before=receipt.before.get("last_stable_offset"),
        last_stable_after=receipt.after.get("last_stable_offset"),
        message=receipt.message,
    )


OPERATION = Change(
    name="txn.abort",
    summary="Abort a hanging transaction",
    params=TxnAbortParams,
    result=AbortRow,
    needs=("kafka",),
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="Writes an abort marker with the epochs that were seen, then reads back that the last stable offset moved. "
    "What its coordinator still knows is refused: fence its producer instead.",
    examples=(
        Example("eosctl txn abort orders:0 --producer-id 7", "End what holds a partition up."),
        Example("eosctl txn abort --all-hanging --dry-run", "What would be aborted, in the whole cluster."),
    ),
)
