"""Scaffolds as text, and the command that writes them: whole, pinned, explained, and never over another file."""

import ast
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from eosctl.core.errors import Refused, UsageError
from eosctl.domain.strategies.scaffolding import LANGUAGES, offered, scaffold, under
from eosctl.operations.strategy.scaffold import StrategyScaffoldParams, run

NOBODY: Any = None


EVERY = [(language, name) for language in LANGUAGES for name in offered(language)]
_WITHOUT_DATABASE = ("idempotent-producer", "kafka-transactions", "external-idempotency-keys")
_COMMENT = {"python": '"""', "java": "/**", "typescript": "// "}


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_a_scaffold_is_whole(language: str, name: str) -> None:
    made = scaffold(name, language)
    programs = {path: text for path, text in made.files.items() if path.endswith((".py", ".java", ".ts"))}
    for path, text in programs.items():
        assert max(map(len, text.splitlines())) <= 120, path
        assert _COMMENT[language] in text, f"{path} does not say what it is"
        assert "TODO" not in text
    assert {one.file for one in made.programs} <= set(programs)
    readme = made.files["README.md"]
    assert f"eosctl verify {name}" in readme
    assert re.search(r"\{\w*\}", readme.replace("${", "")) is None, "a placeholder was left in the README"
    assert all(one.run in readme for one in made.programs)
    used = {one for text in programs.values() for one in re.findall(r"setting\([\"'](\w+)[\"']", text)}
    missing = {one for one in used if f"`{one}`" not in readme}
    assert missing <= (set() if "schema.sql" in made.files else {"DSN", "PGPASSWORD"})
    points = [point for one in made.programs for point in one.crash_points]
    assert points
    assert all(point in readme for point in points)
    assert ("schema.sql" in made.files) == ("`DSN`" in readme and name not in _WITHOUT_DATABASE)


@pytest.mark.parametrize("name", offered("python"))
def test_what_python_needs_is_pinned_and_it_parses(name: str) -> None:
    made = scaffold(name, "python")
    for path, text in made.files.items():
        if path.endswith(".py"):
            ast.parse(text)
    assert all("==" in line for line in made.files["requirements.txt"].splitlines())


@pytest.mark.parametrize("name", offered("java"))
def test_what_java_needs_is_pinned_and_each_class_is_in_its_own_file(name: str) -> None:
    made = scaffold(name, "java")
    maven = "{http://maven.apache.org/POM/4.0.0}"
    project = ElementTree.fromstring(made.files["pom.xml"])
    wanted = [*project.iter(f"{maven}dependency"), *project.iter(f"{maven}plugin")]
    versions = [str(one.findtext(f"{maven}version")) for one in wanted]
    assert versions
    assert [one for one in versions if not re.fullmatch(r"\d+\.\d+(\.\d+)?", one)] == []
    for path, text in made.files.items():
        if path.endswith(".java"):
            assert re.search(rf"^(public )?final class {Path(path).stem}\b", text, re.MULTILINE), path
            assert text.count("{") == text.count("}"), path
            imported = re.findall(r"^import [\w.]+\.(\w+);", text, re.MULTILINE)
            assert [one for one in imported if len(re.findall(rf"\b{one}\b", text)) < 2] == [], path


@pytest.mark.parametrize("name", offered("typescript"))
def test_what_typescript_needs_is_pinned_and_imported_files_are_there(name: str) -> None:
    made = scaffold(name, "typescript")
    package = json.loads(made.files["package.json"])
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert [one for one in versions.values() if not re.fullmatch(r"\d+\.\d+\.\d+", one)] == []
    lock = json.loads(made.files["package-lock.json"])["packages"]
    assert {**lock[""]["dependencies"], **lock[""]["devDependencies"]} == versions
    locked = {path: one for path, one in lock.items() if path}
    assert {
        path.removeprefix("node_modules/"): one["version"] for path, one in locked.items()
    }.items() >= versions.items()
    assert [path for path, one in locked.items() if "integrity" not in one] == []
    assert [path for path, one in locked.items() if "resolved" in one] == [], "it must not name a registry"
    json.loads(made.files["tsconfig.json"])
    for path, text in made.files.items():
        if path.endswith(".ts"):
            assert text.count("{") == text.count("}"), path
            modules = re.findall(r"^(?:import|\}) .*?from \"([^\"]+)\";$", text, re.MULTILINE)
            local = [one for one in modules if one.startswith(".")]
            assert [one for one in local if f"src/{one.removeprefix('./')}.ts" not in made.files] == [], path
            others = [one for one in modules if not one.startswith((".", "node:"))]
            assert [one for one in others if one not in versions] == [], path


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_a_control_changes_one_place(language: str, name: str) -> None:
    made = scaffold(name, language)
    broken = made.broken()
    changed = [path for path in made.files if made.files[path] != broken[path]]
    assert changed == [made.control.file]
    if language == "python":
        ast.parse(broken[made.control.file])


def test_languages_share_tables_promises_and_places_to_crash() -> None:
    for name in offered("python"):
        first, *others = (scaffold(name, language) for language in LANGUAGES)
        for one in others:
            assert one.files.get("schema.sql") == first.files.get("schema.sql")
            assert (one.promise, one.counted, one.control.says) == (first.promise, first.counted, first.control.says)
            assert [each.crash_points for each in one.programs] == [each.crash_points for each in first.programs]


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


def test_a_producer_is_held_to_more_when_only_answers_are_lost() -> None:
    usual = scaffold("idempotent-producer", "python")
    alone = under(usual, ("lost-ack",))
    assert (usual.promise, alone.promise) == ("at least once", "exactly once")
    assert '"enable.idempotence": False' in alone.broken()["producer.py"]
    assert under(usual, ("kill", "lost-ack")) is usual
    assert under(scaffold("dedup-table", "python"), ("lost-ack",)).promise == "exactly once"
