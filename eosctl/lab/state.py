"""What a lab is and where it lives: `$XDG_DATA_HOME/eosctl/lab/<name>/state.json`, readable by its owner alone."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path, user_data_path

from eosctl.core.errors import UsageError, did_you_mean

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class LabProcess:
    """A process that the lab started: `created` (seconds since the epoch) tells it from a later one of the same pid."""

    role: str
    pid: int
    created: float


@dataclass(frozen=True)
class LabState:
    """A lab. `security` holds librdkafka properties for its user; `ports` maps a role to the port it keeps."""

    name: str
    folder: str
    cluster_id: str
    bootstrap_servers: str
    dsn: str
    brokers: int
    secure: bool
    transaction_version: int
    java: str
    postgres_bin: str
    ports: Mapping[str, int]
    processes: tuple[LabProcess, ...] = ()
    security: Mapping[str, str] = field(default_factory=dict)
    created_at: str = ""

    def path(self, *parts: str) -> Path:
        """A path below the lab's folder."""
        return Path(self.folder).joinpath(*parts)

    def process(self, role: str) -> LabProcess | None:
        """The process of a role, when it was started."""
        return next((one for one in self.processes if one.role == role), None)


def labs_folder() -> Path:
    """Where all labs live; follows XDG_DATA_HOME."""
    return user_data_path("eosctl") / "lab"


def jars_folder() -> Path:
    """Where downloaded jars are kept for all labs; follows XDG_CACHE_HOME."""
    return user_cache_path("eosctl") / "jars"


def check_name(name: str) -> None:
    """Raises UsageError for a name that can't be a folder."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            "bad_lab_name", f"{name!r} is not a lab's name.", why="Names are lower case letters, digits and -."
        )


def read_state(name: str) -> LabState | None:
    """The lab of that name, running or not; None when there is none."""
    check_name(name)
    file = labs_folder() / name / "state.json"
    if not file.exists():
        return None
    data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    data["processes"] = tuple(LabProcess(**one) for one in data["processes"])
    return LabState(**data)


def known_state(name: str) -> LabState:
    """The lab of that name; raises UsageError (`unknown_lab`)."""
    state = read_state(name)
    if state is None:
        known = [one.name for one in every_state()]
        raise UsageError("unknown_lab", f"There is no lab {name!r}.", hint=did_you_mean(name, known) or "eosctl lab up")
    return state


def every_state() -> tuple[LabState, ...]:
    """All labs, running or not."""
    folder = labs_folder()
    names = sorted(one.parent.name for one in folder.glob("*/state.json")) if folder.exists() else []
    return tuple(state for state in map(read_state, names) if state is not None)


def write_state(state: LabState) -> None:
    """Saves the state at once or not at all."""
    file = state.path("state.json")
    temporary = file.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(asdict(state), out, indent=2)
    os.replace(temporary, file)
