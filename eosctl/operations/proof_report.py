"""`verify --report FILE`: the answer as a file for people (HTML, Markdown) or for scripts (JSON)."""

import json
from collections.abc import Sequence
from pathlib import Path

from eosctl.core.errors import UsageError
from eosctl.core.plain import plain
from eosctl.domain.proof.page import Chapter, html_page, markdown

SCHEMA = "eosctl.verify/v1"


def check_report(path: Path | None) -> None:
    """Raises UsageError (`bad_report`) before anything is made."""
    if path is None:
        return
    if path.suffix not in (".html", ".md", ".json"):
        raise UsageError("bad_report", f"{path} is no report.", hint="Give FILE.html, FILE.md or FILE.json.")
    if not path.parent.is_dir():
        raise UsageError("report_not_written", f"{path} can't be written: there is no folder {path.parent}.")


def write_report(path: Path, title: str, chapters: Sequence[Chapter], data: object) -> None:
    """Writes the file. Raises UsageError (`report_not_written`)."""
    match path.suffix:
        case ".json":
            text = json.dumps({"schema": SCHEMA, "data": plain(data)}, indent=1) + "\n"
        case ".md":
            text = markdown(title, chapters)
        case _:
            text = html_page(title, chapters)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError("report_not_written", f"{path} can't be written: {error.strerror}.") from None
