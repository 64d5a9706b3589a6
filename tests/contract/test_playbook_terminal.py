"""A person at a real terminal: a manual step answered done or failed with a note, a question before each step."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fixtures.screen import ScreenOf

from eosctl.playbook.record import RunRecord

STEPS = """schema: eosctl.playbook/v1
name: by-hand
summary: Wants a person
steps:
  - {id: call, manual: Call the payments team, register: called}
  - {id: look, run: profile.list, when: "called.note != ''"}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "by-hand.yaml"
    path.write_text(STEPS, encoding="utf-8")
    return path


@pytest.fixture
def on_screen(own_home: dict[str, str]) -> Iterator[Callable[..., ScreenOf]]:
    """`on_screen("playbook", "run", FILE)`: eosctl on a terminal, with a record of its own."""
    with ExitStack() as opened:
        yield lambda *words: opened.enter_context(ScreenOf(*words, **own_home))


def answers_of(own_home: dict[str, str]) -> list[tuple[str, str]]:
    return [(one["question"], one["answer"]) for one in RunRecord(run_of(own_home)).events() if one["event"] == "asked"]


def run_of(own_home: dict[str, str]) -> Path:
    (folder,) = (Path(own_home["XDG_STATE_HOME"]) / "eosctl" / "runs").iterdir()
    return folder


def test_done_and_a_note_are_kept_and_the_run_goes_on(
    on_screen: Callable[..., ScreenOf], own_home: dict[str, str], file: Path
) -> None:
    screen = on_screen("playbook", "run", str(file))
    screen.says("To do by hand: Call the payments team")
    screen.answers("Is it done? [y/N] ", "y\n")
    screen.answers("A note for the record: ", "Kim answers\n")
    assert screen.end() == 0, screen.text
    assert answers_of(own_home) == [("Is it done?", "yes"), ("A note for the record:", "Kim answers")]


def test_failed_and_its_note_are_kept_and_the_run_can_be_resumed(
    on_screen: Callable[..., ScreenOf], own_home: dict[str, str], file: Path
) -> None:
    screen = on_screen("playbook", "run", str(file))
    screen.answers("Is it done? [y/N] ", "n\n")
    screen.answers("A note for the record: ", "nobody there\n")
    assert screen.end() == 1, screen.text
    assert "playbook resume" in screen.text
    again = on_screen("playbook", "resume", run_of(own_home).name)
    again.answers("Is it done? [y/N] ", "y\n")
    again.answers("A note for the record: ", "now they were\n")
    assert again.end() == 0, again.text


def test_each_step_is_asked_for(on_screen: Callable[..., ScreenOf], file: Path) -> None:
    screen = on_screen("playbook", "run", str(file), "--step")
    screen.answers("Run step call? [y/N] ", "n\n")
    assert screen.end() == 130, screen.text


def test_ctrl_c_at_a_question_ends_the_run_at_once(on_screen: Callable[..., ScreenOf], file: Path) -> None:
    screen = on_screen("playbook", "run", str(file))
    screen.answers("Is it done? [y/N] ", "\x03")
    assert screen.end() == 130, screen.text
    assert "Stopped at a question." in screen.text
    assert "playbook resume" in screen.text
