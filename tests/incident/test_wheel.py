"""The wheel, as users get it: what it holds, and its main job from a clean environment outside the source tree."""

import json
import os
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROVIDED = ("*.sql", "*.yaml", "*.json", "*.tmpl", "*.jinja")
Command = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def wheel(wheel_folder: Path) -> Path:
    """Built by `python -m build` from this tree."""
    [path] = wheel_folder.glob("eosctl-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """`eosctl` of that wheel with its lab, in an environment of its own; run in an empty folder, its labs ended."""
    folder = tmp_path_factory.mktemp("clean")
    homes = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("DATA", "CONFIG", "STATE")}
    known = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "EOSCTL", "PG"))}

    def eosctl(*words: str, limit_s: float = 120) -> subprocess.CompletedProcess[str]:
        command = (str(wheel_folder / "environment" / "bin" / "eosctl"), *words)
        return _run(*command, limit_s=limit_s, cwd=folder, env={**known, **homes})

    yield eosctl
    for lab in json.loads(eosctl("lab", "status", "-o", "json").stdout)["data"]:
        eosctl("lab", "down", "--name", lab["name"], "--purge")


def test_the_wheel_holds_everything_that_the_tree_has(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    package = {str(path.relative_to(ROOT)) for kind in PROVIDED for path in (ROOT / "eosctl").rglob(kind)}
    playbooks = {f"eosctl/_playbooks/{path.name}" for path in (ROOT / "playbooks").iterdir()}
    assert package
    assert len(playbooks) > 3
    assert (package | playbooks) - held == set()
    shared = {path.partition("/data/share/")[2] for path in held if "/data/share/" in path}
    assert {"eosctl/monitoring/alert-rules.yaml", "eosctl/monitoring/grafana-dashboard.json", "man/man1/eosctl.1",
            "bash-completion/completions/eosctl", "zsh/site-functions/_eosctl",
            "fish/vendor_completions.d/eosctl.fish"} <= shared  # fmt: skip


def test_a_clean_environment_lists_the_playbooks_and_does_the_main_job(installed: Command) -> None:
    listed: list[dict[str, Any]] = json.loads(installed("playbook", "list", "-o", "json").stdout)["data"]
    assert {one["name"] for one in listed} == {path.stem for path in (ROOT / "playbooks").glob("*.yaml")}
    up = installed("lab", "up", "-o", "json")
    assert json.loads(up.stdout)["status"] == "ok"
    assert installed("status", "--profile", "lab").returncode == 0
    demo = installed("demo", limit_s=180)
    assert demo.returncode == 0, demo.stdout + demo.stderr


def _run(*command: str, limit_s: float = 60, **more: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False, **more)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done
