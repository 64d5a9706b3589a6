"""Comparing an outbox with a topic, bucket by bucket: lost, twice, there but still pending."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

TABLE, TOPIC, DEDUP = "table", "topic", "dedup"
PUBLISHED, PENDING, FAILED = "published", "pending", "failed"


class Finding(StrEnum):
    """What is odd about an event."""

    LOST = "published, not in the topic"
    TWICE = "in the topic more than once"
    UNMARKED = "in the topic, still pending"
    UNPROCESSED = "in the topic, not in the dedup table"


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
    """Counts of all events, and the first oddities. `unknown` are ids of the topic that the table's range lacks.

    With `deduplicated` the consumers' own table is the third side: an event that is gone from the topic and marked
    there was not lost (`processed_gone`), one that is in the topic and not marked there is `unprocessed`.
    """

    deduplicated: bool = False
    published_there: int = 0
    pending_absent: int = 0
    lost: int = 0
    twice: int = 0
    extra_copies: int = 0
    unmarked: int = 0
    unknown: int = 0
    processed: int = 0
    processed_gone: int = 0
    unprocessed: int = 0
    oddities: list[Oddity] = field(default_factory=list)

    def add_bucket(self, sides: Mapping[str, Sequence[tuple[str, str]]], *, limit: int) -> None:
        """Takes in one bucket: (id, state) of the table, (id, partition@offset) of the topic, (id, "") of dedup."""
        marked = {event_id for event_id, _ in sides.get(DEDUP, ())}
        copies: dict[str, list[str]] = {}
        for event_id, where in sides.get(TOPIC, ()):
            copies.setdefault(event_id, []).append(where)
        for event_id, state in sides.get(TABLE, ()):
            records = copies.pop(event_id, [])
            self._note(event_id, state, records, self._judged(state, records, event_id in marked), limit)
        self.unknown += len(copies)

    def _judged(self, state: str, records: Sequence[str], marked: bool) -> list[Finding]:
        """Counts one event; what is odd about it."""
        findings = []
        self.processed += marked
        if not records and marked:
            self.processed_gone += 1
        elif not records and state == PUBLISHED:
            self.lost += 1
            findings.append(Finding.LOST)
        elif not records:
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
        if records and self.deduplicated and not marked:
            self.unprocessed += 1
            findings.append(Finding.UNPROCESSED)
        return findings

    def _note(self, event_id: str, state: str, records: list[str], findings: Sequence[Finding], limit: int) -> None:
        for finding in findings:
            if len(self.oddities) < limit:
                self.oddities.append(Oddity(event_id, finding, state, len(records), ", ".join(records[:5])))
