"""The way back after a failed step: what the run changed is undone, the last change first."""

from eosctl.core.errors import EosctlError
from eosctl.playbook.state import Run
from eosctl.runtime.execute import execute
from eosctl.runtime.plans import plan_undo


def rolled_back(run: Run) -> None:
    """Undoes every entry of the run that changed something; what can't be undone is told and passed over."""
    for entry in reversed(run.journalled):
        if any(one["status"] == "done" for one in run.hands.journal.entry(entry).receipts):
            _undo(run, entry)


def _undo(run: Run, entry: str) -> None:
    hands = run.hands
    try:
        plan = plan_undo(hands.journal.entry(entry), hands.gateways)
        hands.person.show_plan(plan)
        execution = execute(plan, hands.gateways, hands.journal, who=hands.who, undoes=entry)
        message = f"undid {entry}: {execution.exit_code.name.lower().replace('_', ' ')}"
        failed = [one.message for one in execution.receipts if one.status in ("failed", "not_started")]
        message += f". {' '.join(failed)}" if failed else ""
    except EosctlError as error:
        message = f"{entry} can't be undone: {error.notice().message}"
    hands.person.say(message)
    run.write("rollback", journal_id=entry, message=message)
