"""Breaks a lab's servers: killed or restarted, and up again when this returns. Never anybody else's servers."""

from collections.abc import Callable

from eosctl.core.errors import UsageError
from eosctl.lab import connect, engine, kafka, postgres
from eosctl.lab.processes import end, kill
from eosctl.lab.state import LabProcess, LabState


def break_server(state: LabState, kind: str) -> None:
    """`broker-kill`, `database-kill` and `connect-kill` are SIGKILL, `broker-restart` is a clean stop.

    Raises OperationFailed when the server does not come back, UsageError (`no_connect`) where there is none.
    """
    ways: dict[str, tuple[str, Callable[[LabProcess], object]]] = {
        "broker-kill": ("broker-1", kill),
        "broker-restart": ("broker-1", end),
        "database-kill": ("postgres", kill),
        "connect-kill": (connect.ROLE, kill),
    }
    if kind not in ways:
        raise UsageError("unknown_fault", f"A lab has no fault {kind!r}.", hint=f"There are: {', '.join(ways)}.")
    role, stop = ways[kind]
    process = state.process(role)
    if role == connect.ROLE and process is None:
        raise UsageError("no_connect", f"The lab {state.name!r} has no Kafka Connect.", hint="eosctl lab up --cdc")
    if process is not None:
        stop(process)
    if role == "postgres":
        engine.record_process(state, postgres.start_postgres(state))
        return
    if role == connect.ROLE:
        worker = connect.start_connect(state)
        engine.record_process(state, worker)
        connect.wait_for_connect(state, worker)
        return
    started = kafka.start_broker(state, 1)
    engine.record_process(state, started)
    kafka.wait_for_broker(state, started, 1)
    kafka.wait_for_cluster(state)
