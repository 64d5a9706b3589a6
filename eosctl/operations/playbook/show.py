"""`playbook show`: one playbook's text."""

from dataclasses import dataclass

from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report
from eosctl.ports import Gateways
from eosctl.ports.playbooks import PlaybookSummary


class PlaybookShowParams(Params):
    """Which one."""

    playbook: str = param(help="Its name, or a .yaml file", positional=True, complete="playbook")


@dataclass(frozen=True)
class PlaybookText:
    """A playbook with its text."""

    name: str
    summary: str
    file: str
    text: str


def observe(gateways: Gateways, params: PlaybookShowParams) -> tuple[PlaybookSummary, str]:
    """Raises UsageError (`unknown_playbook`)."""
    return gateways.playbooks.show(params.playbook)


def report(found: tuple[PlaybookSummary, str], params: PlaybookShowParams) -> Report:
    """The text as it is."""
    one, text = found
    return Report(PlaybookText(one.name, one.summary, one.file, text), PlaybookText, text=text.rstrip("\n"))


OPERATION = Query(
    name="playbook.show",
    summary="Show a playbook",
    params=PlaybookShowParams,
    result=PlaybookText,
    listing=False,
    observe=observe,
    report=report,
    examples=(Example("eosctl playbook show unblock-consumer", "Read it before it is run."),),
)
