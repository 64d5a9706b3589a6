"""`outbox retry`: lets failed events be tried again, unless a later event of their aggregate is out already."""

from collections.abc import Sequence
from dataclasses import dataclass

from eosctl.core.counts import counted
from eosctl.core.errors import Notice, Refused, UsageError
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import Regex, param
from eosctl.core.plan import Plan
from eosctl.core.report import Report
from eosctl.domain.outbox import OutboxMapping, require_marking
from eosctl.domain.outbox_status import RetryCandidate, overtaken_words
from eosctl.domain.steps.outbox import RetryState, SetRetries
from eosctl.operations.outbox_table import OutboxParams, check_ids, found_table, rows
from eosctl.operations.receipts import StepRow, step_rows
from eosctl.ports import Gateways

_AT_MOST = 10_000
_LOOK_AT = 100_000


class OutboxRetryParams(OutboxParams):
    """Which events."""

    ids: tuple[str, ...] = param((), help="Events by id", positional=True, metavar="ID...")
    all_failed: bool = param(False, help="Every event that has used up its retries")
    error: Regex | None = param(None, help="Every failed event whose error fits")
    out_of_order: bool = param(False, help="Also where a later event of the aggregate is out already")


@dataclass(frozen=True)
class RetrySnapshot:
    """The events that were asked for."""

    mapping: OutboxMapping
    candidates: tuple[RetryCandidate, ...]
    ids: tuple[str, ...] = ()


def observe(gateways: Gateways, params: OutboxRetryParams) -> RetrySnapshot:
    """The rows, each with whether it was overtaken."""
    ways = [bool(params.ids), params.all_failed, params.error is not None]
    if sum(ways) != 1:
        raise UsageError(
            "which_events",
            "Say which events: ids, --all-failed, or --error REGEX.",
            hint="`eosctl outbox list --failed`",
        )
    table = found_table(gateways, params.table)
    mapping = table.mapping
    require_marking(mapping)
    if params.ids:
        ids = check_ids(table.catalogue, mapping, params.ids)
        found = rows(gateways, "outbox_by_id", mapping, ids=list(ids))
    else:
        ids = ()
        found = rows(gateways, "outbox_failed", mapping, min_retries=mapping.max_retries, limit=_LOOK_AT)
    return RetrySnapshot(mapping, tuple(RetryCandidate(**one) for one in found), ids)


def plan(snapshot: RetrySnapshot, params: OutboxRetryParams) -> Plan:
    """One step for all. Raises UsageError (`unknown_event`) and Refused (`already_published`, `out_of_order`)."""
    import re

    wanted = snapshot.candidates
    if params.error is not None:
        pattern = re.compile(params.error)
        wanted = tuple(one for one in wanted if pattern.search(one.last_error or ""))
    missing = sorted(set(snapshot.ids) - {one.id for one in wanted})
    if missing:
        raise UsageError("unknown_event", f"There is no event {missing[0]!r}.", hint="`eosctl outbox list` shows them.")
    published = [one for one in wanted if one.published]
    if published:
        raise Refused(
            "already_published", f"Event {published[0].id} is published.", why="There is nothing to try again."
        )
    overtaken = [one for one in wanted if one.overtaken]
    if overtaken and not params.out_of_order:
        raise Refused(
            "out_of_order",
            f"Later events of the same aggregate are out already: {overtaken_words(overtaken)}.",
            why="A retry would publish the older event after the newer one.",
            hint="Give --out-of-order when consumers can bear that.",
        )
    capped = wanted[:_AT_MOST]
    warnings = []
    if len(capped) < len(wanted):
        left = counted(len(wanted) - len(capped), "more event is", "more events are")
        warnings.append(Notice("capped", f"{left} left.", "Run it again."))
    if not params.ids and len(snapshot.candidates) == _LOOK_AT:
        warnings.append(Notice("capped", f"Only the {_LOOK_AT} oldest failed events were looked at.", "Run it again."))
    if overtaken:
        warnings.append(Notice("out_of_order", f"Goes out after newer events: {overtaken_words(overtaken)}."))
    states = tuple(
        RetryState(id=one.id, expects_count=one.retry_count, expects_error=one.last_error)
        for one in capped
        if one.retry_count or one.last_error
    )
    return Plan(
        operation="outbox.retry",
        summary=f"Let {counted(len(states), 'event')} of {snapshot.mapping.table} be tried again",
        steps=(SetRetries(mapping=snapshot.mapping, rows=states),) if states else (),
        warnings=tuple(warnings),
    )


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """A row a step."""
    return Report(step_rows(receipts), StepRow, text="", summary="A relay takes them up within seconds.")


OPERATION = Change(
    name="outbox.retry",
    summary="Let failed events be tried again",
    params=OutboxRetryParams,
    result=StepRow,
    needs=("database",),
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="Clears retry count and error of all of them in one transaction. Refused (exit 7) where a later event of "
    "the same aggregate is published, unless --out-of-order.",
    examples=(
        Example("eosctl outbox retry --all-failed", "After the cause was mended."),
        Example("eosctl outbox retry --error MSG_SIZE_TOO_LARGE --dry-run", "Which would be tried again."),
    ),
)
