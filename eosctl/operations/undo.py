"""`undo`: the way back of a change, planned, shown and confirmed like any other change."""

from collections.abc import Sequence

from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import Params, param
from eosctl.core.plan import Plan
from eosctl.core.report import Report
from eosctl.operations.offsets_undo import forced
from eosctl.operations.receipts import StepRow, step_rows
from eosctl.ports import Gateways


class UndoParams(Params):
    """Which change."""

    id: str = param(help="The journal entry's id, or its beginning", positional=True, complete="journal_id")
    force: bool = param(False, help="Offsets: also when the group moved on since")


def observe(gateways: Gateways, params: UndoParams) -> Plan:
    """The plan back, made from what the journal holds; with `force` from what is there now."""
    found = gateways.journal.plan_undo(gateways.journal.entry(params.id))
    return forced(gateways, found) if params.force else found


def plan(snapshot: Plan, params: UndoParams) -> Plan:
    """As it is."""
    return snapshot


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """A row a step."""
    return Report(step_rows(receipts), StepRow, text="")  # people have read the receipts already


OPERATION = Change(
    name="undo",
    summary="Take a change back, where that is possible",
    params=UndoParams,
    result=StepRow,
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="What can't be undone is said with its reason. The plan back is refused when the world has moved on since.",
    examples=(Example("eosctl undo 20260301T120000-1a2b3c --dry-run", "What the way back would do."),),
)
