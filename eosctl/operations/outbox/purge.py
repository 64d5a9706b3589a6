"""`outbox purge`: deletes events that were published long ago, in small batches that hurt nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from eosctl.core.counts import counted
from eosctl.core.durations import format_duration_ms
from eosctl.core.errors import OperationFailed, Refused
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import param
from eosctl.core.plan import Plan
from eosctl.core.report import Report
from eosctl.domain.outbox import OutboxMapping, has_published_index, require_marking
from eosctl.domain.purging import PurgeWish
from eosctl.domain.steps.outbox import PurgeOutbox, part_name, statements_of
from eosctl.domain.tables import TableCatalogue
from eosctl.operations.outbox_table import OutboxParams, found_table, rows
from eosctl.operations.purging import PurgeParams, purge_documents, wish_of
from eosctl.ports import Gateways


class OutboxPurgeParams(PurgeParams, OutboxParams):
    """Which events, and how gently."""

    vacuum: bool = param(False, help="VACUUM (ANALYZE) the table afterwards")


@dataclass(frozen=True)
class PurgeResult:
    """What was deleted. `left` counts events that are old enough and still there; `ended_by` says why it ended."""

    table: str
    older_than_ms: int
    cutoff: datetime | None
    deleted: int
    left: int | None
    batches: int
    slowest_batch_ms: int
    waited_ms: int
    took_ms: int
    ended_by: str


@dataclass(frozen=True)
class PurgeSnapshot:
    """The table, how many events are old enough, and how they will be deleted."""

    mapping: OutboxMapping
    catalogue: TableCatalogue
    rows: int
    create_index: str
    wish: PurgeWish


def observe(gateways: Gateways, params: OutboxPurgeParams) -> PurgeSnapshot:
    """Counts by the index on the publishing time; not without it, for that would read the whole table."""
    wish = wish_of(gateways, params)
    table = found_table(gateways, params.table)
    mapping, catalogue = table.mapping, table.catalogue
    require_marking(mapping)
    part = "published_index"
    (statement,) = statements_of(mapping, part, part_name(mapping.table, part))
    create_index = gateways.database.text(statement[0], identifiers=statement[1])
    indexed = has_published_index(catalogue, mapping)
    count = rows(gateways, "outbox_purgeable", mapping, age_ms=params.older_than)[0]["rows"] if indexed else 0
    return PurgeSnapshot(mapping, catalogue, count, create_index, wish)


def plan(snapshot: PurgeSnapshot, params: OutboxPurgeParams) -> Plan:
    """One step. Raises Refused (`no_time_index`, `partitioned`) and OperationFailed (`time_without_zone`)."""
    mapping = snapshot.mapping
    _check_table(snapshot)
    step = PurgeOutbox(mapping=mapping, wish=snapshot.wish, rows=snapshot.rows, vacuum=params.vacuum)
    steps = (step,) if snapshot.rows else ()
    words = step.describe() if steps else f"No event of {mapping.table} was published that long ago"
    return Plan(operation="outbox.purge", summary=words, steps=steps)


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """The tally; exit 130 when it was stopped before its end."""
    step, after = plan.steps[0], receipts[0].after
    assert isinstance(step, PurgeOutbox)
    result = PurgeResult(
        table=str(step.mapping.table),
        older_than_ms=step.wish.age_ms,
        cutoff=after.get("cutoff"),
        deleted=after.get("deleted", 0),
        left=after.get("left"),
        batches=after.get("batches", 0),
        slowest_batch_ms=after.get("slowest_batch_ms", 0),
        waited_ms=after.get("waited_ms", 0),
        took_ms=after.get("took_ms", 0),
        ended_by=after.get("ended_by", "") or ("done" if receipts[0].status == "skipped" else "error"),
    )
    code = ExitCode.INTERRUPTED if result.ended_by == "stopped" else ExitCode.DONE
    took = format_duration_ms(result.took_ms)
    events = counted(result.deleted, "event")
    words = f"Deleted {events} in {counted(result.batches, 'batch', 'batches')}, in {took}."
    if result.left:
        words += f" {counted(result.left, 'is', 'are')} left: run it again."
    documents = purge_documents(plan, result, words, [(str(step.mapping.table), after)])
    return Report(result, PurgeResult, exit_code=code, summary=words, documents=documents)


def _check_table(snapshot: PurgeSnapshot) -> None:
    mapping, catalogue = snapshot.mapping, snapshot.catalogue
    assert mapping.published_at is not None
    column = catalogue.column(mapping.published_at)
    kind = column.type if column else ""
    if not (kind.startswith("timestamp") and kind.endswith("with time zone")):
        raise OperationFailed(
            "time_without_zone",
            f"{mapping.table}.{mapping.published_at} is {kind}, not timestamp with time zone.",
            why="Its values may be hours off, and an event may be younger than it looks.",
            hint="Make the column timestamptz.",
        )
    if catalogue.kind == "partitioned":
        raise Refused(
            "partitioned",
            f"{mapping.table} is partitioned.",
            why="A row's place in it is unique within one partition only, and dropping old partitions costs nothing.",
            hint="Detach and drop those whose events are all published.",
        )
    if not has_published_index(catalogue, mapping):
        raise Refused(
            "no_time_index",
            f"No index of {mapping.table} finds events by {mapping.published_at}.",
            why="Each batch would read the whole table.",
            hint=f"Run `eosctl outbox init`, or: {' '.join(snapshot.create_index.split())}",
        )


OPERATION = Change(
    name="outbox.purge",
    summary="Delete events that were published long ago, in batches",
    params=OutboxPurgeParams,
    result=PurgeResult,
    needs=("database",),
    listing=False,
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="Only published events, by the server's clock: pending and failed ones are never deleted, however old. "
    "Each batch is a transaction of its own; stopped half way it has lost nothing and goes on when run again. Keep "
    "events as long as `outbox reconcile` shall be able to compare them.",
    examples=(
        Example("eosctl outbox purge --older-than 7d --dry-run", "How many would go."),
        Example("eosctl outbox purge --older-than 7d --until 06:00 --yes", "Nightly, from a timer."),
    ),
)
