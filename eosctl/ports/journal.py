"""The record of changes and the plans that come from it or from a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from eosctl.core.plan import Plan
    from eosctl.domain.journal import JournalEntry


class JournalGateway(Protocol):
    """Reads only; what is executed is journalled by the runtime itself."""

    def entries(self) -> Iterator[JournalEntry]:
        """The newest first."""

    def entry(self, entry_id: str) -> JournalEntry:
        """By id or its beginning; raises UsageError (`unknown_journal_id`)."""

    def is_undoable(self, entry: JournalEntry) -> bool:
        """Whether some step of it has a way back."""

    def plan_undo(self, entry: JournalEntry) -> Plan:
        """The plan back; raises Refused (`not_undoable`, `already_undone`)."""

    def load_plan(self, path: Path) -> Plan:
        """A saved plan; raises UsageError for a file that is none or was edited."""
