"""The guides' own blocks, run again on fresh labs: each command still ends as its page says."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["start.md", *(f"incidents/{one.name}" for one in sorted((ROOT / "docs/incidents").glob("*.md")))]


def _made(page: str, folder: Path) -> str:
    shutil.copytree(ROOT / "docs", folder / "docs")
    command = [str(Path(sys.executable).with_name("cog")), "-I", "docs", f"docs/{page}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_first_guide_is_made_again(tmp_path: Path) -> None:
    made = _made("incidents/stuck-reader.md", tmp_path)
    assert "1 partition blocked: payments:0" in made
    assert "All is well." in made


def test_a_guide_whose_command_ends_otherwise_is_not_made(tmp_path: Path) -> None:
    page = ROOT / "docs/incidents/stuck-reader.md"
    wrong = page.read_text(encoding="utf-8").replace('on.show("eosctl status", code=3)', 'on.show("eosctl status")')
    assert wrong != page.read_text(encoding="utf-8")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / "docs/wrong.md").write_text(wrong, encoding="utf-8")
    command = [str(Path(sys.executable).with_name("cog")), "-I", "docs", "docs/wrong.md"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False, cwd=tmp_path)
    assert done.returncode != 0
    assert "ended with 3, not 0" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_guide_is_made_again(page: str, tmp_path: Path) -> None:
    assert "```" in _made(page, tmp_path)
