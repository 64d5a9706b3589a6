"""`lab status`: the labs of this machine."""

from eosctl.core.operation import Example, Query
from eosctl.core.params import Params
from eosctl.core.report import Report
from eosctl.domain.lab import LabSummary
from eosctl.ports import Gateways


class LabStatusParams(Params):
    """Nothing to choose."""


def observe(gateways: Gateways, params: LabStatusParams) -> tuple[LabSummary, ...]:
    """All labs, running or not."""
    return gateways.lab.labs()


def report(labs: tuple[LabSummary, ...], params: LabStatusParams) -> Report:
    """The rows as they are."""
    return Report(labs, LabSummary, summary="" if labs else "There is no lab: eosctl lab up makes one.")


OPERATION = Query(
    name="lab.status",
    summary="List the labs of this machine",
    params=LabStatusParams,
    result=LabSummary,
    observe=observe,
    report=report,
    examples=(Example("eosctl lab status", "What runs, and where."),),
)
