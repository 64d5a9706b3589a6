"""The README names every command, and no command that does not exist."""

import re
from pathlib import Path

from eosctl.operations import NOUNS, registry

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_command() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", README, re.M))
    assert rows == {noun: says for noun, says in NOUNS.items()}


def test_every_command_line_in_the_readme_exists() -> None:
    lines = re.findall(r"^\$ eosctl ([a-z]+)(?: ([a-z]+))?", README, re.M)
    assert lines
    for noun, verb in lines:
        assert noun in NOUNS
        assert not registry.verbs(noun) or verb in registry.verbs(noun), f"{noun} {verb}"
