"""The reference in docs/ is what the operations say: a change without `make docs` fails here."""

from pathlib import Path

import pytest

from eosctl.cli.reference import pages, write
from eosctl.operations import registry

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


def test_the_reference_has_not_drifted() -> None:
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    assert kept == pages(), "run `make docs`"


@pytest.mark.parametrize("name", registry.names())
def test_every_operation_and_parameter_is_in_it(name: str) -> None:
    operation = registry.find(name)
    page = pages()[f"{operation.noun}.md"]
    assert f"## eosctl {name.replace('.', ' ')}\n" in page
    section = page.split(f"## eosctl {name.replace('.', ' ')}\n")[1].split("\n## ")[0]
    for info in operation.params.model_fields.values():
        assert (info.description or "").replace("|", "\\|") in section


def test_pages_of_commands_that_are_gone_are_taken_away(tmp_path: Path) -> None:
    (tmp_path / "gone.md").write_text("old", encoding="utf-8")
    write(tmp_path)
    assert not (tmp_path / "gone.md").exists()
    assert (tmp_path / "README.md").exists()
