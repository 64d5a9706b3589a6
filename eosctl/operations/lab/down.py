"""`lab down`: ends exactly the processes that the lab started."""

from dataclasses import dataclass

from eosctl.core.operation import Action, Example
from eosctl.core.params import Params, param
from eosctl.core.report import Report
from eosctl.ports import Gateways


class LabDownParams(Params):
    """Which lab."""

    name: str = param("default", help="The lab's name")
    purge: bool = param(False, help="Delete its data too")


@dataclass(frozen=True)
class LabDown:
    """What was ended."""

    name: str
    ended: tuple[str, ...]
    purged: bool


def run(gateways: Gateways, params: LabDownParams) -> Report:
    """Raises UsageError (`unknown_lab`)."""
    ended = gateways.lab.down(params.name, purge=params.purge)
    said = f"Ended {', '.join(ended)}." if ended else "Nothing of it was running."
    return Report(LabDown(params.name, ended, params.purge), LabDown, summary=said)


OPERATION = Action(
    name="lab.down",
    summary="End a lab's servers and incidents",
    params=LabDownParams,
    result=LabDown,
    listing=False,
    run=run,
    examples=(Example("eosctl lab down --purge", "End it and delete its data."),),
)
