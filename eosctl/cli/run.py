"""Runs a bound operation: query, change or action. Asks where the policy says so, prints once."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eosctl.cli import console
from eosctl.cli.settings import Settings, settings_of
from eosctl.core.errors import Notice, Refused
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Action, Change, Operation, Query
from eosctl.core.report import Report
from eosctl.render.output import Format

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eosctl.cli.options import Shared
    from eosctl.core.params import Params
    from eosctl.core.plan import Plan


@dataclass(frozen=True)
class Call:
    """One command being run: what was typed, which servers, which format."""

    gateways: Any
    shared: Shared
    settings: Settings
    form: Format


def run_operation(operation: Operation, params: Params, shared: Shared) -> None:
    """Runs it and ends the process with its exit code (SystemExit); errors go to the boundary."""
    from eosctl.cli.wiring import make_gateways
    from eosctl.runtime.filing import filed

    form = Format(shared.format_name())
    if isinstance(operation, Query) and (shared.nagios or shared.prometheus or shared.serve):
        from eosctl.cli import monitoring

        raise SystemExit(monitoring.run(operation, params, shared))
    settings = settings_of(shared.flags())
    with console.stopping() as stop:
        gateways = make_gateways(settings, progress=console.progress(form, quiet=bool(shared.watch)), stop=stop)
        call = Call(gateways, shared, settings, form)
        try:
            if isinstance(operation, Query) and shared.watch:
                code = console.watch(operation, lambda: _query(operation, gateways, params), form, shared.watch)
            else:
                report = filed(gateways, _run(operation, params, call))
                console.show(operation.name, report, form)
                code = report.exit_code
        finally:
            gateways.close()
    raise SystemExit(int(code))


def _run(operation: Operation, params: Params, call: Call) -> Report:
    match operation:
        case Query():
            return _query(operation, call.gateways, params)
        case Change():
            return _change(operation, params, call)
        case Action():
            return operation.run(call.gateways, params)
    raise TypeError(f"{operation.name} is no query, change or action")


def _query(operation: Query, gateways: Any, params: Params) -> Report:
    return operation.report(operation.observe(gateways, params), params)


def _change(operation: Change, params: Params, call: Call) -> Report:
    from eosctl.render.plans import ChangeData
    from eosctl.runtime.plans import plan_change, save_plan

    shown = operation.preview(call.gateways, params) if operation.preview else None
    if shown is not None:
        return shown
    plan = plan_change(operation, call.gateways, params)
    shared = call.shared
    if call.form in console.FOR_PEOPLE:
        console.show_plan(plan)
    data = ChangeData(applied=False, plan=_plan_data(plan, call), plan_file=shared.plan_out)
    if shared.plan_out:
        save_plan(plan, Path(shared.plan_out))
        return _planned(data, call, f"Saved. Run it with: eosctl apply {shared.plan_out}", plan)
    if shared.dry_run:
        return _planned(data, call, "Dry run: nothing was changed.", plan)
    if not plan.steps:
        return _planned(replace(data, applied=True), call, "There is nothing to do.", plan)
    _confirm(plan, call)
    return _execute(operation, plan, call)


def _plan_data(plan: Plan, call: Call) -> Mapping[str, Any]:
    """The plan as data, for scripts; people have it before their eyes."""
    return {} if call.form in console.FOR_PEOPLE else plan.as_dict()


def _planned(data: Any, call: Call, summary: str, plan: Plan) -> Report:
    """For people the plan was shown already; the data is for scripts, and CSV has its lines of before and after."""
    from eosctl.core.plan import Effect

    lines = plan.effects() if call.form is Format.CSV else None
    return Report(data, Effect, listing=lines, warnings=_not_yet_shown(plan, call), text="", summary=summary)


def _not_yet_shown(plan: Plan, call: Call) -> tuple[Notice, ...]:
    """A plan's warnings, unless people have read them with the plan."""
    return () if call.form in console.FOR_PEOPLE else plan.warnings


def _confirm(plan: Plan, call: Call) -> None:
    from eosctl.runtime.confirmation import Situation, questions

    situation = Situation(
        interactive=sys.stdin.isatty() and sys.stderr.isatty(),
        yes=call.shared.yes,
        profile=call.settings.profile_name,
        protected=call.settings.protected,
        confirm=call.shared.confirm,
    )
    for question in questions(plan, situation):
        if not console.ask(question):
            raise Refused("declined", "The plan was not confirmed.", why="Nothing was changed.")


def _execute(operation: Change, plan: Plan, call: Call) -> Report:
    from eosctl.render.output import csv_rows
    from eosctl.render.plans import ChangeData, receipt_data
    from eosctl.runtime.execute import execute
    from eosctl.runtime.plans import has_way_back

    gateways = call.gateways
    undoes = str(plan.params.get("undo", "")) if operation.name == "undo" else ""
    execution = execute(plan, gateways, gateways.record, who=who(), undoes=undoes)
    outcome = operation.outcome(plan, execution.receipts)
    undo = f"eosctl undo {execution.journal_id}" if not undoes and has_way_back(execution.receipts) else ""
    data = ChangeData(
        applied=True,
        plan=_plan_data(plan, call),
        steps=tuple(receipt_data(one) for one in execution.receipts),
        result=outcome.data,
        journal_id=execution.journal_id,
        undo=undo,
    )
    back = f"Undo it with: {undo}" if undo else "" if undoes else "It can't be undone."
    return Report(
        data,
        outcome.row_type,
        listing=csv_rows(outcome) if call.form is Format.CSV else None,
        exit_code=execution.exit_code if execution.exit_code is not ExitCode.DONE else outcome.exit_code,
        warnings=(*_not_yet_shown(plan, call), *outcome.warnings),
        errors=(
            *outcome.errors,
            *(Notice(one.code, one.message) for one in execution.receipts if one.status == "failed"),
        ),
        text=console.change_text(execution.receipts, outcome, call.form),
        summary=f"{outcome.summary} Journal: {execution.journal_id}. {back}".strip(),
        documents=outcome.documents,
    )


def who() -> str:
    """Who does it, for the journal: user and host."""
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
