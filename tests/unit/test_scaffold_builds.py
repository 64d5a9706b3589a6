"""A machine without the tools of a language fails its scaffold tests with what is needed; nothing is passed over."""

from pathlib import Path

import pytest
from fixtures.scaffold_builds import build, command

from eosctl.domain.strategies.scaffolding import LANGUAGES, scaffold


@pytest.mark.parametrize(("language", "needs"), [("java", "Maven and a JDK"), ("typescript", "Node 20 or newer")])
def test_a_missing_tool_is_a_failure_that_says_what_is_needed(
    language: str, needs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match=needs):
        build(language, tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_program_is_started_by_the_words_of_its_readme(language: str) -> None:
    made = scaffold("outbox-polling", language)
    for one in made.programs:
        words = command(one)
        assert "<" not in words
        assert words[1:] == one.run.partition(" <")[0].replace('"', "").split(" ")[1:]
