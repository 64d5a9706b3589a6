"""Comparing an outbox with a topic, bucket by bucket: lost, twice, there but still pending."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

TABLE, TOPIC = "table", "topic"
PUBLISHED, PENDING, FAILED = "published", "pending", "failed"


class Finding(StrEnum):
    """What is odd about an event."""

    LOST = "published, not in the topic"
    TWICE = "in the topic more than once"
    UNMARKED = "in the topic, still pending"


@dataclass(frozen=True)
class Oddity:
    """An event that does not fit; `records` are `partition@offset`, at most five of them."""

    id: str
    finding: Finding
    state: str
    copies: int
    records: str


@dataclass
class Comparison:
    """Counts of all events, and the first oddities. `unknown` are ids of the topic that the table's range lacks."""

    published_there: int = 0
    pending_absent: int = 0
    lost: int = 0
    twice: int = 0
    extra_copies: int = 0
    unmarked: int = 0
    unknown: int = 0
    oddities: list[Oddity] = field(default_factory=list)

    def add_bucket(self, sides: Mapping[str, Sequence[tuple[str, str]]], *, limit: int) -> None:
        """Takes in one bucket: (id, state) of the table, (id, partition@offset) of the topic."""
        copies: dict[str, list[str]] = {}
        for event_id, where in sides.get(TOPIC, ()):
            copies.setdefault(event_id, []).append(where)
        for event_id, state in sides.get(TABLE, ()):
            self._add(event_id, state, copies.pop(event_id, []), limit)
        self.unknown += len(copies)

    def _add(self, event_id: str, state: str, records: list[str], limit: int) -> None:
        findings = []
        if not records:
            if state == PUBLISHED:
                self.lost += 1
                findings.append(Finding.LOST)
            else:
                self.pending_absent += 1
        elif state == PUBLISHED:
            self.published_there += 1
        else:
            self.unmarked += 1
            findings.append(Finding.UNMARKED)
        if len(records) > 1:
            self.twice += 1
            self.extra_copies += len(records) - 1
            findings.append(Finding.TWICE)
        for finding in findings:
            if len(self.oddities) < limit:
                self.oddities.append(Oddity(event_id, finding, state, len(records), ", ".join(records[:5])))
