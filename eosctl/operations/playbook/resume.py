"""`playbook resume`: goes on with a run that failed or was interrupted; what was done is not done again."""

from eosctl.core.operation import Action, Example
from eosctl.core.params import param
from eosctl.core.report import Report
from eosctl.operations.playbook.run import RunParams, told, wish_of
from eosctl.ports import Gateways
from eosctl.ports.playbooks import RunOutcome


class PlaybookResumeParams(RunParams):
    """Which run."""

    run: str = param(help="The run's id, or its beginning", positional=True, complete="run")
    accept_changed: bool = param(False, help="Go on although the playbook's file was changed since")


def run(gateways: Gateways, params: PlaybookResumeParams) -> Report:
    """Raises UsageError (`unknown_run`), Refused (`playbook_changed`, `run_over`)."""
    return told(gateways.playbooks.resume(params.run, wish_of(params), accept_changed=params.accept_changed))


OPERATION = Action(
    name="playbook.resume",
    summary="Go on with a run",
    params=PlaybookResumeParams,
    result=RunOutcome,
    listing=False,
    needs=("kafka", "database"),
    run=run,
    details="Parameters are those of the run; a secret must be given again, for the record does not hold it.",
    examples=(Example("eosctl playbook resume 20260301T120000", "After the database is back."),),
)
