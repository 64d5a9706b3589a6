"""A run's directory: every event on disk before the next thing happens, secrets masked."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.core.plain import plain
from eosctl.core.redaction import redact
from eosctl.playbook.secrecy import Secrets


def runs_folder() -> Path:
    """Where runs are kept; follows XDG_STATE_HOME."""
    return user_state_path("eosctl") / "runs"


class RunRecord:
    """Events of one run, one JSON line each, in `<folder>/events.jsonl`."""

    def __init__(self, folder: Path, secrets: Secrets | None = None) -> None:
        self.folder = folder
        self.id = folder.name
        self._secrets = secrets or Secrets()

    @classmethod
    def begin(cls, run: str, secrets: Secrets, text: str) -> "RunRecord":
        """A new run's directory with a copy of the playbook."""
        folder = runs_folder() / run
        folder.mkdir(parents=True, mode=0o700)
        (folder / "playbook.yaml").write_text(text, encoding="utf-8")
        return cls(folder, secrets)

    def write(self, event: str, at: datetime, **data: Any) -> None:
        """Appends an event and waits until it is on disk."""
        line = json.dumps({"event": event, "at": plain(at), **self.recorded(data)}, ensure_ascii=False)
        descriptor = os.open(self.folder / "events.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, (line + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def recorded(self, value: Any) -> Any:
        """A value as the record holds it."""
        return self._secrets.masked(redact(plain(value)))

    def events(self) -> list[dict[str, Any]]:
        """What was written; a torn last line (the process died in it) is left out."""
        found = []
        for line in (self.folder / "events.jsonl").read_text(encoding="utf-8").split("\n"):
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def mend(self) -> None:
        """Ends a torn last line, so that the next event has a line of its own."""
        with (self.folder / "events.jsonl").open("rb+") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")


def open_runs(count: int) -> list[str]:
    """Of the newest `count` runs those that can be resumed, the newest first."""
    known = sorted((path.parent for path in runs_folder().glob("*/events.jsonl")), reverse=True)[:count]
    return [path.name for path in known if _can_go_on(RunRecord(path).events())]


def _can_go_on(events: list[dict[str, Any]]) -> bool:
    if not events or events[0].get("dry_run"):
        return False
    return bool(events[-1]["event"] != "end" or events[-1]["status"] in ("failed", "interrupted"))


def find_run(run: str) -> Path:
    """The directory of a run by its id or an unambiguous beginning. Raises UsageError (`unknown_run`)."""
    known = sorted(path.name for path in runs_folder().glob("*") if (path / "events.jsonl").exists())
    found = [name for name in known if name == run] or [name for name in known if run and name.startswith(run)]
    if len(found) != 1:
        raise UsageError("unknown_run", f"{'Several runs begin' if found else 'No run begins'} with {run!r}.",
                         hint=did_you_mean(run, known) or f"Runs are kept in {runs_folder()}.")  # fmt: skip
    return runs_folder() / found[0]
