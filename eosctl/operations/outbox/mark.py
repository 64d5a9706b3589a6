"""`outbox mark`: says of events that they are published, or pending again, where the table and Kafka disagree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eosctl.core.counts import counted
from eosctl.core.errors import Notice, Refused, UsageError
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import param
from eosctl.core.plan import Plan, Step
from eosctl.core.report import Report
from eosctl.domain.outbox import OutboxMapping, require_marking
from eosctl.domain.outbox_status import RetryCandidate, overtaken_words
from eosctl.domain.steps.outbox import MarkState, RetryState, SetMarks, SetRetries
from eosctl.operations.outbox_table import OutboxParams, check_ids, found_table, rows
from eosctl.operations.receipts import StepRow, step_rows
from eosctl.ports import Gateways


class OutboxMarkParams(OutboxParams):
    """Which events, and as what."""

    ids: tuple[str, ...] = param(help="Events by id", positional=True, metavar="ID...", min_length=1)
    state: Literal["published", "pending"] = param(
        help="published: they are in the topic, no relay shall send them; pending: a relay shall send them again",
        flags=("--as",),
    )
    out_of_order: bool = param(False, help="As pending also where a later event of the aggregate is out already")


@dataclass(frozen=True)
class MarkSnapshot:
    """The events that were named, and their marks by id."""

    mapping: OutboxMapping
    candidates: tuple[RetryCandidate, ...]
    marks: dict[str, str | None]
    ids: tuple[str, ...]


def observe(gateways: Gateways, params: OutboxMarkParams) -> MarkSnapshot:
    """The rows, each with whether it was overtaken."""
    table = found_table(gateways, params.table)
    mapping = table.mapping
    require_marking(mapping)
    ids = tuple(str(one) for one in check_ids(table.catalogue, mapping, params.ids))
    found = rows(gateways, "outbox_by_id", mapping, ids=list(ids))
    marks = rows(gateways, "outbox_marks", mapping, ids=[one["id"] for one in found])
    return MarkSnapshot(mapping, tuple(RetryCandidate(**one) for one in found),
                        {one["id"]: one["published_at"] for one in marks}, ids)  # fmt: skip


def plan(snapshot: MarkSnapshot, params: OutboxMarkParams) -> Plan:
    """The marks, then new retries. Raises UsageError (`unknown_event`) and Refused (`out_of_order`)."""
    missing = sorted(set(snapshot.ids) - {one.id for one in snapshot.candidates})
    if missing:
        raise UsageError("unknown_event", f"There is no event {missing[0]!r}.", hint="`eosctl outbox list` shows them.")
    pending = params.state == "pending"
    wanted = [one for one in snapshot.candidates if one.published == pending]
    overtaken = [one for one in wanted if one.overtaken] if pending else []
    if overtaken and not params.out_of_order:
        raise Refused("out_of_order", f"Later events of the same aggregate are out: {overtaken_words(overtaken)}.",
                      why="A relay would publish the older event after the newer one.",
                      hint="Give --out-of-order when consumers can bear that.")  # fmt: skip
    mark = None if pending else "now"
    states = tuple(MarkState(id=one.id, expects_published_at=snapshot.marks[one.id], published_at=mark)
                   for one in wanted)  # fmt: skip
    count = counted(len(states), "event")
    return Plan(
        operation="outbox.mark",
        summary=f"Mark {count} of {snapshot.mapping.table} as {params.state}",
        steps=_steps(snapshot.mapping, states, wanted, pending=pending),
        warnings=tuple(_warnings(count, overtaken, pending=pending)) if states else (),
    )


def _steps(
    mapping: OutboxMapping, states: tuple[MarkState, ...], wanted: list[RetryCandidate], *, pending: bool
) -> tuple[Step, ...]:
    """The marks, and new retries for those that have used some: a relay would pass them over."""
    if not states:
        return ()
    retried = tuple(RetryState(id=one.id, expects_count=one.retry_count, expects_error=one.last_error)
                    for one in wanted if pending and (one.retry_count or one.last_error))  # fmt: skip
    marks = SetMarks(mapping=mapping, rows=states)
    return (marks, SetRetries(mapping=mapping, rows=retried)) if retried else (marks,)


def _warnings(count: str, overtaken: list[RetryCandidate], *, pending: bool) -> list[Notice]:
    if not pending:
        return [Notice("never_sent", f"No relay will ever send {count}.", "Only what is in the topic is to be so.")]
    found = [Notice("sent_again", f"A relay sends {count} again, under the same idempotency key.")]
    if overtaken:
        found.append(Notice("out_of_order", f"Goes out after newer events: {overtaken_words(overtaken)}."))
    return found


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """A row a step."""
    return Report(step_rows(receipts), StepRow, text="")


OPERATION = Change(
    name="outbox.mark",
    summary="Say that events are published, or pending again",
    params=OutboxMarkParams,
    result=StepRow,
    needs=("database",),
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="For what `outbox reconcile` finds: events in the topic that the table holds as pending (after a restore), "
    "and published ones that the topic lost. An event that is so already is left alone. Refused (exit 7) as pending "
    "where a later event of the same aggregate is published, unless --out-of-order.",
    examples=(
        Example("eosctl outbox mark --as published ID", "It is in the topic already."),
        Example("eosctl outbox mark --as pending ID --dry-run", "What a relay would send again."),
    ),
)
