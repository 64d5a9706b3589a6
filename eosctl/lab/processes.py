"""Starts and ends the lab's own processes: by pid and creation time, never by name."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eosctl.core.errors import OperationFailed
from eosctl.lab.state import LabProcess

_CLOCK_SLACK_S = 0.5


def start(
    role: str,
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    user: tuple[int, int] | None = None,
) -> LabProcess:
    """Starts a process in a session of its own, its output in `log`; `user` is (uid, gid) when it must not be root."""
    import psutil

    log.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {}
    if user is not None:
        options = {"user": user[0], "group": user[1], "extra_groups": []}
    with log.open("ab") as out:
        try:
            process = subprocess.Popen(
                list(command), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, **(env or {})}, cwd="/", **options,
            )  # fmt: skip
        except OSError as error:
            raise OperationFailed("lab_not_started", f"{role} can't be started: {error}.") from None
    _children[process.pid] = process
    return LabProcess(role, process.pid, psutil.Process(process.pid).create_time())


_children: dict[int, "subprocess.Popen[bytes]"] = {}
"""Processes that this one is the parent of: they are reaped when they end."""


def is_running(process: LabProcess) -> bool:
    """Whether that very process lives (not another one that got its pid)."""
    return _found(process) is not None


def end(process: LabProcess, *, limit_s: float = 20.0) -> bool:
    """Asks the process to end, then kills it; False when it was not running."""
    import psutil

    found = _found(process)
    if found is None:
        return False
    try:
        found.terminate()
        try:
            found.wait(limit_s)
        except psutil.TimeoutExpired:
            found.kill()
            found.wait(5)
    except psutil.NoSuchProcess:
        pass
    child = _children.pop(process.pid, None)
    if child is not None:
        child.wait()
    return True


def kill(process: LabProcess) -> None:
    """SIGKILL to the process and to those that it has started: PostgreSQL's go on for a moment without it."""
    import psutil

    found = _found(process)
    if found is None:
        return
    family = [found, *found.children(recursive=True)]
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(family, timeout=10)
    child = _children.pop(process.pid, None)
    if child is not None:
        child.wait()


def reap() -> None:
    """Takes leave of own children that have ended, whoever ended them."""
    for pid, child in tuple(_children.items()):
        if child.poll() is not None:
            _children.pop(pid, None)


def _found(process: LabProcess) -> Any:
    import psutil

    child = _children.get(process.pid)
    if child is not None and child.poll() is not None:
        return None
    try:
        one = psutil.Process(process.pid)
        same = abs(one.create_time() - process.created) < _CLOCK_SLACK_S
        return one if same and one.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def free_port(taken: set[int]) -> int:
    """A port of the loopback interface that nobody listens on and that is not in `taken`; it is added there."""
    while True:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
        if port not in taken:
            taken.add(port)
            return port


def is_taken(port: int) -> bool:
    """Whether somebody listens on the port."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def wait_for_port(port: int, process: LabProcess, *, limit_s: float, log: Path) -> None:
    """Waits until the port answers. Raises OperationFailed with the end of the log when the process dies first."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=0.5) as one:
                if one.getsockname() != one.getpeername():  # with nobody there a socket can meet itself
                    return
        except OSError:
            pass
        if not is_running(process):
            raise OperationFailed("lab_not_started", f"{process.role} ended while it started.", why=log_tail(log),
                                  hint=f"The whole log is {log}.")  # fmt: skip
        time.sleep(0.05)
    raise OperationFailed(
        "lab_not_started", f"{process.role} did not answer within {limit_s:.0f} s.", hint=f"See {log}."
    )


def log_tail(log: Path, lines: int = 3) -> str:
    """The last lines of a log that look like a reason."""
    text = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    reasons = [line for line in text if any(mark in line for mark in ("ERROR", "FATAL", "Exception", "No space"))]
    return " ".join((reasons or text)[-lines:])[:600]
