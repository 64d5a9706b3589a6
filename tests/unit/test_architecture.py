"""The house rules that a machine can check: arrows, lazy imports, one room a file, each step its handler."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from eosctl.core import plan as planning
from eosctl.core.operation import Action, Change, Query
from eosctl.operations import NOUNS, registry
from eosctl.runtime.handlers import handler_of

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "eosctl").rglob("*.py"))


def test_imports_point_one_way() -> None:
    found = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("words", [["--help"], ["txn", "--help"], ["txn", "list", "--help"], ["--version"]])
def test_help_imports_no_driver(words: list[str]) -> None:
    program = (
        "import sys\nfrom eosctl.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "drivers = {'confluent_kafka', 'kafka', 'psycopg'} & set(sys.modules)\n"
        "sys.stderr.write(','.join(sorted(drivers)))"
    )
    found = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert found.stderr == ""
    assert found.stdout


def test_the_first_help_page_imports_no_operation_and_no_pydantic() -> None:
    program = (
        "import sys\nfrom eosctl.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write(','.join(sorted(n for n in sys.modules if n.startswith(('eosctl.operations.', 'pydantic')))))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stderr == ""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_opens_with_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} has no docstring"


def test_no_room_is_a_lumber_room() -> None:
    assert [path.name for path in SOURCES if path.stem in ("utils", "helpers", "common", "misc")] == []


@pytest.mark.parametrize("name", registry.names())
def test_an_operation_is_whole(name: str) -> None:
    operation = registry.find(name)
    assert operation.name == name
    assert isinstance(operation, (Query, Change, Action))
    assert operation.examples, f"{name} has no example"
    command = "eosctl " + name.replace(".", " ")
    assert all(command in one.command for one in operation.examples), f"{name}: an example shows another command"
    for field, info in operation.params.model_fields.items():
        assert info.description, f"{name}: {field} has no help"


def test_every_noun_has_its_module() -> None:
    assert {name.split(".")[0] for name in registry.names()} == set(NOUNS)


def test_every_kind_of_step_has_a_handler() -> None:
    list(registry.all_operations())
    kinds = {kind: step for kind, step in planning._KINDS.items() if not kind.startswith("registers.")}
    assert kinds
    for kind, step in kinds.items():
        assert handler_of(step.__new__(step)).kind == kind
        assert step.done_when
