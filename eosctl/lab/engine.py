"""Brings labs up and down. A half-started lab cleans up behind itself; a second `up` is a no-op."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from eosctl.core.counts import counted
from eosctl.core.durations import format_time
from eosctl.core.errors import OperationFailed, UsageError
from eosctl.domain.lab import LabWish
from eosctl.lab import connect, jars, kafka, postgres, security
from eosctl.lab.processes import end, free_port, is_running, is_taken, kill, reap
from eosctl.lab.state import LabProcess, LabState, check_name, known_state, labs_folder, read_state, write_state

_ROOM_BYTES = 300 * 1024 * 1024


def up(name: str, wish: LabWish) -> tuple[LabState, bool]:
    """The running lab, and whether it was started now. Raises OperationFailed or UsageError; then nothing runs."""
    check_name(name)
    with _locked(name):
        state = read_state(name)
        if state is not None and is_up(state):
            _same_shape(state, wish)
            if wish.cdc and connect.ROLE not in state.ports:
                return _with_connect(_connect_port(state)), True
            return state, False
        if state is not None:
            _same_shape(state, wish)
            _end_all(state)
            if wish.cdc:
                state = _connect_port(state)
            return _started(state), True
        return _started(_new(name, wish)), True


def down(name: str, *, purge: bool) -> tuple[LabState, tuple[str, ...]]:
    """Ends the lab's processes, incidents first; the roles that were ended. `purge` deletes its data."""
    check_name(name)
    with _locked(name):
        state = known_state(name)
        ended = _end_all(state, _kill_or_end if purge else end)
        reap()
        stopped = replace(state, processes=())
        write_state(stopped)
        if purge:
            shutil.rmtree(postgres.data_folder(state), ignore_errors=True)
            shutil.rmtree(state.folder, ignore_errors=True)
    return stopped, ended


def is_up(state: LabState) -> bool:
    """Whether all its servers run."""
    servers = ["postgres", *(f"broker-{node}" for node in range(1, state.brokers + 1))]
    servers += [connect.ROLE] if connect.ROLE in state.ports else []
    found = [state.process(role) for role in servers]
    return all(one is not None and is_running(one) for one in found)


def record_process(state: LabState, process: LabProcess) -> LabState:
    """Remembers a process (an incident's) so that `down` ends it; an ended one of that role is forgotten."""
    with _locked(state.name):
        now = known_state(state.name)
        kept = tuple(one for one in now.processes if one.role != process.role)
        changed = replace(now, processes=(*kept, process))
        write_state(changed)
    return changed


