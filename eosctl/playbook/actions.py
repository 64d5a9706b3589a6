"""One action of a playbook: an operation of the registry, called in process with its own parameter model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from eosctl.core.counts import counted
from eosctl.core.errors import (
    EosctlError,
    Interrupted,
    OperationFailed,
    PartlyDone,
    Refused,
    Unreachable,
    UsageError,
    WorldChanged,
)
from eosctl.core.exit_codes import ExitCode, status_of
from eosctl.core.operation import Action, Change, Operation, Query, Receipt
from eosctl.core.params import Params
from eosctl.core.plain import plain
from eosctl.core.plan import Plan, plan_from_dict
from eosctl.core.report import Report
from eosctl.operations import registry
from eosctl.ports import Gateways
from eosctl.ports.person import PersonGateway
from eosctl.runtime.confirmation import Situation, questions
from eosctl.runtime.execute import execute
from eosctl.runtime.filing import filed
from eosctl.runtime.handlers import handler_of
from eosctl.runtime.journal import Journal
from eosctl.runtime.plans import plan_change, undo_steps

_FAILURES: dict[ExitCode, type[EosctlError]] = {
    ExitCode.PARTLY_DONE: PartlyDone, ExitCode.WORLD_CHANGED: WorldChanged, ExitCode.REFUSED: Refused,
    ExitCode.UNREACHABLE: Unreachable, ExitCode.INTERRUPTED: Interrupted,
}  # fmt: skip


NOTHING: Mapping[str, Any] = {
    "rows": [], "data": {}, "exit_code": 0, "status": "skipped", "warnings": [], "errors": [], "summary": "",
}  # fmt: skip
"""The result of a step that did nothing, so that later expressions may ask for its rows."""


@dataclass(frozen=True)
class Hands:
    """What actions work with: servers, journal, the person, the policy, and another set of gateways when needed."""

    gateways: Gateways
    journal: Journal
    person: PersonGateway
    situation: Situation
    who: str
    fresh: Callable[[], Any]


@dataclass(frozen=True)
class Done:
    """An action's `result` as expressions see it, and what the record keeps. `planned`: a dry run stopped there.

    The result of a list of items is a list.
    """

    result: Any
    message: str
    journal_ids: tuple[str, ...] = ()
    planned: bool = False
    changes: tuple[Mapping[str, Any], ...] = ()
    receipts: tuple[Mapping[str, Any], ...] = ()
    undo: tuple[str, ...] = ()


def perform(
    name: str, arguments: Mapping[str, Any], hands: Hands, *, question: str, dry_run: bool,
    attempted: Mapping[str, Any] | None = None,
) -> Done:  # fmt: skip
    """Runs the operation. Raises what it raises, and an error where its exit code is one (3, a finding, is none).

    `attempted` is the plan of an attempt that was cut off: what is done of it is not done again.
    """
    operation = registry.find(name)
    params = _params(operation, arguments)
    match operation:
        case Query():
            report = operation.report(operation.observe(hands.gateways, params), params)
            return _asked(operation, filed(hands.gateways, report))
        case Change():
            if attempted is not None and (known := _gone_on(operation, attempted, hands, question)) is not None:
                return known
            return _changed(operation, params, hands, question=question, dry_run=dry_run)
        case Action() if dry_run:
            return Done({}, "not run: it can't be planned", planned=True)
        case Action():
            return _asked(operation, filed(hands.gateways, operation.run(hands.gateways, params)))
    raise TypeError(f"{name} is no query, change or action")


def planned(name: str, arguments: Mapping[str, Any], hands: Hands) -> Done:
    """The plan of a change as a result: `rows` are its before/after lines, `warnings` what it says. Changes nothing."""
    operation = registry.find(name)
    if not isinstance(operation, Change):
        raise UsageError("no_change", f"{name} changes nothing: there is no plan of it.", hint="Leave plan_only out.")
    plan = plan_change(operation, hands.gateways, _params(operation, arguments))
    hands.person.show_plan(plan)
    told = plain(plan.warnings)
    result = {"rows": list(_effects(plan)), "data": plain(plan.observed), "exit_code": 0, "status": "ok",
              "warnings": told, "errors": [], "summary": plan.summary}  # fmt: skip
    return Done(result, f"planned only: {plan.summary}" if plan.steps else "planned only: there is nothing to do")


def _params(operation: Operation, arguments: Mapping[str, Any]) -> Params:
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    try:
        return operation.params.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise UsageError("bad_parameter", f"{operation.name}: {where}: {message}.") from None


def _asked(operation: Operation, report: Report) -> Done:
    if report.exit_code not in (ExitCode.DONE, ExitCode.PROBLEM):
        raise _failure(report)
    data = plain(report.data)
    rows = data if isinstance(data, list) else []
    count = counted(len(rows), "row")
    words = count if isinstance(data, list) else report.summary
    result = {"rows": rows, "data": data, "exit_code": int(report.exit_code), "status": status_of(report.exit_code),
              "warnings": plain(report.warnings), "errors": plain(report.errors),
              "summary": report.summary}  # fmt: skip
    return Done(result, words)


def _changed(operation: Change, params: Params, hands: Hands, *, question: str, dry_run: bool) -> Done:
    plan = plan_change(operation, hands.gateways, params)
    hands.person.show_plan(plan)
    if dry_run:
        return Done({}, plan.summary, planned=True, changes=_effects(plan))
    if not plan.steps:
        return Done({**NOTHING, "status": "ok"}, "there was nothing to do")
    _confirm(plan, hands, question)
    return _executed(operation, plan, hands)


def _gone_on(operation: Change, attempted: Mapping[str, Any], hands: Hands, question: str) -> Done | None:
    """What became of a plan that was cut off; None when the world has moved on and it must be made anew."""
    try:
        plan = plan_from_dict(attempted)
        looks = [handler_of(one).look(hands.gateways, one) for one in plan.steps]
    except Unreachable:
        raise
    except EosctlError:
        return None
    if any(one.state == "changed" for one in looks):
        return None
    if all(one.state == "done" for one in looks):
        receipts = [Receipt(step, "skipped", look.seen, look.seen, verified=True, message="It was done already.")
                    for step, look in zip(plan.steps, looks, strict=True)]  # fmt: skip
        done = _asked(operation, operation.outcome(plan, receipts))
        return replace(done, message=f"was done already: {plan.summary}", changes=_effects(plan))
    hands.person.say("Going on with the plan that was cut off.")
    hands.person.show_plan(plan)
    _confirm(plan, hands, question)
    return _executed(operation, plan, hands)


def _executed(operation: Change, plan: Plan, hands: Hands) -> Done:
    execution = execute(plan, hands.gateways, hands.journal, who=hands.who)
    outcome = filed(hands.gateways, operation.outcome(plan, execution.receipts))
    if execution.exit_code is not ExitCode.DONE:
        failed = next((one for one in execution.receipts if one.status in ("failed", "not_started")), None)
        kind = _FAILURES.get(execution.exit_code, OperationFailed)
        raise kind(failed.code if failed else "failed", failed.message if failed else "The change was not made.",
                   hint=f"See `eosctl journal show {execution.journal_id}`.")  # fmt: skip
    done = _asked(operation, outcome)
    return replace(
        done, message=plan.summary, journal_ids=(execution.journal_id,), changes=_effects(plan),
        receipts=tuple(_receipt(one) for one in execution.receipts), undo=(_way_back(execution.journal_id, hands),),
    )  # fmt: skip


def _receipt(receipt: Receipt) -> Mapping[str, Any]:
    kept = {key: plain(value) for key, value in vars(receipt).items() if key != "step"}
    return {"step": receipt.step.describe(), **kept}


def _way_back(journal_id: str, hands: Hands) -> str:
    steps, reasons = undo_steps(hands.journal.entry(journal_id))
    words = " ".join(reasons)
    if not steps:
        return f"{journal_id} can't be undone. {words}".strip()
    return f"eosctl undo {journal_id}" + (f" (in part: {words})" if words else "")


def _confirm(plan: Plan, hands: Hands, question: str) -> None:
    for number, asked in enumerate(questions(plan, hands.situation)):
        text = question if question and number == 0 and not asked.expects else asked.text
        typed = asked.expects and hands.person.answer(f"{text}: ") == asked.expects
        if not typed and (asked.expects or not hands.person.confirm(text)):
            raise Refused("declined", "The plan was not confirmed.", why="Nothing was changed.")


def _effects(plan: Plan) -> tuple[Mapping[str, Any], ...]:
    return tuple(plain(one) for one in plan.effects())


def _failure(report: Report) -> EosctlError:
    first = report.errors[0] if report.errors else None
    kind = _FAILURES.get(report.exit_code, OperationFailed)
    if first is None:
        return kind("failed", report.summary or "The action did not succeed.")
    return kind(first.code, first.message, hint=first.hint)
