"""A replay's sum as a file: Markdown, JSON or HTML, by its ending."""

import json
import os
from html import escape
from pathlib import Path
from typing import Any

from eosctl.core.errors import Notice, UsageError
from eosctl.core.plain import plain
from eosctl.domain.dlq.tally import SAYS

_ENDINGS = (".md", ".json", ".html")


def check_report(path: Path | None) -> None:
    """Raises UsageError (`bad_report`, `report_not_written`) before anything is replayed."""
    if path is None:
        return
    if path.suffix not in _ENDINGS:
        raise UsageError("bad_report", f"{path} is no report.", hint="Give FILE.md, FILE.json or FILE.html.")
    target = path if path.exists() else path.parent
    if path.is_dir() or not os.access(target, os.W_OK):
        raise UsageError("report_not_written", f"{path} can't be written.",
                         why=f"{target} is missing, or not yours to write.", hint="Give another file.")  # fmt: skip


def write_report(path: Any, title: str, words: str, result: Any) -> list[Notice]:
    """Writes the sum; a notice when that fails, for what was replayed is replayed."""
    if not path:
        return []
    rows = [(name, count, SAYS.get(name, name)) for name, count in sorted(result.outcomes.items())]
    write = {".json": _json, ".md": _markdown, ".html": _html}[Path(str(path)).suffix]
    try:
        Path(str(path)).write_text(write(title, words, rows, result) + "\n", encoding="utf-8")
    except OSError as error:
        return [Notice("report_not_written", f"{path} can't be written: {error.strerror}.")]
    return []


def _json(title: str, words: str, rows: list[tuple[str, int, str]], result: Any) -> str:
    return json.dumps({"title": title, "summary": words, **plain(result)}, indent=2, ensure_ascii=False)


def _markdown(title: str, words: str, rows: list[tuple[str, int, str]], result: Any) -> str:
    lines = [f"| {name} | {count} | {says} |" for name, count, says in rows]
    return "\n".join([f"# {title}", "", words, "", "| outcome | records | meaning |", "|---|---|---|", *lines])


def _html(title: str, words: str, rows: list[tuple[str, int, str]], result: Any) -> str:
    cells = "".join(f"<tr><td>{escape(name)}<td>{count}<td>{escape(says)}" for name, count, says in rows)
    return (f"<!doctype html><meta charset=utf-8><title>Replay</title><h1>{escape(title)}</h1>"
            f"<p>{escape(words)}<table><tr><th>outcome<th>records<th>meaning{cells}</table>")  # fmt: skip
