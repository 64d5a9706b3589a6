"""`playbook list`: the playbooks of this directory and those that ship with eosctl."""

from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import Params
from eosctl.core.report import Report
from eosctl.ports import Gateways
from eosctl.ports.playbooks import PlaybookSummary


class PlaybookListParams(Params):
    """Nothing to choose."""


def observe(gateways: Gateways, params: PlaybookListParams) -> tuple[PlaybookSummary, ...]:
    """All of them."""
    return gateways.playbooks.all()


def report(found: tuple[PlaybookSummary, ...], params: PlaybookListParams) -> Report:
    """Exit 3 when one has faults."""
    bad = [one.name for one in found if one.faults]
    summary = f"Faulty: {', '.join(bad)}; see `eosctl playbook validate NAME`." if bad else ""
    return Report(found, PlaybookSummary, exit_code=ExitCode.PROBLEM if bad else ExitCode.DONE, summary=summary)


OPERATION = Query(
    name="playbook.list",
    summary="List the playbooks",
    params=PlaybookListParams,
    result=PlaybookSummary,
    observe=observe,
    report=report,
    details="Those in ./playbooks, then those that ship with eosctl. A parameter with a question mark may be left out.",
    examples=(Example("eosctl playbook list", "What can be run."),),
)
