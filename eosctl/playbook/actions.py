"""One action of a playbook: an operation of the registry, called in process with its own parameter model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from eosctl.core.errors import EosctlError, OperationFailed, PartlyDone, Refused, UsageError, WorldChanged
from eosctl.core.exit_codes import ExitCode, status_of
from eosctl.core.operation import Action, Change, Operation, Query
from eosctl.core.params import Params
from eosctl.core.plain import plain
from eosctl.core.plan import Plan
from eosctl.core.report import Report
from eosctl.operations import registry
from eosctl.ports import Gateways
from eosctl.ports.person import PersonGateway
from eosctl.runtime.confirmation import Situation, questions
from eosctl.runtime.execute import execute
from eosctl.runtime.filing import filed
from eosctl.runtime.journal import Journal
from eosctl.runtime.plans import plan_change

_FAILURES: dict[ExitCode, type[EosctlError]] = {
    ExitCode.PARTLY_DONE: PartlyDone, ExitCode.WORLD_CHANGED: WorldChanged, ExitCode.REFUSED: Refused,
}  # fmt: skip


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
    """An action's `result` as expressions see it, and what the record keeps. `planned`: a dry run stopped there."""

    result: Mapping[str, Any]
    message: str
    journal_id: str = ""
    planned: bool = False
    before: tuple[Mapping[str, Any], ...] = ()


def perform(name: str, arguments: Mapping[str, Any], hands: Hands, *, question: str, dry_run: bool) -> Done:
    """Runs the operation. Raises what it raises, and an error where its exit code is one (3, a finding, is none)."""
    operation = registry.find(name)
    params = _params(operation, arguments)
    match operation:
        case Query():
            report = operation.report(operation.observe(hands.gateways, params), params)
            return _asked(operation, filed(hands.gateways, report))
        case Change():
            return _changed(operation, params, hands, question=question, dry_run=dry_run)
        case Action() if dry_run:
            return Done({}, "not run: it can't be planned", planned=True)
        case Action():
            return _asked(operation, filed(hands.gateways, operation.run(hands.gateways, params)))
    raise TypeError(f"{name} is no query, change or action")


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
    words = f"{len(rows)} rows" if isinstance(data, list) else report.summary
    result = {"rows": rows, "data": data, "exit_code": int(report.exit_code), "status": status_of(report.exit_code)}
    return Done(result, words)


def _changed(operation: Change, params: Params, hands: Hands, *, question: str, dry_run: bool) -> Done:
    plan = plan_change(operation, hands.gateways, params)
    hands.person.show_plan(plan)
    if dry_run:
        return Done({}, plan.summary, planned=True, before=_effects(plan))
    if not plan.steps:
        return Done({"rows": [], "data": None, "exit_code": 0, "status": "ok"}, "there was nothing to do")
    _confirm(plan, hands, question)
    execution = execute(plan, hands.gateways, hands.journal, who=hands.who)
    outcome = filed(hands.gateways, operation.outcome(plan, execution.receipts))
    if execution.exit_code is not ExitCode.DONE:
        failed = next((one for one in execution.receipts if one.status == "failed"), None)
        kind = _FAILURES.get(execution.exit_code, OperationFailed)
        raise kind(failed.code if failed else "failed", failed.message if failed else "The change was not made.",
                   hint=f"See `eosctl journal show {execution.journal_id}`.")  # fmt: skip
    done = _asked(operation, replace(outcome, exit_code=ExitCode.DONE))
    return replace(done, message=plan.summary, journal_id=execution.journal_id, before=_effects(plan))


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
