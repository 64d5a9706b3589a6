"""Keeps two people from running the same playbook at the same target: an advisory lock in the database.

PostgreSQL's lock holds across machines and is free again when its session ends, however that happens. Without a
database a file lock holds on this machine alone, and the run says so.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from eosctl.core.errors import Refused, UsageError
from eosctl.playbook.record import runs_folder


@contextmanager
def locked(name: str, fresh: Callable[[], Any], say: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock; nothing for an empty name. Raises Refused (`playbook_locked`)."""
    if not name:
        yield
        return
    gateways = fresh()
    try:
        try:
            answer = gateways.database.query("playbook_lock", {"key": f"eosctl playbook {name}"})
        except UsageError as error:
            if error.code != "no_database":
                raise
            with _on_this_machine(name, say):
                yield
            return
        if not answer[0]["locked"]:
            raise _held(name)
        yield
    finally:
        gateways.close()


@contextmanager
def _on_this_machine(name: str, say: Callable[[str], None]) -> Iterator[None]:
    from filelock import FileLock, Timeout

    say(f"No database is named, so the lock {name!r} holds on this machine alone.")
    runs_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(runs_folder() / f".{name.replace('/', '_')}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise _held(name) from None
    try:
        yield
    finally:
        lock.release()


def _held(name: str) -> Refused:
    return Refused("playbook_locked", f"Somebody runs it already: the lock {name!r} is held.",
                   why="Two runs at the same target would undo each other's work.",
                   hint="Wait until that run is over.")  # fmt: skip
