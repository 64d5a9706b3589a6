"""A run's directory: every event on disk before the next thing happens, secrets masked; and the reports made of it."""

import html
import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.core.plain import plain
from eosctl.core.redaction import MASK, redact


def runs_folder() -> Path:
    """Where runs are kept; follows XDG_STATE_HOME."""
    return user_state_path("eosctl") / "runs"


class RunRecord:
    """Events of one run, one JSON line each, in `<folder>/events.jsonl`."""

    def __init__(self, folder: Path, secrets: Sequence[str] = ()) -> None:
        self.folder = folder
        self.id = folder.name
        self._secrets = [one for one in secrets if one]

    @classmethod
    def begin(cls, run: str, secrets: Sequence[str], text: str) -> "RunRecord":
        """A new run's directory with a copy of the playbook."""
        folder = runs_folder() / run
        folder.mkdir(parents=True, mode=0o700)
        (folder / "playbook.yaml").write_text(text, encoding="utf-8")
        return cls(folder, secrets)

    def write(self, event: str, at: datetime, **data: Any) -> None:
        """Appends an event and waits until it is on disk."""
        line = json.dumps({"event": event, "at": plain(at), **redact(plain(data))}, ensure_ascii=False)
        for secret in self._secrets:
            line = line.replace(json.dumps(secret, ensure_ascii=False)[1:-1], MASK)
        descriptor = os.open(self.folder / "events.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, (line + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def events(self) -> list[dict[str, Any]]:
        """What was written; a torn last line (the process died in it) is left out."""
        found = []
        for line in (self.folder / "events.jsonl").read_text(encoding="utf-8").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found


def find_run(run: str) -> Path:
    """The directory of a run by its id or an unambiguous beginning. Raises UsageError (`unknown_run`)."""
    known = sorted(path.name for path in runs_folder().glob("*") if (path / "events.jsonl").exists())
    found = [name for name in known if name == run] or [name for name in known if run and name.startswith(run)]
    if len(found) != 1:
        raise UsageError("unknown_run", f"{'Several runs begin' if found else 'No run begins'} with {run!r}.",
                         hint=did_you_mean(run, known) or f"Runs are kept in {runs_folder()}.")  # fmt: skip
    return runs_folder() / found[0]


def write_report(record: RunRecord, path: Path) -> None:
    """The run as Markdown, HTML or JSON, by the file's ending. Raises UsageError for another ending."""
    events = record.events()
    match path.suffix:
        case ".json":
            text = json.dumps({"schema": "eosctl.run/v1", "run": record.id, "events": events}, indent=2) + "\n"
        case ".md":
            text = _markdown(record.id, events)
        case ".html":
            text = _html(record.id, events)
        case _:
            raise UsageError("bad_report", f"{path} is no report's name.", hint="End it in .md, .html or .json.")
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError("report_not_written", f"{path} can't be written: {error.strerror}.") from None


def _rows(events: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Time, what, details: one row an event."""
    rows = []
    for one in events:
        details = {key: value for key, value in one.items() if key not in ("event", "at") and value not in ("", None)}
        what = str(one["event"]).replace("_", " ")
        rows.append((str(one["at"]), what, "; ".join(f"{key}: {_words(value)}" for key, value in details.items())))
    return rows


def _words(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _markdown(run: str, events: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"# Run {run}", "", "| at | what | details |", "|---|---|---|"]
    lines += [f"| {at} | {what} | {details.replace('|', chr(92) + '|')} |" for at, what, details in _rows(events)]
    return "\n".join(lines) + "\n"


def _html(run: str, events: Sequence[Mapping[str, Any]]) -> str:
    cells = "\n".join(
        "<tr>" + "".join(f"<td>{html.escape(word)}</td>" for word in row) + "</tr>" for row in _rows(events)
    )
    style = "body{font:14px sans-serif;margin:2em}td,th{border-bottom:1px solid #ccc;padding:.4em;text-align:left;"
    style += "vertical-align:top;overflow-wrap:anywhere}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Run {html.escape(run)}</title>'
        f"<style>{style}</style></head><body><h1>Run {html.escape(run)}</h1>"
        f"<table><thead><tr><th>at</th><th>what</th><th>details</th></tr></thead><tbody>{cells}</tbody></table>"
        "</body></html>\n"
    )
