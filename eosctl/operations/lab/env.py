"""`lab env`: the variables that point eosctl at a lab, for `eval`."""

import shlex
from collections.abc import Mapping

from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report
from eosctl.ports import Gateways


class LabEnvParams(Params):
    """Which lab."""

    name: str = param("default", help="The lab's name")


def observe(gateways: Gateways, params: LabEnvParams) -> Mapping[str, str]:
    """The variables; raises OperationFailed (`lab_down`)."""
    return gateways.lab.environment(params.name)


def report(variables: Mapping[str, str], params: LabEnvParams) -> Report:
    """Lines that a shell reads; an object for scripts."""
    lines = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    return Report(dict(variables), text=lines)


OPERATION = Query(
    name="lab.env",
    summary="Print the variables that point eosctl at a lab",
    params=LabEnvParams,
    result=dict,
    listing=False,
    observe=observe,
    report=report,
    examples=(Example('eval "$(eosctl lab env)"', "Every later command of this shell goes to the lab."),),
)
