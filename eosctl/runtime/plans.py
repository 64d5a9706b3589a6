"""Makes plans of changes and of undoing them, and keeps plans in files. Reads only."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eosctl.core.errors import Notice, Refused, UsageError
from eosctl.core.operation import Change, Receipt
from eosctl.core.params import Params
from eosctl.core.plain import plain
from eosctl.core.plan import Plan, Step, plan_from_dict, stamp, step_from_dict
from eosctl.core.redaction import redact
from eosctl.domain.journal import JournalEntry
from eosctl.operations import registry
from eosctl.ports import Gateways
from eosctl.runtime.handler import NotUndoable
from eosctl.runtime.handlers import handler_of


def plan_change(operation: Change, gateways: Gateways, params: Params) -> Plan:
    """Observes and plans; stamped with the target and the time. Raises what the observer and the planner raise."""
    snapshot = operation.observe(gateways, params)
    plan = operation.plan(snapshot, params)
    return stamp(
        plan,
        target=plan.target or gateways.target(operation.needs),
        made_at=gateways.clock.now(),
        params=plan.params or redact(plain(params)),
    )


def save_plan(plan: Plan, path: Path) -> None:
    """Writes the plan, readable by its owner alone; raises UsageError when the file can't be written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(plan.as_dict(), indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise UsageError("plan_not_written", f"The plan can't be written to {path}: {error.strerror}.") from None


def load_plan(path: Path) -> Plan:
    """Reads a saved plan; raises UsageError for a missing file, for anything that is no plan, for an edited one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError("plan_not_read", f"{path} can't be read: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError("not_a_plan", f"{path} is not JSON: {error}.", hint="Make it with --plan-out.") from None
    if not isinstance(data, dict):
        raise UsageError("not_a_plan", f"{path} is not a plan.", hint="Make it with --plan-out.")
    registry.find(str(data.get("operation", "")))  # imports the steps' module
    return plan_from_dict(data)


def undo_steps(entry: JournalEntry) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The steps back, in reverse order, and a reason for each step that has no way back."""
    registry.find(entry.operation)
    steps, reasons = [], []
    for receipt in reversed(entry.receipts):
        if receipt["status"] != "done":
            continue
        step = step_from_dict(entry.plan["steps"][receipt["step"]])
        back = handler_of(step).undo(step, receipt["before"], receipt["after"])
        if isinstance(back, NotUndoable):
            reasons.append(back.reason)
        else:
            steps.append(back)
    return tuple(steps), tuple(dict.fromkeys(reasons))


def plan_undo(entry: JournalEntry, gateways: Gateways) -> Plan:
    """The plan back. Raises Refused (`not_undoable`) when nothing can be undone, or it was undone before."""
    if entry.status == "undone":
        raise Refused(
            "already_undone", f"{entry.id} was undone by {entry.undone_by}.", hint="See `eosctl journal list`."
        )
    steps, reasons = undo_steps(entry)
    if not steps:
        raise Refused(
            "not_undoable",
            f"{entry.id} ({entry.operation}) can't be undone.",
            why=" ".join(reasons) or "It changed nothing.",
            hint=f"`eosctl journal show {entry.id}` tells what it did.",
        )
    plan = Plan(
        operation=entry.operation,
        summary=f"Undo {entry.id}: {entry.summary}",
        steps=steps,
        warnings=tuple(Notice("part_not_undoable", reason) for reason in reasons),
    )
    target: Mapping[str, Any] = entry.plan["target"]
    return stamp(plan, target=dict(target), made_at=gateways.clock.now(), params={"undo": entry.id})


def has_way_back(receipts: Iterable[Receipt]) -> bool:
    """Whether what was just done can be undone: asked of the receipts, which hold what their journal entry holds."""
    return any(
        not isinstance(handler_of(one.step).undo(one.step, plain(one.before), plain(one.after)), NotUndoable)
        for one in receipts
        if one.status == "done"
    )


def is_undoable(entry: JournalEntry) -> bool:
    """Whether some step of the entry has a way back and was not taken back yet."""
    return entry.status not in ("undone", "failed") and bool(undo_steps(entry)[0])