def _new(name: str, wish: LabWish) -> LabState:
    state = _draft(name, wish)
    folder = Path(state.folder)
    if shutil.disk_usage(folder.parent).free < _ROOM_BYTES:
        raise OperationFailed("disk_full", f"There is no room for a lab at {folder}.", why="It wants 300 MiB.",
                              hint="Make room, or set XDG_DATA_HOME to another disk.")  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        _no_room(error, folder)
    try:
        passwords = security.make_security(folder / "security") if wish.secure else {}
        if wish.secure:
            settings = security.scram_settings(folder / "security", security.ADMIN, passwords[security.ADMIN])
            state = replace(state, security=settings)
            _write_client_files(state, passwords)
        with ThreadPoolExecutor(1) as pool:
            database = pool.submit(postgres.make_database, state)
            kafka.format_brokers(state, passwords, wish.broker_settings)
            database.result()
    except BaseException as error:
        shutil.rmtree(postgres.data_folder(state), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            _no_room(error, folder)
        raise
    return state


def _draft(name: str, wish: LabWish) -> LabState:
    """The lab as it shall be; nothing of it exists yet."""
    if wish.cdc and wish.secure:
        raise _plain_only()
    ports = _ports(wish)
    return LabState(
        name=name,
        folder=str(labs_folder() / name),
        cluster_id=kafka.new_cluster_id(),
        bootstrap_servers=",".join(f"127.0.0.1:{ports[f'client-{node}']}" for node in range(1, wish.brokers + 1)),
        dsn=f"postgresql://postgres@127.0.0.1:{ports['postgres']}/postgres",
        brokers=wish.brokers,
        secure=wish.secure,
        transaction_version=wish.transaction_version,
        java=jars.java(wish.java),
        postgres_bin=postgres.postgres_bin(wish.postgres_bin),
        ports=ports,
        created_at=format_time(datetime.now(UTC)),
    )


def _write_client_files(state: LabState, passwords: Mapping[str, str]) -> None:
    folder = state.path("security")
    for user, password in passwords.items():
        settings = security.scram_settings(folder, user, password)
        security.write_properties(
            folder / f"{user}.properties", {"bootstrap.servers": state.bootstrap_servers, **settings}
        )
    ssl_servers = ",".join(f"127.0.0.1:{state.ports[f'ssl-{node}']}" for node in range(1, state.brokers + 1))
    by_certificate = {"bootstrap.servers": ssl_servers, **security.certificate_settings(folder)}
    security.write_properties(folder / "certificate.properties", by_certificate)


def _started(state: LabState) -> LabState:
    """Starts every server; when one does not start, the others are ended and a new lab's folder is taken away."""
    fresh = not state.path("state.json").exists()
    taken = [f"{role} {port}" for role, port in state.ports.items() if is_taken(port)]
    if taken:
        if fresh:
            shutil.rmtree(postgres.data_folder(state), ignore_errors=True)
            shutil.rmtree(state.folder, ignore_errors=True)
        raise OperationFailed("port_taken", f"The lab's port is taken: {', '.join(taken)}.",
                              hint="End what listens there, or make a new lab under another name.")  # fmt: skip
    running: list[LabProcess] = []
    try:
        with ThreadPoolExecutor(2) as pool:
            database = pool.submit(postgres.start_postgres, state)
            try:
                for node in range(1, state.brokers + 1):
                    running.append(kafka.start_broker(state, node))
            finally:
                running.append(database.result())
        for node in range(1, state.brokers + 1):
            kafka.wait_for_broker(state, running[node - 1], node)
        kafka.wait_for_cluster(state)
        if connect.ROLE in state.ports:
            running.append(connect.start_connect(state))
            connect.wait_for_connect(state, running[-1])
    except BaseException:
        for process in running:
            end(process, limit_s=5)
        if fresh:
            shutil.rmtree(postgres.data_folder(state), ignore_errors=True)
            shutil.rmtree(state.folder, ignore_errors=True)
        raise
    up_now = replace(state, processes=tuple(running))
    write_state(up_now)
    return up_now


def _connect_port(state: LabState) -> LabState:
    if connect.ROLE in state.ports:
        return state
    return replace(state, ports={**state.ports, connect.ROLE: free_port(set(state.ports.values()))})


def _with_connect(state: LabState) -> LabState:
    """Adds Connect to a lab that runs; when it does not start, the lab stays as it was."""
    process = connect.start_connect(state)
    try:
        connect.wait_for_connect(state, process)
    except BaseException:
        end(process, limit_s=5)
        raise
    grown = replace(state, processes=(*state.processes, process))
    write_state(grown)
    return grown


def _ports(wish: LabWish) -> dict[str, int]:
    taken: set[int] = set()
    asked = {"client-1": wish.kafka_port, "postgres": wish.postgres_port}
    for role, port in asked.items():
        if port and is_taken(port):
            raise OperationFailed("port_taken", f"Port {port} is taken.", why=f"It was asked for {role}.",
                                  hint="Name another port, or none: a free one is chosen.")  # fmt: skip
        taken.add(port)
    roles = (*kafka.port_roles(wish.brokers, secure=wish.secure), "postgres", *((connect.ROLE,) if wish.cdc else ()))
    return {role: asked.get(role) or free_port(taken) for role in roles}


def _same_shape(state: LabState, wish: LabWish) -> None:
    if wish.cdc and state.secure:
        raise _plain_only()
    if (wish.brokers, wish.secure) not in ((state.brokers, state.secure), (1, False)):
        shape = f"{counted(state.brokers, 'broker')}, {'secure' if state.secure else 'plain'}"
        raise UsageError(
            "other_lab",
            f"The lab {state.name!r} exists and has {shape}.",
            hint=f"Use another --name, or `eosctl lab down --name {state.name} --purge` first.",
        )


def _plain_only() -> UsageError:
    return UsageError("cdc_plain_only", "A lab with Kafka Connect has no --secure.",
                      why="Its worker and connector speak plain text on the loopback interface.",
                      hint="Leave out --secure, or make two labs.")  # fmt: skip


def _kill_or_end(process: LabProcess) -> bool:
    """For a lab whose data goes too: Kafka need not put it in order; PostgreSQL gives back the memory it shares."""
    if process.role == "postgres":
        return end(process)
    was_running = is_running(process)
    kill(process)
    return was_running


def _end_all(state: LabState, end_server: Callable[[LabProcess], bool] = end) -> tuple[str, ...]:
    workers = [one for one in state.processes if one.role == connect.ROLE]
    servers = [one for one in state.processes if one.role.startswith(("broker-", "postgres"))]
    incidents = [one for one in state.processes if one not in servers and one not in workers]
    ended = [one.role for one in incidents if end(one, limit_s=3)]
    for several in (workers, servers):
        with ThreadPoolExecutor(4) as pool:
            ended += [one.role for one, was in zip(several, pool.map(end_server, several), strict=True) if was]
    return tuple(ended)


def _no_room(error: OSError, folder: Path) -> NoReturn:
    hint = (
        "Make room, or set XDG_DATA_HOME to another disk." if error.errno == errno.ENOSPC else "Check its permissions."
    )
    raise OperationFailed(
        "lab_not_made", f"The lab can't be kept at {folder}: {os.strerror(error.errno or 0)}.", hint=hint
    )


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """One `up` or `down` of a lab at a time."""
    try:
        from filelock import FileLock, Timeout
    except ImportError:
        raise UsageError(
            "no_lab_extra", "The lab's parts are not installed.", hint="pip install 'eosctl[lab]'"
        ) from None
    try:
        labs_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        _no_room(error, labs_folder())
    try:
        with FileLock(labs_folder() / f".{name}.lock", timeout=120):
            yield
    except Timeout:
        raise OperationFailed("lab_busy", f"Another eosctl works on the lab {name!r}.", hint="Wait for it.") from None
