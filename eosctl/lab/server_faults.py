"""Breaks a lab's servers: ended, and up again when this returns. Never anybody else's servers."""

from collections.abc import Callable
from contextlib import suppress

from eosctl.core.errors import UsageError
from eosctl.lab import connect, engine, full_disk, kafka, postgres
from eosctl.lab.processes import end, kill
from eosctl.lab.state import LabProcess, LabState

_ROLES = {"kafka": "broker-1", "database": "postgres"}


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
    _start(state, role)


def fill_disk(state: LabState, server: str) -> None:
    """No file of the server (`kafka`, `database`) can be written to until it has ended of that; then there is room.

    Raises Refused (`no_full_disk`), OperationFailed when the server writes nevertheless, or does not come back.
    """
    role = _ROLES[server]
    process = state.process(role)
    try:
        if process is not None:
            full_disk.strike(state, process, _WRITES[server])
    finally:
        if process is not None:
            kill(process)  # nothing is left to kill, unless it did not end of a full disk
        _start(state, role)


def _start(state: LabState, role: str) -> None:
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


def _commit(state: LabState) -> None:
    """Asks for a commit, which the write-ahead log can't take."""
    import psycopg

    with suppress(psycopg.Error), psycopg.connect(state.dsn, connect_timeout=5, autocommit=True) as connection:
        connection.execute("SELECT pg_logical_emit_message(true, 'eosctl', 'disk-full')")


def _written_by_itself(state: LabState) -> None:
    """A broker writes to its metadata log every half second (`metadata.max.idle.interval.ms`)."""


_WRITES: dict[str, Callable[[LabState], None]] = {"kafka": _written_by_itself, "database": _commit}
