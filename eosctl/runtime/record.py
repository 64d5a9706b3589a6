"""The journal as operations see it: entries, the way back, saved plans."""

from collections.abc import Iterator
from pathlib import Path

from eosctl.core.plan import Plan
from eosctl.domain.journal import JournalEntry
from eosctl.ports import Gateways
from eosctl.runtime.journal import Journal
from eosctl.runtime.plans import is_undoable, load_plan, plan_undo


class JournalRecord:
    """The JournalGateway on real files."""

    def __init__(self, journal: Journal, gateways: Gateways) -> None:
        self._journal = journal
        self._gateways = gateways

    def entries(self) -> Iterator[JournalEntry]:
        """The newest first."""
        return self._journal.entries()

    def entry(self, entry_id: str) -> JournalEntry:
        """By id or its beginning."""
        return self._journal.entry(entry_id)

    def is_undoable(self, entry: JournalEntry) -> bool:
        """Whether some step of it has a way back."""
        return is_undoable(entry)

    def plan_undo(self, entry: JournalEntry) -> Plan:
        """The plan back."""
        return plan_undo(entry, self._gateways)

    def load_plan(self, path: Path) -> Plan:
        """A saved plan."""
        return load_plan(path)
