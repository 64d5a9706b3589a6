"""Carries out plans: the only code that changes the outside world. It never asks; asking is the command line's.

For each step: already done, skip; `expects_` no longer true, stop (exit 4); otherwise journal the intent, act,
read back, journal the receipt. A crash half way and a second run are safe, for a done step is skipped.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from eosctl.core.errors import EosctlError, WorldChanged
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Receipt
from eosctl.core.plan import Plan, PlanMode, Step
from eosctl.ports import Gateways
from eosctl.runtime.handlers import handler_of
from eosctl.runtime.journal import Journal, OpenEntry

_WORKERS = 8


@dataclass(frozen=True)
class Execution:
    """What became of a plan: the journal's id, a receipt for each step, and how the process shall end."""

    journal_id: str
    receipts: tuple[Receipt, ...]
    exit_code: ExitCode


def execute(plan: Plan, gateways: Gateways, journal: Journal, *, who: str, undoes: str = "") -> Execution:
    """Does the plan's steps and journals each. Expected errors end up in receipts, not as exceptions.

    Raises WorldChanged before anything is journalled when the plan was made for other servers.
    """
    _same_target(plan, gateways)
    entry = journal.begin(plan.as_dict(), at=gateways.clock.now(), who=who, undoes=undoes)
    numbered = list(enumerate(plan.steps))
    if plan.mode is PlanMode.INDEPENDENT and len(numbered) > 1:
        with ThreadPoolExecutor(_WORKERS) as pool:
            receipts = list(pool.map(lambda one: _unless_stopped(one[1], one[0], gateways, entry), numbered))
    else:
        receipts = _in_order(numbered, gateways, entry)
    code = exit_code_of(receipts)
    entry.write("end", {"status": _STATUS.get(code, "failed"), "exit_code": int(code)})
    return Execution(entry.id, tuple(receipts), code)


def exit_code_of(receipts: Iterable[Receipt]) -> ExitCode:
    """DONE, PARTLY_DONE when some steps are done and some not, else the code of the first failure."""
    every = list(receipts)
    if all(one.status in ("done", "skipped") for one in every):
        return ExitCode.DONE
    if any(one.status == "done" for one in every):
        return ExitCode.PARTLY_DONE
    code = next(one.after.get("exit_code", ExitCode.FAILED) for one in every if one.status != "skipped")
    return ExitCode(code)


_STATUS = {ExitCode.DONE: "done", ExitCode.PARTLY_DONE: "partial"}


def _same_target(plan: Plan, gateways: Gateways) -> None:
    if not plan.target:
        return
    needs = tuple({"kafka_cluster_id": "kafka", "database": "database"}.get(key, key) for key in plan.target)
    now = gateways.target(needs)
    for key, value in plan.target.items():
        if now.get(key) != value:
            raise WorldChanged(
                "other_target",
                f"The plan was made for {key} {value}, and this is {now.get(key)}.",
                why="Applying it here would change servers that nobody looked at.",
                hint="Choose the profile that it was made with, or make a new plan.",
            )


def _in_order(numbered: list[tuple[int, Step]], gateways: Gateways, entry: OpenEntry) -> list[Receipt]:
    receipts: list[Receipt] = []
    for number, step in numbered:
        if receipts and receipts[-1].status in ("failed", "not_started"):
            receipts.append(Receipt(step, "not_started", {}, {}, code="not_started", message="An earlier step failed."))
            continue
        receipts.append(_unless_stopped(step, number, gateways, entry))
    return receipts


def _unless_stopped(step: Step, number: int, gateways: Gateways, entry: OpenEntry) -> Receipt:
    if gateways.stop.requested():
        return Receipt(
            step,
            "not_started",
            {},
            {"exit_code": int(ExitCode.INTERRUPTED)},
            code="interrupted",
            message="Stopped before this step.",
        )
    receipt = _guarded(step, lambda: _one(step, number, gateways, entry))
    entry.write("receipt", {"step": number, **_without_step(receipt)})
    return receipt


def _one(step: Step, number: int, gateways: Gateways, entry: OpenEntry) -> Receipt:
    handler = handler_of(step)
    seen = handler.look(gateways, step)
    if seen.state == "done":
        return Receipt(step, "skipped", seen.seen, seen.seen, verified=True, message="It was so already.")
    if seen.state == "changed":
        raise WorldChanged("world_changed", seen.reason, hint="Make the plan again and look at it.")
    entry.write("intent", {"step": number, "kind": step.kind, "before": seen.seen})
    after: Mapping[str, Any] = {}
    try:
        after = handler.act(gateways, step)
        after = handler.verify(gateways, step, after)
    except EosctlError as error:
        return _failed(step, error, before=seen.seen, after={**after, **error.done})
    return Receipt(step, "done", seen.seen, after, verified=True)


def _guarded(step: Step, work: Callable[[], Receipt]) -> Receipt:
    try:
        return work()
    except EosctlError as error:
        return _failed(step, error, before={}, after={})


def _failed(step: Step, error: EosctlError, *, before: Mapping[str, Any], after: Mapping[str, Any]) -> Receipt:
    notice = error.notice()
    message = f"{notice.message} {notice.hint}".strip()
    return Receipt(
        step, "failed", before, {**after, "exit_code": int(error.exit_code)}, code=error.code, message=message
    )


def _without_step(receipt: Receipt) -> dict[str, Any]:
    return {key: value for key, value in vars(receipt).items() if key != "step"}
