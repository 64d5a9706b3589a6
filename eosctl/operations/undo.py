"""`undo`: the way back of a change, planned, shown and confirmed like any other change."""

from collections.abc import Sequence

from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import Params, param
from eosctl.core.plan import Plan
from eosctl.core.report import Report
from eosctl.operations.receipts import StepRow, step_rows
from eosctl.ports import Gateways


class UndoParams(Params):
    """Which change."""

    id: str = param(help="The journal entry's id, or its beginning", positional=True, complete="journal_id")


def observe(gateways: Gateways, params: UndoParams) -> Plan:
    """The plan back, made from what the journal holds."""
    return gateways.journal.plan_undo(gateways.journal.entry(params.id))


def plan(snapshot: Plan, params: UndoParams) -> Plan:
    """As it is."""
    return snapshot


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """A row a step."""
    return Report(step_rows(receipts), StepRow)


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
