"""The fault disk-full: to which server it comes, how it is told, and where it is refused before anything is made."""

import os
import subprocess
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from eosctl.core.errors import Refused
from eosctl.domain.proof.counting import known
from eosctl.domain.proof.faults import Fault, Happened, draw, draw_own, wires
from eosctl.domain.proof.stories import Course, Sent, stories
from eosctl.domain.strategies.scaffolding import scaffold
from eosctl.lab import full_disk
from eosctl.operations.proving import _place
from eosctl.operations.verify import VerifyParams, run
from eosctl.render.proof_timeline import timeline


@pytest.mark.parametrize(
    ("strategy", "servers"),
    [("dedup-table", {"kafka", "database"}), ("kafka-transactions", {"kafka"}), ("at-most-once", {"kafka"}),
     ("outbox-polling", {"kafka", "database"})],
)  # fmt: skip
def test_it_comes_to_each_server_that_the_program_writes_to(strategy: str, servers: set[str]) -> None:
    made = scaffold(strategy, "python")
    programs = [one for one in made.programs if one.role != "api"]
    drawn = draw(strategy, programs, crashes=12, kinds=("disk-full",), seed=1, wired=wires(made.files, programs))
    assert {one.point for one in drawn} == servers


@pytest.mark.parametrize(
    ("passed", "servers"), [(("produce",), {"kafka"}), (("database-commit", "offset-commit"), {"kafka", "database"})]
)
def test_it_comes_to_each_server_that_an_own_program_was_seen_to_write_to(passed: Any, servers: set[str]) -> None:
    drawn = draw_own(passed, crashes=4, kinds=("disk-full",), instances=1, seed=1)
    assert {one.point for one in drawn} == servers
    assert {_place(Happened(one, 0)) for one in drawn} == servers


def test_stories_and_the_time_line_name_the_server() -> None:
    history = (Happened(Fault("disk-full", "consumer.py", 20, "database"), 5_000),)
    course = Course((Sent(0, 1, 1_000),), (), history)
    assert "<title>1: disk-full (database) at 5s</title>" in timeline(course, (), messages=1)
    (told,) = stories(course, [known("m0", at_ms=4_000), known("m0", at_ms=6_000)], messages=1)
    assert told.between == ("disk-full (database) at 5s",)


class Asked:
    """Gateways that note what is asked of them, and refuse the last of it."""

    def __init__(self, refuses: str) -> None:
        self.verify, self._refuses, self.asked = self, refuses, [""]

    def __getattr__(self, name: str) -> Any:
        def ask(*_: Any) -> None:
            self.asked.append(name)
            if name == self._refuses:
                raise Refused("no", name)

        return ask


@pytest.mark.parametrize(
    ("kinds", "asks"),
    [("disk-full", ["require_lab", "require_lab_database", "require_full_disk"]),
     ("database-kill", ["require_lab", "require_lab_database"]), ("broker-kill", ["require_lab"])],
)  # fmt: skip
@pytest.mark.parametrize("wish", [{"strategy": "dedup-table"}, {"exec": "true", "check_http": "http://x"}])
def test_servers_are_looked_at_before_anything_is_made(wish: dict[str, str], kinds: str, asks: list[str]) -> None:
    gateways = Asked(refuses=asks[-1])
    with pytest.raises(Refused) as raised:
        run(gateways, VerifyParams.model_validate({**wish, "faults": kinds, "allow_faults": True}))  # type: ignore[arg-type]
    assert raised.value.message == asks[-1]
    assert [one for one in gateways.asked if one.startswith("require")] == asks


class Forbidden:
    """Another user's process."""

    pid = 4711

    def rlimit(self, *_: Any) -> None:
        raise psutil.AccessDenied(self.pid)

    def uids(self) -> Any:
        return SimpleNamespace(real=65_534)

    gids = uids

    def is_running(self) -> bool:
        return True

    def status(self) -> str:
        return psutil.STATUS_RUNNING


@pytest.mark.parametrize(
    ("user", "ends", "why"),
    [(1000, None, "runs as another user"), (0, FileNotFoundError("prlimit"), "prlimit can't be run: prlimit"),
     (0, 1, "prlimit --pid=4711 --fsize=0: ended with 1: Operation not permitted.")],
)  # fmt: skip
def test_a_process_that_may_not_be_limited_says_why(
    user: int, ends: Any, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **_: Any) -> Any:
        if isinstance(ends, Exception):
            raise ends
        return subprocess.CompletedProcess(command, ends, "", "Operation not permitted\n")

    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(Refused) as raised:
        full_disk._limit(Forbidden(), 0)
    assert raised.value.code == "no_full_disk"
    assert why in raised.value.why
    assert raised.value.hint
