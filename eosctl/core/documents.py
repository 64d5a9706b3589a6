"""Documents: what `--report FILE` and `--plot FILE` write. An operation says what is in one; rendering is elsewhere."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eosctl.core.charts import Chart
from eosctl.core.errors import UsageError
from eosctl.core.report import Section

REPORTS = (".md", ".json", ".html")
PLOTS = (".svg", ".png", ".html")


@dataclass(frozen=True)
class Document:
    """A report in one file: `said` is its first sentence.

    `data` is what the JSON form holds, and the table of the other forms when there are no sections.
    """

    path: Path
    title: str
    said: str = ""
    sections: tuple[Section, ...] = ()
    charts: tuple[Chart, ...] = ()
    data: Any = None


def require_file(path: Path | None, endings: tuple[str, ...]) -> None:
    """Raises UsageError (`bad_report`, `no_folder`) before any work is done for a file that could not be written."""
    if path is None:
        return
    if path.suffix not in endings:
        *some, last = (f"FILE{one}" for one in endings)
        raise UsageError("bad_report", f"{path} has no ending that says what to write.",
                         hint=f"Give {', '.join(some)} or {last}.")  # fmt: skip
    if not path.parent.is_dir():
        raise UsageError("no_folder", f"{path} can't be written: there is no folder {path.parent}.",
                         hint="Make it, or give another file.")  # fmt: skip
