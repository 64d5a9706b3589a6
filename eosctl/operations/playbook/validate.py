"""`playbook validate`: every fault with file, line and column. Asks no server."""

from dataclasses import dataclass

from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report
from eosctl.ports import Gateways


class PlaybookValidateParams(Params):
    """Which ones."""

    playbook: tuple[str, ...] = param(help="Names, or .yaml files", positional=True, complete="playbook", min_length=1)


@dataclass(frozen=True)
class FaultRow:
    """One fault; it begins with `file:line:column`."""

    playbook: str
    fault: str


def observe(gateways: Gateways, params: PlaybookValidateParams) -> tuple[FaultRow, ...]:
    """Raises UsageError (`unknown_playbook`, `no_playbook`)."""
    return tuple(FaultRow(name, fault) for name in params.playbook for fault in gateways.playbooks.validate(name))


def report(faults: tuple[FaultRow, ...], params: PlaybookValidateParams) -> Report:
    """Exit 2 when there are faults, as for every bad input file."""
    code = ExitCode.USAGE if faults else ExitCode.DONE
    return Report(faults, FaultRow, exit_code=code, summary="" if faults else "No fault.")


OPERATION = Query(
    name="playbook.validate",
    summary="Check playbooks without running them",
    params=PlaybookValidateParams,
    result=FaultRow,
    observe=observe,
    report=report,
    details="Unknown keys, actions, parameters and types, expressions that do not parse: each with line and column.",
    examples=(Example("eosctl playbook validate playbooks/unblock-consumer.yaml", "Before it is reviewed."),),
)
