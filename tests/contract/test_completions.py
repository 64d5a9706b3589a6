"""The completion files in the shells themselves: bash always, zsh and fish where they are there."""

import json
import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fixtures.lab import wait_until
from fixtures.screen import ScreenOf

from eosctl.cli.completion import scripts
from eosctl.lab.incidents.parts import commit_position
from eosctl.lab.state import LabState

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "completions"
START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source {folder}/eosctl.bash"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit && compinit -u -D && source {folder}/_eosctl"),
}
HERE = [shell for shell in START if shutil.which(shell)]


@pytest.fixture
def shell_of(tmp_path: Path) -> Iterator[Callable[..., ScreenOf]]:
    """`shell_of("bash", EOSCTL_DSN=...)`: a shell that has read its completion file."""
    with ExitStack() as opened:

        def start(name: str, **variables: str) -> ScreenOf:
            command, ready = START[name]
            path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
            shell = ScreenOf(command=command, PATH=path, HOME=str(tmp_path), PS1="$ ", **variables)
            opened.enter_context(shell)
            shell.press(ready.format(folder=FOLDER) + " && echo rea''dy\n")
            shell.says("ready")
            return shell

        yield start


def test_the_files_have_not_drifted() -> None:
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert kept == scripts(), "run `make completions`"


@pytest.mark.parametrize("shell", HERE)
def test_tab_completes_verbs(shell: str, shell_of: Callable[..., ScreenOf]) -> None:
    terminal = shell_of(shell)
    terminal.press("eosctl txn hang\t")
    terminal.says("eosctl txn hanging")


@pytest.mark.parametrize("shell", HERE)
def test_tab_completes_groups_of_the_live_cluster(
    shell: str, shell_of: Callable[..., ScreenOf], lab: LabState, topic: str
) -> None:
    group = f"tab-{uuid.uuid4().hex[:8]}"
    commit_position(lab, group, topic, 0, 0)
    terminal = shell_of(shell, EOSCTL_BOOTSTRAP_SERVER=lab.bootstrap_servers)
    terminal.press(f"eosctl txn blocked --group {group[:8]}")

    def tab() -> bool:
        terminal.press("\t")
        return terminal.has_said(group)

    wait_until(tab, limit_s=60)


@pytest.mark.parametrize("shell", HERE)
def test_tab_completes_playbooks_and_runs_that_can_be_resumed_whatever_the_broker_does(
    shell: str, shell_of: Callable[..., ScreenOf], tmp_path: Path
) -> None:
    """The broker that is named takes connections and never answers."""
    for name, status in (("20260301T120000-mend-aaaa", "failed"), ("20260301T120001-mend-bbbb", "done")):
        folder = tmp_path / "eosctl" / "runs" / name
        folder.mkdir(parents=True)
        lines = [{"event": "begin", "dry_run": False}, {"event": "end", "status": status}]
        (folder / "events.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        servers = f"127.0.0.1:{silent.getsockname()[1]}"
        terminal = shell_of(shell, EOSCTL_BOOTSTRAP_SERVER=servers, XDG_STATE_HOME=str(tmp_path))

        def tab(wanted: str) -> bool:
            terminal.press("\t")
            return terminal.has_said(wanted)

        terminal.press("eosctl playbook show unbl")
        wait_until(lambda: tab("eosctl playbook show unblock-consumer"), limit_s=60)
        terminal.press("\x15eosctl playbook resume 2026")
        wait_until(lambda: tab("20260301T120000-mend-aaaa"), limit_s=60)
        terminal.press("\x15eosctl txn blocked --group x\t\x15echo still''here\n")
        terminal.says("stillhere")
    assert "mend-bbbb" not in terminal.text


@pytest.mark.parametrize("fish", [path for path in [shutil.which("fish")] if path])
def test_fish_completes_verbs_and_groups(fish: str, lab: LabState, topic: str, tmp_path: Path) -> None:
    group = f"tab-{uuid.uuid4().hex[:8]}"
    commit_position(lab, group, topic, 0, 0)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path),
                   "EOSCTL_BOOTSTRAP_SERVER": lab.bootstrap_servers}  # fmt: skip

    def offered(line: str) -> str:
        program = f"source {FOLDER}/eosctl.fish; complete -C '{line}'"
        return subprocess.run(
            [fish, "--no-config", "-c", program], capture_output=True, text=True, check=True, env=environment
        ).stdout

    assert "hanging" in offered("eosctl txn hang")
    wait_until(lambda: group in offered(f"eosctl txn blocked --group {group[:8]}"), limit_s=60)


def test_bash_completes_a_playbooks_parameters_and_their_values(
    shell_of: Callable[..., ScreenOf], lab: LabState, topic: str
) -> None:
    group = f"tab-{uuid.uuid4().hex[:8]}"
    commit_position(lab, group, topic, 0, 0)
    terminal = shell_of("bash", EOSCTL_BOOTSTRAP_SERVER=lab.bootstrap_servers)
    terminal.press("A=b eosctl playbook run unblock-consumer -p gr\t")
    terminal.says("-p group=")
    terminal.press(group[:8])

    def tab() -> bool:
        terminal.press("\t")
        return terminal.has_said(f"-p group={group}")

    wait_until(tab, limit_s=60)


def test_bash_completes_behind_a_quoted_word(shell_of: Callable[..., ScreenOf]) -> None:
    terminal = shell_of("bash")
    terminal.press("eosctl --dsn 'dbname=a b' txn hang\t")
    terminal.says("txn hanging")
