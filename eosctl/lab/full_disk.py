"""Gives a lab's server a full disk without filling one: its processes may write to no file (RLIMIT_FSIZE), for a while.

Linux alone can limit a process that runs. Only the soft limit is set, which its own user may lift again.
"""

import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eosctl.core.durations import format_time
from eosctl.core.errors import OperationFailed, Refused
from eosctl.lab.processes import is_running
from eosctl.lab.state import LabProcess, LabState

LIMIT_S = 60.0
"""The longest wait for a server to find its disk full, in seconds."""

_OF_ITS_OWN_S = 1.0  # those who work on the server write first; then we do
_GONE_S = 10.0


def require(state: LabState) -> None:
    """Raises Refused (`no_full_disk`) where the lab's servers can't be limited; changes nothing."""
    import psutil

    if platform.system() != "Linux":
        raise _refused("Only Linux can keep a process that runs from writing, and your disk is not filled for it.")
    for role in ("broker-1", "postgres"):
        process = state.process(role)
        if process is not None and is_running(process):
            with suppress(psutil.NoSuchProcess):
                _limit(psutil.Process(process.pid), _soft_limit(process.pid))


@contextmanager
def full(process: LabProcess) -> Iterator[None]:
    """No file can be written to by the process and by those that it has started; lifted again at the end."""
    import psutil

    before, root = _soft_limit(process.pid), psutil.Process(process.pid)
    limited: set[psutil.Process] = set()
    try:
        limited |= _limit_all(root, 0)
        yield
    finally:
        for one in limited - _limit_all(root, before):
            with suppress(psutil.NoSuchProcess):
                _limit(one, before)


def strike(state: LabState, process: LabProcess, write: Callable[[LabState], None]) -> None:
    """The server's disk is full until the server has ended of it, as both do: then none of its processes is left.

    `write` makes the server write something, when nobody else does. Raises OperationFailed (`disk_not_full`).
    """
    import psutil

    if not is_running(process):
        return
    _note(state.path("logs", f"{process.role}.log"))
    family: set[psutil.Process] = set()
    with suppress(psutil.NoSuchProcess), full(process):  # it may have ended by now
        root, since = psutil.Process(process.pid), time.monotonic()
        while is_running(process):
            family |= {root, *root.children(recursive=True)}
            if time.monotonic() - since > LIMIT_S:
                raise OperationFailed("disk_not_full", f"{process.role} went on writing for {LIMIT_S:.0f} s.",
                                      why="The limit on its files (RLIMIT_FSIZE) was of no effect.",
                                      hint="Leave out disk-full.")  # fmt: skip
            if time.monotonic() - since > _OF_ITS_OWN_S:
                write(state)
            time.sleep(0.05)
    until = time.monotonic() + _GONE_S
    for one in family:  # PostgreSQL's go on for a moment without it
        while _is_alive(one) and time.monotonic() < until:
            time.sleep(0.02)
        with suppress(psutil.NoSuchProcess):
            one.kill()


def _is_alive(one: Any) -> bool:
    """Not ended; nor ended without its parent having noticed."""
    import psutil

    try:
        return bool(one.is_running() and one.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _limit_all(root: Any, soft: int) -> set[Any]:
    """The parent first: what it starts from then on is born with its limit."""
    import psutil

    done = set()
    with suppress(psutil.NoSuchProcess):
        _limit(root, soft)
        done.add(root)
        for child in root.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                _limit(child, soft)
                done.add(child)
    return done


def _limit(one: Any, soft: int) -> None:
    """Raises Refused, NoSuchProcess."""
    import psutil

    try:
        hard = one.rlimit(psutil.RLIMIT_FSIZE)[1]
        one.rlimit(psutil.RLIMIT_FSIZE, (soft, hard))
    except psutil.AccessDenied:
        _limit_as_its_user(one, soft)


def _limit_as_its_user(one: Any, soft: int) -> None:
    """A container's root has no CAP_SYS_RESOURCE, and the database runs as somebody else: that user may."""
    import psutil

    word = "unlimited" if soft == psutil.RLIM_INFINITY else str(soft)
    command = ["prlimit", f"--pid={one.pid}", f"--fsize={word}:"]
    if os.geteuid() != 0:
        raise _refused("The server runs as another user.")
    try:
        done = subprocess.run(command, user=one.uids().real, group=one.gids().real, extra_groups=[], cwd="/",
                              capture_output=True, text=True, timeout=30, check=False)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _refused(f"This root may not limit another user's process, and prlimit can't be run: {error}.") from None
    if done.returncode and _is_alive(one):
        raise _refused(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}.")


def _soft_limit(pid: int) -> int:
    """What the process may write now, in bytes; -1 is without a limit (proc_pid_limits(5)). Raises NoSuchProcess."""
    import psutil

    try:
        lines = Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    word = next(one for one in lines if one.startswith("Max file size")).split()[3]
    return -1 if word == "unlimited" else int(word)


def _note(log: Path) -> None:
    """The server's log can't be written to either: it says at least why it ends here."""
    now = format_time(datetime.now(UTC))
    with suppress(OSError), log.open("a", encoding="utf-8") as out:
        out.write(f"{now} eosctl: disk-full: this server can write to no file any more, nor to this one.\n")


def _refused(why: str) -> Refused:
    return Refused("no_full_disk", "disk-full can't be made here.", why=why,
                   hint="broker-kill and database-kill come near to it.")  # fmt: skip
