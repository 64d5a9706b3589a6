"""The manual pages are what the operations say: a change without `make docs` fails here."""

import re
from pathlib import Path

import pytest

from eosctl.cli.binding import flag_of
from eosctl.cli.manual import manuals
from eosctl.core.exit_codes import ExitCode
from eosctl.operations import registry

FOLDER = Path(__file__).parents[2] / "docs" / "man"


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """Each page by its name."""
    return manuals()


def test_the_manual_has_not_drifted(made: dict[str, str]) -> None:
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert kept.keys() == made.keys(), "run `make docs`"
    assert [name for name in kept if kept[name] != made[name]] == [], "run `make docs`"


@pytest.mark.parametrize("name", registry.names())
def test_every_operation_and_flag_has_its_place(made: dict[str, str], name: str) -> None:
    operation = registry.find(name)
    page = made[f"eosctl-{operation.noun}.1"]
    section = page.split(f".SH {name.replace('.', ' ').upper()}\n")[1].split("\n.SH ")[0].replace("\\-", "-")
    for field, info in operation.params.model_fields.items():
        assert flag_of(field, info) in section


def test_the_first_page_tells_every_exit_code(made: dict[str, str]) -> None:
    status = made["eosctl.1"].split(".SH EXIT STATUS\n")[1].split("\n.SH ")[0]
    assert re.findall(r"^\.B (\d+)$", status, re.MULTILINE) == [str(int(code)) for code in ExitCode]
