"""Keeps two people from running the same playbook at the same target, across machines.

An advisory lock in the database where one is named; else a Kafka group that one member leads; with neither, a file
lock, which holds on this machine alone and says so. docs/decisions/playbook-locks.md says why, and what each can't do.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from eosctl.core.errors import OperationFailed, Refused, Unreachable, UsageError, WorldChanged
from eosctl.playbook.record import runs_folder

Guard = Callable[[], None]


@contextmanager
def locked(name: str, holder: str, fresh: Callable[[], Any], say: Callable[[str], None]) -> Iterator[Guard]:
    """Holds the lock; nothing for an empty name. Yields what raises WorldChanged (`lock_lost`) when it is lost.

    Raises Refused (`playbook_locked`).
    """
    if not name:
        yield lambda: None
        return
    gateways = fresh()
    try:
        with _lock(name, holder, gateways, say) as guard:
            yield guard
    finally:
        gateways.close()


@contextmanager
def _lock(name: str, holder: str, gateways: Any, say: Callable[[str], None]) -> Iterator[Guard]:
    key = {"key": f"eosctl playbook {name}"}
    try:
        answer = gateways.database.query("playbook_lock", key)
    except UsageError as error:
        if error.code != "no_database":
            raise
        with _in_kafka(name, holder, gateways, say) as check:
            yield check
        return
    holders = gateways.database.query("playbook_lock_holders", key)
    if not answer[0]["locked"]:
        raise _held(name, ", ".join(f"the session {one['pid']} from {one['address']}" for one in holders))

    def guard() -> None:
        try:
            now = gateways.database.query("playbook_lock_holders", key)
        except (Unreachable, OperationFailed):  # the session is gone: a new one can say who holds it, and it does not
            now = gateways.database.query("playbook_lock_holders", key)
        if not any(one["mine"] for one in now):
            raise WorldChanged("lock_lost", f"The lock {name!r} is lost.", why="Its database session ended.",
                               hint="Look who runs it now; then go on with `eosctl playbook resume`.")  # fmt: skip

    yield guard


@contextmanager
def _in_kafka(name: str, holder: str, gateways: Any, say: Callable[[str], None]) -> Iterator[Guard]:
    try:
        lock = gateways.locks.take(group_of(name), holder)
    except UsageError as error:
        if error.code != "no_kafka":
            raise
        with _on_this_machine(name, say):
            yield lambda: None
        return
    except Refused as error:
        if error.code != "lock_held":
            raise
        raise _held(name, error.message.rpartition(" by ")[2].rstrip(".")) from None
    try:
        yield lock.check
    finally:
        lock.release()


def group_of(name: str) -> str:
    """The Kafka group of a lock: its name where that is plain, and a digest that tells all names apart."""
    words = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:80]
    return f"eosctl-lock-{words}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@contextmanager
def _on_this_machine(name: str, say: Callable[[str], None]) -> Iterator[None]:
    from filelock import FileLock, Timeout

    say(f"Neither a database nor a Kafka is named, so the lock {name!r} holds on this machine alone.")
    runs_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(runs_folder() / f".{group_of(name)}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise _held(name, "another run on this machine") from None
    try:
        yield
    finally:
        lock.release()


def _held(name: str, holder: str) -> Refused:
    return Refused("playbook_locked", f"Somebody runs it already: the lock {name!r} is held by {holder or 'another'}.",
                   why="Two runs at the same target would undo each other's work.",
                   hint="Wait until that run is over; a run that died frees it within 30 s.")  # fmt: skip
