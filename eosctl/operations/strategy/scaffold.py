"""`strategy scaffold`: writes a small working program of a strategy; what is there stays unless forced."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eosctl.core.errors import OperationFailed, Refused
from eosctl.core.operation import Action, Example
from eosctl.core.params import Params, param
from eosctl.core.report import Report
from eosctl.domain.strategies.scaffolding import scaffold
from eosctl.ports import Gateways


class StrategyScaffoldParams(Params):
    """What to write, and where."""

    name: str = param(help="The strategy, for example dedup-table", positional=True)
    language: Literal["python", "java", "typescript"] = param("python", help="The language of the programs")
    dir: Path = param(help="The directory to write into; it is made when it is not there", complete="file")
    force: bool = param(False, help="Write over files that are there")


@dataclass(frozen=True)
class WrittenFile:
    """One file of the scaffold. `status` is `written`, `replaced`, or `unchanged` (it was there, just so)."""

    file: str
    status: str
    size_bytes: int


def run(gateways: Gateways, params: StrategyScaffoldParams) -> Report:
    """Writes all files or none. Raises Refused (`file_exists`), OperationFailed (`not_written`), UsageError."""
    made = scaffold(params.name, params.language)
    folder = params.dir
    try:
        states = {path: _state(folder / path, text) for path, text in made.files.items()}
        there = [path for path, state in states.items() if state == "replaced"]
        if there and not params.force:
            raise Refused(
                "file_exists",
                f"{', '.join(sorted(there))} in {folder} would be written over.",
                why="Nothing was written.",
                hint="Take another --dir, or --force to replace them.",
            )
        for path, text in made.files.items():
            if states[path] != "unchanged":
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OperationFailed(
            "not_written", f"{error.filename or folder} can't be written: {error.strerror}.", hint="Take another --dir."
        ) from None
    rows = tuple(WrittenFile(str(folder / path), states[path], len(text.encode())) for path, text in made.files.items())
    return Report(rows, WrittenFile, summary=f"Read {folder / 'README.md'}. Prove it: eosctl verify {params.name}")


def _state(path: Path, text: str) -> str:
    if not path.exists() and not path.is_symlink():
        return "written"
    return "unchanged" if path.is_file() and path.read_bytes() == text.encode() else "replaced"


OPERATION = Action(
    name="strategy.scaffold",
    summary="Write a small working program of a strategy, with tables, settings and a README",
    params=StrategyScaffoldParams,
    result=WrittenFile,
    run=run,
    details="Dependencies are pinned, programs end gracefully, and EOS_CRASH_POINTS kills them at named places.",
    examples=(
        Example("eosctl strategy scaffold dedup-table --dir dedup", "A Python consumer with a deduplication table."),
        Example("eosctl strategy scaffold kafka-transactions --language java --dir transfer", "A Maven project."),
        Example(
            "eosctl strategy scaffold outbox-polling --language typescript --dir outbox --force",
            "For Node, written over what is there.",
        ),
    ),
)
