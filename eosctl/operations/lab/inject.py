"""`lab inject`: a real incident on a lab, for practice, demos and tests. Refuses whatever is not a lab."""

from eosctl.core.errors import Refused, UsageError
from eosctl.core.operation import Action, Example
from eosctl.core.params import Params, param
from eosctl.core.report import Report
from eosctl.domain.lab import Incident
from eosctl.ports import Gateways


class LabInjectParams(Params):
    """Which incident, on which lab."""

    incident: str = param(
        help="hanging-transaction, zombie, long-transaction, crashed-producer or dead-letters", positional=True
    )
    name: str = param("default", help="The lab's name")
    set: tuple[str, ...] = param(
        (), help="A detail of the incident, key=value: topic, group, id, count", metavar="KEY=VALUE"
    )


def run(gateways: Gateways, params: LabInjectParams) -> Report:
    """Makes it. Raises Refused (`not_a_lab`) when the connection that was named is not that lab's cluster."""
    _refuse_strangers(gateways, params.name)
    incident = gateways.lab.inject(params.name, params.incident, _options(params.set))
    return Report(incident, Incident, summary=f"Look at it: {incident.look}\nMend it:    {incident.mend}")


def _refuse_strangers(gateways: Gateways, name: str) -> None:
    try:
        named = gateways.target(("kafka",))["kafka_cluster_id"]
    except UsageError as error:
        if error.code == "no_kafka":
            return  # nobody named a cluster: the lab itself is meant
        raise
    lab = next((one for one in gateways.lab.labs() if one.name == name), None)
    if lab is not None and lab.cluster_id != named:
        raise Refused("not_a_lab", f"The cluster {named} is not the lab {name!r}.",
                      why="Incidents are made on labs only.",
                      hint="Leave the connection out, or see `eosctl lab status`.")  # fmt: skip


def _options(pairs: tuple[str, ...]) -> dict[str, str]:
    options = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not value:
            raise UsageError("bad_option", f"--set {pair!r} is not key=value.", hint="For example --set topic=orders.")
        options[key] = value
    return options


OPERATION = Action(
    name="lab.inject",
    summary="Make a real incident on a lab",
    params=LabInjectParams,
    result=Incident,
    needs=("kafka",),
    listing=False,
    run=run,
    examples=(
        Example("eosctl lab inject hanging-transaction", "A transaction that no coordinator will ever end."),
        Example(
            "eosctl lab inject zombie --set topic=ledger", "A producer that its group gave up, and that writes on."
        ),
    ),
)
