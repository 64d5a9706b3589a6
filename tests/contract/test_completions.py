"""The completion files in the shells themselves: bash always, zsh and fish where they are there."""

import json
import os
import pty
import select
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fixtures.lab import wait_until

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


class Terminal:
    """A shell on a pseudo-terminal of its own."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.side, other = pty.openpty()
        self.process = subprocess.Popen(command, stdin=other, stdout=other, stderr=other, env=environment,
                                        start_new_session=True)  # fmt: skip
        os.close(other)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.side, text.encode())

    def shows(self, text: str) -> bool:
        while select.select([self.side], [], [], 0.2)[0]:
            self.seen += os.read(self.side, 65_536).decode(errors="replace")
        return text in self.seen

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.side)


@pytest.fixture
def shell_of(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """`shell_of("bash", EOSCTL_DSN=...)`: a shell that has read its completion file."""
    opened: list[Terminal] = []

    def start(name: str, **variables: str) -> Terminal:
        command, ready = START[name]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, **variables, "PATH": path, "TERM": "xterm", "HOME": str(tmp_path), "PS1": "$ "}
        opened.append(Terminal(command, environment))
        opened[-1].type(ready.format(folder=FOLDER) + " && echo rea''dy\n")
        wait_until(lambda: opened[-1].shows("ready"), limit_s=60)
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_the_files_have_not_drifted() -> None:
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert kept == scripts(), "run `make completions`"


@pytest.mark.parametrize("shell", HERE)
def test_tab_completes_verbs(shell: str, shell_of: Callable[..., Terminal]) -> None:
    terminal = shell_of(shell)
    terminal.type("eosctl txn hang\t")
    wait_until(lambda: terminal.shows("eosctl txn hanging"), limit_s=60)


@pytest.mark.parametrize("shell", HERE)
def test_tab_completes_groups_of_the_live_cluster(
    shell: str, shell_of: Callable[..., Terminal], lab: LabState, topic: str
) -> None:
    group = f"tab-{uuid.uuid4().hex[:8]}"
    commit_position(lab, group, topic, 0, 0)
    terminal = shell_of(shell, EOSCTL_BOOTSTRAP_SERVER=lab.bootstrap_servers)
    terminal.type(f"eosctl txn blocked --group {group[:8]}")

    def tab() -> bool:
        terminal.type("\t")
        return terminal.shows(group)

    wait_until(tab, limit_s=60)


@pytest.mark.parametrize("shell", HERE)
def test_tab_completes_playbooks_and_runs_that_can_be_resumed_whatever_the_broker_does(
    shell: str, shell_of: Callable[..., Terminal], tmp_path: Path
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
            terminal.type("\t")
            return terminal.shows(wanted)

        terminal.type("eosctl playbook show unbl")
        wait_until(lambda: tab("eosctl playbook show unblock-consumer"), limit_s=60)
        terminal.type("\x15eosctl playbook resume 2026")
        wait_until(lambda: tab("20260301T120000-mend-aaaa"), limit_s=60)
        terminal.type("\x15eosctl txn blocked --group x\t\x15echo still''here\n")
        wait_until(lambda: terminal.shows("stillhere"), limit_s=60)
    assert "mend-bbbb" not in terminal.seen


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
    shell_of: Callable[..., Terminal], lab: LabState, topic: str
) -> None:
    group = f"tab-{uuid.uuid4().hex[:8]}"
    commit_position(lab, group, topic, 0, 0)
    terminal = shell_of("bash", EOSCTL_BOOTSTRAP_SERVER=lab.bootstrap_servers)
    terminal.type("A=b eosctl playbook run unblock-consumer -p gr\t")
    wait_until(lambda: terminal.shows("-p group="), limit_s=60)
    terminal.type(group[:8])

    def tab() -> bool:
        terminal.type("\t")
        return terminal.shows(f"-p group={group}")

    wait_until(tab, limit_s=60)


def test_bash_completes_behind_a_quoted_word(shell_of: Callable[..., Terminal]) -> None:
    terminal = shell_of("bash")
    terminal.type("eosctl --dsn 'dbname=a b' txn hang\t")
    wait_until(lambda: terminal.shows("txn hanging"), limit_s=60)
