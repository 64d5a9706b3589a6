"""A person at a real terminal: a manual step answered done or failed with a note, a question before each step."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eosctl.playbook.record import RunRecord

STEPS = """schema: eosctl.playbook/v1
name: by-hand
summary: Wants a person
steps:
  - {id: call, manual: Call the payments team, register: called}
  - {id: look, run: profile.list, when: "called.note != ''"}
"""
LIMIT_S = 60.0


class Session:
    """`eosctl` on a pseudo-terminal."""

    def __init__(self, environment: dict[str, str], *words: str) -> None:
        self._side, other = pty.openpty()
        self._process = subprocess.Popen([sys.executable, "-m", "eosctl", *words], stdin=other, stdout=other,
                                         stderr=other, env=environment, start_new_session=True)  # fmt: skip
        os.close(other)
        self.seen = ""

    def answers(self, question: str, text: str) -> None:
        """Waits until the question is there, and types."""
        until = time.monotonic() + LIMIT_S
        while question not in self.seen:
            self._read()
            assert time.monotonic() < until, self.seen
        self.seen = self.seen.partition(question)[2]
        os.write(self._side, text.encode())

    def interrupt(self) -> None:
        """What Ctrl-C sends."""
        self._process.send_signal(signal.SIGINT)

    def ended(self) -> int:
        """The exit code, when all was read."""
        until = time.monotonic() + LIMIT_S
        while self._process.poll() is None:
            self._read()
            assert time.monotonic() < until, self.seen
        self._read()
        os.close(self._side)
        return self._process.returncode

    def _read(self) -> None:
        while select.select([self._side], [], [], 0.1)[0]:
            try:
                self.seen += os.read(self._side, 65_536).decode(errors="replace")
            except OSError:  # Linux says so when the other side is closed
                return


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "by-hand.yaml"
    path.write_text(STEPS, encoding="utf-8")
    return path


@pytest.fixture
def environment(own_home: dict[str, str]) -> dict[str, str]:
    return {**os.environ, **own_home, "TERM": "xterm", "COLUMNS": "120"}


def answers_of(environment: dict[str, str]) -> list[tuple[str, str]]:
    (folder,) = (Path(environment["XDG_STATE_HOME"]) / "eosctl" / "runs").iterdir()
    return [(one["question"], one["answer"]) for one in RunRecord(folder).events() if one["event"] == "asked"]


def test_done_and_a_note_are_kept_and_the_run_goes_on(environment: dict[str, str], file: Path) -> None:
    session = Session(environment, "playbook", "run", str(file))
    session.answers("To do by hand: Call the payments team", "")
    session.answers("Is it done? [y/N] ", "y\n")
    session.answers("A note for the record: ", "Kim answers\n")
    assert session.ended() == 0, session.seen
    assert answers_of(environment) == [("Is it done?", "yes"), ("A note for the record:", "Kim answers")]


def test_failed_and_its_note_are_kept_and_the_run_can_be_resumed(environment: dict[str, str], file: Path) -> None:
    session = Session(environment, "playbook", "run", str(file))
    session.answers("Is it done? [y/N] ", "n\n")
    session.answers("A note for the record: ", "nobody there\n")
    assert session.ended() == 1, session.seen
    assert "playbook resume" in session.seen
    (folder,) = (Path(environment["XDG_STATE_HOME"]) / "eosctl" / "runs").iterdir()
    again = Session(environment, "playbook", "resume", folder.name)
    again.answers("Is it done? [y/N] ", "y\n")
    again.answers("A note for the record: ", "now they were\n")
    assert again.ended() == 0, again.seen


def test_each_step_is_asked_for(environment: dict[str, str], file: Path) -> None:
    session = Session(environment, "playbook", "run", str(file), "--step")
    session.answers("Run step call? [y/N] ", "n\n")
    assert session.ended() == 130, session.seen


def test_ctrl_c_at_a_question_ends_the_run_at_once(environment: dict[str, str], file: Path) -> None:
    session = Session(environment, "playbook", "run", str(file))
    session.answers("Is it done? [y/N] ", "")
    session.interrupt()
    assert session.ended() == 130, session.seen
    assert "Stopped at a question." in session.seen
    assert "playbook resume" in session.seen
