"""The gate of the incidents: nothing is broken on a cluster that is not the lab's own."""

from eosctl.core.errors import Refused, Unreachable
from eosctl.lab.clients import librdkafka_admin
from eosctl.lab.state import LabState

_LIMIT_S = 10.0
_HERE = ("127.0.0.1", "localhost")


def confirm_lab(state: LabState) -> None:
    """Asks the cluster for its id. Raises Refused when it is not the id that the lab was formatted with.

    A state file that was edited, or a port that another Kafka took over, is caught here. Raises Unreachable when
    nothing answers.
    """
    strangers = [one for one in state.bootstrap_servers.split(",") if one.rpartition(":")[0] not in _HERE]
    if strangers:
        raise Refused(
            "not_a_lab",
            f"{', '.join(strangers)} is not on this machine.",
            why="Incidents are made on labs only, and a lab listens on 127.0.0.1.",
            hint="Start a lab: eosctl lab up.",
        )
    found = _cluster_id(state)
    if not state.cluster_id or found != state.cluster_id:
        raise Refused(
            "not_a_lab",
            f"The cluster at {state.bootstrap_servers} is not the lab {state.name!r}.",
            why=f"Its id is {found}, the lab was formatted as {state.cluster_id or 'nothing'}.",
            hint="Start a lab: eosctl lab up.",
        )


def _cluster_id(state: LabState) -> str:
    from confluent_kafka import KafkaException

    admin = librdkafka_admin(state)  # kept by name: a collected client never answers
    try:
        return str(admin.describe_cluster(request_timeout=_LIMIT_S).result(_LIMIT_S).cluster_id)
    except (KafkaException, TimeoutError) as error:
        raise Unreachable(
            "lab_unreachable",
            f"The lab {state.name!r} does not answer at {state.bootstrap_servers}.",
            why=f"{error}." if str(error) else f"No answer within {_LIMIT_S:.0f} s.",
            hint="Is it up? eosctl lab status.",
        ) from None
