"""`lab up`: starts a real Kafka and PostgreSQL here; says so when they run already."""

from eosctl.core.operation import Action, Example
from eosctl.core.params import Params, param
from eosctl.core.report import Report
from eosctl.domain.lab import LabSummary, LabWish
from eosctl.ports import Gateways


class LabUpParams(Params):
    """What the lab shall be."""

    name: str = param("default", help="The lab's name; several may stand side by side")
    brokers: int = param(1, help="How many brokers: 1 or 3", ge=1, le=3)
    secure: bool = param(False, help="SASL_SSL with SCRAM, an SSL listener for client certificates, ACLs")
    transaction_version: int = param(
        0,
        help="Kafka's feature transaction.version; 0 lets real hanging transactions be made, 2 is Kafka's default",
        ge=0,
        le=2,
    )
    cdc: bool = param(False, help="Add Kafka Connect with Debezium (also to a lab that runs already)")
    java: str = param(
        "", help="An existing Java 17+: its program's path, or `system`; otherwise the lab brings its own"
    )
    postgres_bin: str = param("", help="An existing PostgreSQL's bin folder; otherwise the lab brings its own")
    kafka_port: int = param(0, help="Kafka's port; otherwise a free one is chosen and remembered", ge=0, le=65_535)
    postgres_port: int = param(0, help="PostgreSQL's port, likewise", ge=0, le=65_535)


def run(gateways: Gateways, params: LabUpParams) -> Report:
    """Starts what does not run. Raises OperationFailed (`port_taken`, `download_failed`, `disk_full`, ...)."""
    wish = LabWish(
        brokers=params.brokers,
        secure=params.secure,
        transaction_version=params.transaction_version,
        cdc=params.cdc,
        java=params.java,
        postgres_bin=params.postgres_bin,
        kafka_port=params.kafka_port,
        postgres_port=params.postgres_port,
    )
    if gateways.lab.downloads(wish):
        gateways.commands.say("Downloading Kafka, the first time only ...")
    lab, started = gateways.lab.up(params.name, wish)
    name = "" if params.name == "default" else f" --name {params.name}"
    said = "is up" if started else "ran already: nothing was done"
    return Report(
        lab,
        LabSummary,
        summary=f'The lab {lab.name!r} {said}. Use it with --profile {lab.profile}, or: eval "$(eosctl lab env{name})"',
    )


OPERATION = Action(
    name="lab.up",
    summary="Start a real Kafka and PostgreSQL on this machine",
    params=LabUpParams,
    result=LabSummary,
    listing=False,
    run=run,
    details="The first start downloads Kafka's jars (56 MB). Nothing else has to be installed: no Docker, no Java.",
    examples=(
        Example("eosctl lab up", "One broker and one database."),
        Example("eosctl lab up --name cdc --cdc", "With Kafka Connect and Debezium, for `eosctl cdc`."),
        Example("eosctl lab up --name secure --secure", "A second lab, with TLS, SCRAM users and ACLs."),
    ),
)
