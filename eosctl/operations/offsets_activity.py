"""Looks at when a group's rows changed: by commit timestamps, by a column of the table, or by looking again.

Which of them is used, and why in this order: docs/decisions/offsets-table-activity.md.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from eosctl.core.errors import OperationFailed, UsageError
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.offset_activity import Evidence, TableActivity
from eosctl.domain.offsets import OffsetsMapping
from eosctl.operations.offsets_seen import stored_offsets
from eosctl.ports import Gateways

_SETTLE_MS = 1_000


class TableWatch:
    """Looks at the rows of one group. `look_back` false only watches: undoing looks at rows that it knows are young."""

    def __init__(self, gateways: Gateways, mapping: OffsetsMapping, group: str, *, look_back: bool = True) -> None:
        self._gateways, self._mapping, self._group = gateways, mapping, group
        self._evidence = self._best() if look_back else Evidence.WATCHED
        self._rows: Mapping[TopicPartition, object] = {}
        self._began_ms = 0
        self._changed_ms: dict[TopicPartition, int] = {}

    def look(self) -> TableActivity:
        """How long ago each row changed. The first look without a way to look back takes a second."""
        if self._evidence is not Evidence.WATCHED:
            name = "offsets_ages_by_commit" if self._evidence is Evidence.COMMITS else "offsets_ages_by_column"
            rows = self._query(name)
            ages = {_place(row): int(row["age_ms"]) for row in rows if row["age_ms"] is not None}
            return TableActivity(str(self._mapping.table), self._evidence, ages)
        if not self._began_ms:
            self._rows, self._began_ms = self._versions(), self._gateways.clock.monotonic_ms()
            self._gateways.clock.sleep_ms(_SETTLE_MS)
        now_ms, versions = self._gateways.clock.monotonic_ms(), self._versions()
        for at in {*versions, *self._rows}:
            if versions.get(at) != self._rows.get(at):
                self._changed_ms[at] = now_ms
        self._rows = versions
        ages = {at: now_ms - changed for at, changed in self._changed_ms.items()}
        return TableActivity(str(self._mapping.table), Evidence.WATCHED, ages, now_ms - self._began_ms)

    def _best(self) -> Evidence:
        """Commit timestamps need no help of the consumer, but the server's leave, and a table that is no view."""
        try:
            if self._gateways.database.query("offsets_commit_times")[0]["tracked"]:
                self._query("offsets_ages_by_commit")
                return Evidence.COMMITS
        except (UsageError, OperationFailed):
            pass  # a view has no xmin, a foreign table none that this server knows
        return Evidence.UPDATED_AT if self._mapping.updated_at else Evidence.WATCHED

    def _versions(self) -> Mapping[TopicPartition, object]:
        """What changes when somebody writes a row, also when the number stays; a view shows numbers only."""
        try:
            return {_place(row): (row["version"], row["stored"]) for row in self._query("offsets_versions")}
        except UsageError:
            return stored_offsets(self._gateways, self._mapping, [self._group]).get(self._group, {})

    def _query(self, name: str) -> Sequence[Mapping[str, Any]]:
        names = self._mapping.identifiers()
        return self._gateways.database.query(name, {"group": self._group}, identifiers=names)


def _place(row: Mapping[str, Any]) -> TopicPartition:
    return TopicPartition(row["topic"], row["partition"])
