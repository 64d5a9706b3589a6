"""`profile show`: one connection's settings, secrets masked."""

from collections.abc import Mapping
from typing import Any

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report
from eosctl.ports import Gateways


class ProfileShowParams(Params):
    """Which profile."""

    name: str = param(help="The profile's name", positional=True, complete="profile")


def observe(gateways: Gateways, params: ProfileShowParams) -> Mapping[str, Any]:
    """The settings; raises UsageError (`unknown_profile`)."""
    known = {one.name: one for one in gateways.profiles.profiles()}
    if params.name not in known:
        raise UsageError(
            "unknown_profile",
            f"There is no profile {params.name!r}.",
            hint=did_you_mean(params.name, known) or f"The file is {gateways.profiles.path()}.",
        )
    return {"name": params.name, **known[params.name].settings}


def report(settings: Mapping[str, Any], params: ProfileShowParams) -> Report:
    """The settings as they are."""
    return Report(settings)


OPERATION = Query(
    name="profile.show",
    summary="Show one profile's settings",
    params=ProfileShowParams,
    result=dict,
    listing=False,
    observe=observe,
    report=report,
    examples=(Example("eosctl profile show staging", "What staging connects to."),),
)
