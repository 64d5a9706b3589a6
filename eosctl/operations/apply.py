"""`apply`: a plan that was saved with --plan-out, refused when it is stale."""

from collections.abc import Sequence
from pathlib import Path

from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import Params, param
from eosctl.core.plan import Plan
from eosctl.core.report import Report
from eosctl.operations import registry
from eosctl.operations.receipts import StepRow, step_rows
from eosctl.ports import Gateways


class ApplyParams(Params):
    """Which plan."""

    file: Path = param(help="A file that --plan-out wrote", positional=True, complete="file")


def observe(gateways: Gateways, params: ApplyParams) -> Plan:
    """The plan as the file holds it."""
    return gateways.journal.load_plan(params.file)


def plan(snapshot: Plan, params: ApplyParams) -> Plan:
    """As it is."""
    return snapshot


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """What the operation that made the plan says of it."""
    made_by = registry.find(plan.operation)
    if isinstance(made_by, Change) and made_by.name != "apply":
        return made_by.outcome(plan, receipts)
    return Report(step_rows(receipts), StepRow, text="")  # people have read the receipts already


OPERATION = Change(
    name="apply",
    summary="Run a saved plan",
    params=ApplyParams,
    result=StepRow,
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="Refused when the plan was edited, was made for other servers, or no longer fits what is there (exit 4).",
    examples=(Example("eosctl apply fence.plan.json", "Run what was planned and reviewed before."),),
)
