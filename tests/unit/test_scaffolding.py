"""Scaffolds as text, and the command that writes them: whole, pinned, explained, and never over another file."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from eosctl.core.errors import Refused, UsageError
from eosctl.domain.strategies.scaffolding import offered, scaffold
from eosctl.operations.strategy.scaffold import StrategyScaffoldParams, run

NOBODY: Any = None


@pytest.mark.parametrize("name", offered("python"))
def test_a_python_scaffold_is_whole(name: str) -> None:
    made = scaffold(name, "python")
    for path, text in made.files.items():
        if path.endswith(".py"):
            ast.parse(text)
            assert max(map(len, text.splitlines())) <= 120, path
    assert all("==" in line for line in made.files["requirements.txt"].splitlines())
    readme = made.files["README.md"]
    assert f"eosctl verify {name}" in readme
    used = {one for text in made.files.values() for one in re.findall(r"setting\([\"'](\w+)[\"']", text)}
    assert [one for one in used if f"`{one}`" not in readme] == []
    assert all(point in readme for one in made.programs for point in one.crash_points)


@pytest.mark.parametrize("name", offered("python"))
def test_a_control_changes_one_place_and_stays_a_program(name: str) -> None:
    made = scaffold(name, "python")
    broken = made.broken()
    changed = [path for path in made.files if made.files[path] != broken[path]]
    assert made.control is not None
    assert changed == [made.control.file]
    ast.parse(broken[made.control.file])


def test_an_unknown_strategy_or_language_is_named() -> None:
    with pytest.raises(UsageError, match="dedup-tabel"):
        scaffold("dedup-tabel", "python")
    with pytest.raises(UsageError, match="cobol"):
        scaffold("dedup-table", "cobol")


def test_a_scaffold_is_written_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    params = StrategyScaffoldParams(name="dedup-table", dir=tmp_path / "new" / "dedup")
    assert {one.status for one in run(NOBODY, params).data} == {"written"}
    assert {one.status for one in run(NOBODY, params).data} == {"unchanged"}


def test_a_file_is_written_over_by_force_only(tmp_path: Path) -> None:
    (tmp_path / "consumer.py").write_text("mine", encoding="utf-8")
    with pytest.raises(Refused) as caught:
        run(NOBODY, StrategyScaffoldParams(name="dedup-table", dir=tmp_path))
    assert caught.value.code == "file_exists"
    assert [path.name for path in tmp_path.iterdir()] == ["consumer.py"]
    assert (tmp_path / "consumer.py").read_text(encoding="utf-8") == "mine"
    rows = run(NOBODY, StrategyScaffoldParams(name="dedup-table", dir=tmp_path, force=True)).data
    assert {Path(one.file).name for one in rows if one.status == "replaced"} == {"consumer.py"}
    assert "def main" in (tmp_path / "consumer.py").read_text(encoding="utf-8")
