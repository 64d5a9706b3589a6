"""Playbooks as operations see them: found, read, checked, run. `eosctl.playbook` implements it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from eosctl.core.report import column


@dataclass(frozen=True)
class PlaybookSummary:
    """A playbook as it is listed. `faults` counts what `validate` would say."""

    name: str
    summary: str
    owner: str = field(metadata=column("owner", wide=True))
    params: tuple[str, ...]
    changes: bool
    file: str = field(metadata=column("file", wide=True))
    faults: int = 0


@dataclass(frozen=True)
class StepOutcome:
    """What became of a step. `status`: done, skipped, planned, unknown (hangs on an earlier outcome) or failed."""

    step: str
    action: str
    status: str
    message: str
    journal_id: str = ""
    took_ms: int = 0


@dataclass(frozen=True)
class RunOutcome:
    """A run. `status`: done, stopped (an assertion ended it well), failed, planned (a dry run), interrupted."""

    run: str
    playbook: str
    status: str
    said: str
    folder: str
    steps: tuple[StepOutcome, ...]


@dataclass(frozen=True, kw_only=True)
class RunWish:
    """How to run: `start_at` is a step's id, `report` a file that ends in .md, .html or .json."""

    params: Mapping[str, str]
    dry_run: bool = False
    yes: bool = False
    ask_each: bool = False
    start_at: str = ""
    confirm: str = ""
    report: Path | None = None


class PlaybooksGateway(Protocol):
    """Raises UsageError for a playbook that does not exist or is not valid, Refused where a rule says no."""

    def all(self) -> tuple[PlaybookSummary, ...]:
        """The shipped ones and those in ./playbooks."""

    def show(self, name: str) -> tuple[PlaybookSummary, str]:
        """A playbook by name or file, with its text."""

    def validate(self, name: str) -> tuple[str, ...]:
        """Its faults, each with file, line and column."""

    def schema(self) -> Mapping[str, Any]:
        """The JSON schema of playbook files, made from the registry."""

    def run(self, name: str, wish: RunWish) -> RunOutcome:
        """Runs it."""

    def resume(self, run: str, wish: RunWish, *, accept_changed: bool) -> RunOutcome:
        """Goes on where a run ended."""
