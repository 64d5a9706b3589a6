"""`profile use`: makes a profile the one that commands take when none is named."""

from dataclasses import dataclass

from eosctl.core.operation import Action, Example
from eosctl.core.params import Params, param
from eosctl.core.report import Report
from eosctl.ports import Gateways


class ProfileUseParams(Params):
    """Which profile."""

    name: str = param(help="The profile's name", positional=True, complete="profile")


@dataclass(frozen=True)
class ProfileUsed:
    """What is current now, and in which file that stands."""

    current: str
    file: str


def run(gateways: Gateways, params: ProfileUseParams) -> Report:
    """Writes the configuration file; raises UsageError (`unknown_profile`)."""
    gateways.profiles.use(params.name)
    return Report(
        ProfileUsed(params.name, str(gateways.profiles.path())),
        ProfileUsed,
        summary=f"{params.name} is the current profile.",
    )


OPERATION = Action(
    name="profile.use",
    summary="Choose the current profile",
    params=ProfileUseParams,
    result=ProfileUsed,
    listing=False,
    run=run,
    examples=(Example("eosctl profile use staging", "Commands without --profile go to staging."),),
)
