"""`playbook run`: runs a playbook's steps, asks where it says so, and leaves a record."""

from pathlib import Path

from eosctl.core.errors import UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Action, Example
from eosctl.core.params import Params, param
from eosctl.core.report import Report, Section
from eosctl.ports import Gateways
from eosctl.ports.playbooks import RunOutcome, RunWish, StepOutcome


class RunParams(Params):
    """How to run; shared with `resume`."""

    set: tuple[str, ...] = param(
        (), help="A parameter, NAME=VALUE; repeatable", flags=("-p", "--param"), metavar="NAME=VALUE",
        complete="playbook_param",
    )  # fmt: skip
    yes: bool = param(False, help="Do not ask", flags=("--yes", "-y"))
    confirm: str = param("", help="A protected profile's name, instead of typing it", metavar="NAME")
    step: bool = param(False, help="Ask before each step")
    report: Path | None = param(None, help="Write the record to a file: .md, .html or .json", complete="file")


class PlaybookRunParams(RunParams):
    """Which one, and how."""

    playbook: str = param(help="Its name, or a .yaml file", positional=True, complete="playbook")
    dry_run: bool = param(False, help="Show the plan of each step that can be planned, and stop")
    start_at: str = param("", help="Begin with this step", flags=("--from",), metavar="ID")


def run(gateways: Gateways, params: PlaybookRunParams) -> Report:
    """Raises what a failed step raised; the record says where it stands."""
    wish = wish_of(params, dry_run=params.dry_run, start_at=params.start_at)
    return told(gateways.playbooks.run(params.playbook, wish))


def wish_of(params: RunParams, *, dry_run: bool = False, start_at: str = "") -> RunWish:
    """Raises UsageError (`bad_parameter`)."""
    given = {}
    for pair in params.set:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError("bad_parameter", f"-p {pair!r} is not NAME=VALUE.", hint="For example -p group=orders.")
        given[name] = value
    if params.report is not None and params.report.suffix not in (".md", ".html", ".json"):
        raise UsageError("bad_report", f"{params.report} is no report's name.", hint="End it in .md, .html or .json.")
    return RunWish(params=given, dry_run=dry_run, yes=params.yes, ask_each=params.step, start_at=start_at,
                   confirm=params.confirm, report=params.report)  # fmt: skip


def told(outcome: RunOutcome) -> Report:
    """A row a step; exit 1 when an assertion stopped it badly."""
    said = f"{outcome.said}. " if outcome.said else ""
    return Report(
        outcome,
        RunOutcome,
        exit_code=ExitCode.FAILED if outcome.status == "failed" else ExitCode.DONE,
        sections=(Section(f"{outcome.playbook}: {outcome.status}", outcome.steps, StepOutcome),),
        summary=f"{said}Run {outcome.run}. Its record: {outcome.folder}",
    )


OPERATION = Action(
    name="playbook.run",
    summary="Run a playbook",
    params=PlaybookRunParams,
    result=RunOutcome,
    listing=False,
    needs=("kafka", "database"),
    run=run,
    details="Every step is an operation, called in process; changes show their plan and ask as the command would. What "
    "was done is in the run's record and in the journal. After a failure or Ctrl-C `playbook resume` goes on.",
    examples=(
        Example("eosctl playbook run unblock-consumer -p group=orders --dry-run", "What it would do."),
        Example("eosctl playbook run unblock-consumer -p group=orders --report incident.md", "Do it, with a record."),
    ),
)
