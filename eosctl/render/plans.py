"""How a plan and what became of it are shown: the before/after table, the warnings, the receipts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eosctl.core.counts import counted
from eosctl.core.operation import Receipt
from eosctl.core.plan import Effect, Plan
from eosctl.render.cells import Shown
from eosctl.render.output import Canvas, Format, grid
from eosctl.render.wrapping import wrapped

_MANY = 60


def plan_text(plan: Plan, canvas: Canvas) -> str:
    """The plan as it is shown before it is confirmed."""
    lines = [f"Plan: {plan.summary}"]
    if plan.target:
        lines.append("On:   " + ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in plan.target.items()))
    effects, count = plan.first_effects(_MANY)
    lines.append(_effects(effects, canvas) if effects else "Nothing to change.")
    if count > _MANY:
        lines.append(f"... and {count - _MANY} more; --plan-out FILE saves all of them.")
    warnings = [f"Warning: {one.message} {one.hint}".rstrip() for one in plan.warnings]
    return "\n".join([*lines, *(_folded(one, canvas) for one in warnings)])


def receipts_text(receipts: tuple[Receipt, ...], canvas: Canvas) -> str:
    """What became of each step; done ones are counted when there are many."""
    bad = [one for one in receipts if one.status in ("failed", "not_started")]
    shown = list(receipts) if len(receipts) <= _MANY else bad[:_MANY]
    cells = [
        [one.step.describe(), one.status.replace("_", " "), "yes" if one.verified else "-", one.message or "-"]
        for one in shown
    ]
    head = (
        Shown("step", "step", False),
        Shown("status", "status", False),
        Shown("verified", "read back", False),
        Shown("message", "message", False),
    )
    table = grid(head, cells, Format.TABLE, canvas) if cells else ""
    done = f"{len(receipts) - len(bad)} of {counted(len(receipts), 'step')} done."
    return f"{table}\n{done}" if table else done


def _folded(text: str, canvas: Canvas) -> str:
    return wrapped(text, canvas.width, below="  ") if canvas.terminal else text


def _effects(effects: tuple[Effect, ...], canvas: Canvas) -> str:
    head = (
        Shown("subject", "what", False),
        Shown("attribute", "attribute", False),
        Shown("before", "before", False),
        Shown("after", "after", False),
    )
    return grid(head, [[one.subject, one.attribute, one.before, one.after] for one in effects], Format.TABLE, canvas)


@dataclass(frozen=True)
class ChangeData:
    """The `data` object of every changing command's JSON.

    `applied` is False after a dry run; `result` is what the operation itself says; `undo` is the command that plans
    the way back, or "" when there is none.
    """

    applied: bool
    plan: Mapping[str, Any]
    steps: tuple[Mapping[str, Any], ...] = ()
    result: Any = None
    journal_id: str = ""
    undo: str = ""
    plan_file: str = ""


def receipt_data(receipt: Receipt) -> dict[str, Any]:
    """A receipt as data, its step in one line."""
    return {
        "step": receipt.step.describe(),
        "kind": receipt.step.kind,
        **{key: value for key, value in vars(receipt).items() if key != "step"},
    }
