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

from eosctl.lab.state import LabState

SCRIPT = Path(__file__).parents[1] / "fixtures" / "lock_holder.py"
SESSION_MS = 6_000  # the least that brokers allow by default


class Holder:
    """The other process."""

    def __init__(self, lab: LabState, group: str, name: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(SCRIPT), lab.bootstrap_servers, group, name, str(SESSION_MS)],
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
def holder(lab: LabState) -> Iterator[Callable[[str], Holder]]:
    """`holder("kim")`: a process for that person; all of a test want the same lock."""
    group, started = f"eosctl-lock-{uuid.uuid4().hex[:8]}", list[Holder]()

    def start(name: str) -> Holder:
        started.append(Holder(lab, group, name))
        return started[-1]

    yield start
    for one in started:
        one.close()


def test_one_holds_it_the_other_is_told_who_and_has_it_when_it_is_given_back(
    holder: Callable[[str], Holder],
) -> None:
    kim, lee = holder("kim"), holder("lee")
    assert kim.told("take") == "well"
    assert "is held by kim." in lee.told("take")
    assert kim.told("check") == "well"
    assert kim.told("release") == "well"
    assert lee.told("take") == "well"
    assert lee.told("check") == "well"


def test_of_many_who_want_it_at_once_one_has_it(holder: Callable[[str], Holder]) -> None:
    several = [holder(name) for name in ("kim", "lee", "pat")]
    for one in several:
        assert one.process.stdin is not None
        one.process.stdin.write("take\n")
    answers = [one.process.stdout.readline().strip() for one in several if one.process.stdout is not None]
    assert sorted(one.partition(":")[0] for one in answers) == ["lock_held", "lock_held", "well"]
    winner = several[answers.index("well")]
    assert winner.told("check") == "well"


def test_a_paused_holder_loses_it_after_its_session_and_finds_out(holder: Callable[[str], Holder]) -> None:
    kim, lee = holder("kim"), holder("lee")
    assert kim.told("take") == "well"
    kim.signal(signal.SIGSTOP)
    try:
        assert "is held by kim." in lee.told("take")
        wait_until(lambda: lee.told("take") == "well", limit_s=60)
    finally:
        kim.signal(signal.SIGCONT)
    assert kim.told("check").startswith("lock_lost")
    assert lee.told("check") == "well"


def test_the_lock_of_a_process_that_was_killed_is_free_after_its_session(holder: Callable[[str], Holder]) -> None:
    kim, lee = holder("kim"), holder("lee")
    assert kim.told("take") == "well"
    kim.signal(signal.SIGKILL)
    assert "is held by kim." in lee.told("take")
    wait_until(lambda: lee.told("take") == "well", limit_s=60)
