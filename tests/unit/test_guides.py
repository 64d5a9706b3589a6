"""Every command line in README and docs is one that exists, with flags that it has; links lead somewhere."""

import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from eosctl.cli.main import bound
from eosctl.operations import NOUNS, registry

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
COMMAND = re.compile(r"^\$ (?:\.venv/bin/)?(eosctl .*)$|`(eosctl [a-z][^`]*)`", re.MULTILINE)


@cache
def _flags(noun: str, verb: str) -> frozenset[str]:
    return frozenset(flag for one in bound(noun, verb).params for flag in (*one.opts, *one.secondary_opts, "--help"))


def _lines(page: Path) -> list[str]:
    text = re.sub(r"<!-- \[\[\[cog.*?\]\]\] -->", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [shown or inline for shown, inline in COMMAND.findall(text)]


def _operation(words: list[str]) -> tuple[str, str, list[str]]:
    noun, rest = words[1], words[2:]
    verbs = registry.verbs(noun)
    if verbs and rest and rest[0] in verbs:
        return noun, rest[0], rest[1:]
    return noun, "", rest


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_flags_exist(page: Path) -> None:
    for line in _lines(page):
        words = shlex.split(line.partition(" #")[0].partition(" > ")[0].partition(" | ")[0].rstrip("\\"))
        if words[1].startswith("-") or words[1] == "NOUN" or line == "eosctl txn blokced":
            continue
        noun, verb, rest = _operation(words)
        assert noun in NOUNS, line
        if registry.verbs(noun) and not verb:
            assert registry.alone(noun) or not rest or "VERB" in rest, f"{line}: no such command"
            continue
        given = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert given <= _flags(noun, verb), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_incident_is_in_the_index() -> None:
    folder = ROOT / "docs" / "incidents"
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in folder.glob("*.md")} - {"README.md"} == set(re.findall(r"\]\(([\w-]+\.md)\)", index))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_playbooks_that_are_named_are_shipped(page: Path) -> None:
    named = {
        shlex.split(line)[3] for line in _lines(page) if re.match(r"eosctl playbook (run|show|validate) [a-z]", line)
    }
    shipped = {path.stem for path in (ROOT / "playbooks").glob("*.yaml")}
    assert {name for name in named if not name.endswith((".yaml", ".yml"))} <= shipped
