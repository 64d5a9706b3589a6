"""`cdc restart`: restarts what has failed of a connector, and waits until it runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from eosctl.core.errors import Notice
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import Params, param
from eosctl.core.plan import Plan
from eosctl.core.report import Report
from eosctl.domain.connect import ConnectorStatus
from eosctl.domain.steps.cdc import RestartConnector
from eosctl.operations.cdc.status import only_connector
from eosctl.operations.receipts import StepRow, step_rows
from eosctl.ports import Gateways


class CdcRestartParams(Params):
    """Which connector."""

    connector: str = param("", help="The connector's name [default: the only one]", positional=True)


@dataclass(frozen=True)
class RestartSeen:
    """The connector's state, and at which Connect."""

    url: str
    status: ConnectorStatus


def observe(gateways: Gateways, params: CdcRestartParams) -> RestartSeen:
    """Asks Connect."""
    name = params.connector or only_connector(gateways)
    return RestartSeen(gateways.connect.url, gateways.connect.status(name))


def plan(seen: RestartSeen, params: CdcRestartParams) -> Plan:
    """One step, none when nothing has failed; why it failed is a warning."""
    status = seen.status
    step = RestartConnector(connector=status.name, url=seen.url, expects_failed=status.failed)
    traces = dict.fromkeys(one.trace for one in status.parts if one.trace)
    return Plan(
        operation=OPERATION.name,
        summary=f"Restart what failed of {status.name}" if status.failed else f"Nothing of {status.name} has failed",
        steps=(step,) if status.failed else (),
        warnings=tuple(
            Notice("trace", f"{one.rstrip('.')}.", "If the cause is still there it fails again.") for one in traces
        ),
    )


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """A row a step."""
    return Report(step_rows(receipts), StepRow, text="")


OPERATION = Change(
    name="cdc.restart",
    summary="Restart the failed parts of a connector",
    params=CdcRestartParams,
    result=StepRow,
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="Only what has FAILED is restarted; verified by seeing it run.",
    examples=(Example("eosctl cdc restart outbox", "After the cause was mended."),),
)
