"""The journal: one file an entry, a line an event, each on disk before the next thing happens. Secrets are masked.

An entry is `$XDG_STATE_HOME/eosctl/journal/<id>.jsonl`: a `begin` line with the whole plan, an `intent` and a
`receipt` line for each step, an `end` line. An entry without `end` belongs to a process that died.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.core.plain import plain
from eosctl.core.redaction import redact
from eosctl.domain.journal import JournalEntry


def journal_path() -> Path:
    """Where the journal lives; follows XDG_STATE_HOME."""
    return user_state_path("eosctl") / "journal"


class Journal:
    """Writes and reads entries below one folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or journal_path()

    def begin(self, plan: Mapping[str, Any], *, at: datetime, who: str, undoes: str = "") -> "OpenEntry":
        """A new entry with its plan (plain data) on disk; every later event is appended to it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        entry_id = f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1_000:03}-{os.urandom(3).hex()}"
        entry = OpenEntry(self.folder / f"{entry_id}.jsonl", entry_id)
        entry.append("begin", {"at": plain(at), "who": who, "plan": plan, "undoes": undoes})
        return entry

    def entries(self) -> Iterator[JournalEntry]:
        """Every entry, the newest first; a file that can't be read as a journal is passed over."""
        read = (_read(path) for path in sorted(self.folder.glob("*.jsonl"), reverse=True))
        every = [entry for entry in read if entry is not None]
        undone = {entry.undoes: entry.id for entry in every if entry.undoes and entry.status == "done"}
        for entry in every:
            yield _marked(entry, undone)

    def entry(self, entry_id: str) -> JournalEntry:
        """One entry by its id or an unambiguous beginning of it; raises UsageError (`unknown_journal_id`)."""
        found = [entry for entry in self.entries() if entry.id.startswith(entry_id)]
        exact = [entry for entry in found if entry.id == entry_id]
        if len(exact or found) == 1 and entry_id:
            return (exact or found)[0]
        known = [entry.id for entry in self.entries()]
        raise UsageError(
            "unknown_journal_id",
            f"{'Several entries begin' if found else 'No entry begins'} with {entry_id!r}.",
            hint=did_you_mean(entry_id, known) or "See `eosctl journal list`.",
        )


class OpenEntry:
    """An entry that is being written."""

    def __init__(self, path: Path, entry_id: str) -> None:
        self.path = path
        self.id = entry_id

    def write(self, event: str, data: Mapping[str, Any]) -> None:
        """Appends one event and waits until it is on disk."""
        self.append(event, plain(data))

    def append(self, event: str, data: Mapping[str, Any]) -> None:
        """The same of data that is plain already, as a large plan is."""
        line = json.dumps({"event": event, **redact(data)}, ensure_ascii=False)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, (line + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read(path: Path) -> JournalEntry | None:
    events = _events(path)
    if not events or events[0].get("event") != "begin":
        return None
    begin, end = events[0], next((one for one in events if one["event"] == "end"), None)
    plan = begin["plan"]
    return JournalEntry(
        id=path.stem,
        at=datetime.fromisoformat(begin["at"]),
        operation=plan["operation"],
        status=end["status"] if end else "interrupted",
        summary=plan["summary"],
        plan=plan,
        receipts=tuple(one for one in events if one["event"] == "receipt"),
        intents=tuple(one["step"] for one in events if one["event"] == "intent"),
        who=begin.get("who", ""),
        undoes=begin.get("undoes", ""),
    )


def _events(path: Path) -> list[dict[str, Any]]:
    events = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            events.append(json.loads(line))
        except json.JSONDecodeError:
            break  # a torn last line: the process died while it wrote
    return events


def _marked(entry: JournalEntry, undone: Mapping[str, str]) -> JournalEntry:
    return replace(entry, status="undone", undone_by=undone[entry.id]) if entry.id in undone else entry
