"""The playbook's lock as a Kafka group: two processes on a real broker, one that dies, one that was only paused."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fixtures.lab import wait_until
from fixtures.rehearsal import HandyPerson

from eosctl.cli.playbooks import CliPlaybooks
from eosctl.cli.settings import Settings
from eosctl.cli.wiring import CliGateways
from eosctl.core.errors import Refused, WorldChanged
from eosctl.core.progress import NeverStop, Silent
from eosctl.lab.state import LabState
from eosctl.playbook.locking import group_of
from eosctl.playbook.record import RunRecord, runs_folder
from eosctl.ports.playbooks import RunWish

SCRIPT = Path(__file__).parents[1] / "fixtures" / "lock_holder.py"
SESSION_MS = 6_000
"""The shortest that a broker grants: a test waits for its end. Who is not stopped is heard every two seconds."""


class Holder:
    """The other process."""

    def __init__(self, lab: LabState, group: str, name: str, session_ms: int = 60_000) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(SCRIPT), lab.bootstrap_servers, group, name, str(session_ms)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip

    def told(self, word: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(word + "\n")
        return self.process.stdout.readline().strip()

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture
def holder(lab: LabState) -> Iterator[Callable[..., Holder]]:
    """`holder("kim", SESSION_MS)`: a process for that person; all of a test want the same lock."""
    group, started = f"eosctl-lock-{uuid.uuid4().hex[:8]}", list[Holder]()

    def start(name: str, session_ms: int = 60_000) -> Holder:
        started.append(Holder(lab, group, name, session_ms))
        return started[-1]

    yield start
    for one in started:
        one.close()


def test_one_holds_it_the_other_is_told_who_and_has_it_when_it_is_given_back(
    holder: Callable[..., Holder],
) -> None:
    kim, lee = holder("kim"), holder("lee")
    assert kim.told("take") == "well"
    assert "is held by kim." in lee.told("take")
    assert kim.told("check") == "well"
    assert kim.told("release") == "well"
    assert lee.told("take") == "well"
    assert lee.told("check") == "well"


def test_of_many_who_want_it_at_once_one_has_it(holder: Callable[..., Holder]) -> None:
    several = [holder(name) for name in ("kim", "lee", "pat")]
    for one in several:
        assert one.process.stdin is not None
        one.process.stdin.write("take\n")
    answers = [one.process.stdout.readline().strip() for one in several if one.process.stdout is not None]
    assert sorted(one.partition(":")[0] for one in answers) == ["lock_held", "lock_held", "well"]
    winner = several[answers.index("well")]
    assert winner.told("check") == "well"


def both_ready(holder: Callable[..., Holder]) -> tuple[Holder, Holder]:
    """The one who holds the lock, and another whose process runs, so that it asks before the session ends."""
    kim, lee = holder("kim", SESSION_MS), holder("lee", SESSION_MS)
    assert lee.told("check") == "well"
    assert kim.told("take") == "well"
    return kim, lee


def test_a_paused_holder_loses_it_after_its_session_and_finds_out(holder: Callable[..., Holder]) -> None:
    kim, lee = both_ready(holder)
    kim.signal(signal.SIGSTOP)
    try:
        assert "is held by kim." in lee.told("take")
        wait_until(lambda: lee.told("take") == "well", limit_s=60)
    finally:
        kim.signal(signal.SIGCONT)
    assert kim.told("check").startswith("lock_lost")
    assert lee.told("check") == "well"


def test_the_lock_of_a_process_that_was_killed_is_free_after_its_session(holder: Callable[..., Holder]) -> None:
    kim, lee = both_ready(holder)
    kim.signal(signal.SIGKILL)
    assert "is held by kim." in lee.told("take")
    wait_until(lambda: lee.told("take") == "well", limit_s=60)


PLAYBOOK = """schema: eosctl.playbook/v1
name: locked
summary: Locked
lock: %s
steps:
  - {id: one, manual: Wait for it}
  - {id: two, run: txn.list}
"""


@pytest.fixture
def make_locked(lab: LabState, tmp_path: Path) -> Iterator[Callable[..., tuple[CliPlaybooks, str]]]:
    """`make_locked(name, dsn, meanwhile)`: a playbook whose first step has a person do something."""

    opened: list[CliGateways] = []

    def make(name: str, dsn: str, meanwhile: Callable[[], object]) -> tuple[CliPlaybooks, str]:
        settings = Settings(kafka={"bootstrap.servers": lab.bootstrap_servers}, dsn=dsn, timeout_ms=20_000)
        opened.append(CliGateways(settings, progress=Silent(), stop=NeverStop()))
        file = tmp_path / "locked.yaml"
        file.write_text(PLAYBOOK % name, encoding="utf-8")
        person = HandyPerson({"Wait for it": lambda: meanwhile() and None})
        return CliPlaybooks(opened[-1], person=person), str(file)

    yield make
    for one in opened:
        one.close()


def test_a_playbook_without_a_database_takes_the_kafka_group(
    lab: LabState, make_locked: Callable[..., tuple[CliPlaybooks, str]]
) -> None:
    name = f"lock-{uuid.uuid4().hex[:8]}"
    group = group_of(name)
    kim = Holder(lab, group, "kim")
    playbooks, file = make_locked(name, "", lambda: meanwhile.append(kim.told("take")))
    meanwhile: list[str] = []
    try:
        assert playbooks.run(file, RunWish(params={}, yes=True)).status == "done"
        assert meanwhile[0].startswith("lock_held")
        assert "run 2" in meanwhile[0], "the other is told which run holds it"
        assert kim.told("take") == "well"
        with pytest.raises(Refused, match="is held by kim"):
            playbooks.run(file, RunWish(params={}, yes=True))
    finally:
        kim.close()


def test_a_run_whose_database_session_is_ended_stops_before_the_next_step(
    database: str, make_locked: Callable[..., tuple[CliPlaybooks, str]]
) -> None:
    import psycopg

    def end_sessions() -> None:
        with psycopg.connect(database) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON oid = database "
                               "WHERE locktype = 'advisory' AND datname = current_database()")  # fmt: skip

    playbooks, file = make_locked(f"lock-{uuid.uuid4().hex[:8]}", database, end_sessions)
    with pytest.raises(WorldChanged, match=r"The lock .* is lost"):
        playbooks.run(file, RunWish(params={}, yes=True))
    told = [(one["step"], one["status"]) for one in _events() if one["event"] == "step"]
    assert told == [("one", "done")]


def _events() -> list[dict[str, str]]:
    newest = max((one for one in runs_folder().iterdir() if one.is_dir()), key=lambda one: one.stat().st_mtime_ns)
    return RunRecord(newest).events()
