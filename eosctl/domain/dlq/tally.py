"""What became of each record that was read: read = replayed + skipped by reason + held + parked + filtered, always."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

REPLAYED, FILTERED = "replayed", "filtered"
SKIPPED_WINDOW, SKIPPED_RUN = "skipped:window", "skipped:run"
SKIPPED_PROCESSED = "skipped:processed"
SKIPPED_AHEAD, SKIPPED_PASSED = "skipped:ahead", "skipped:passed"
HELD_KEY, HELD_ORIGIN, HELD_NULL_KEY = "held:key", "held:origin", "held:null-key"
HELD_LOST = "held:lost_to_retention"
HELD_NEWER = "held:newer"
HELD_AHEAD = "held:ahead"
PARKED_LOOP, PARKED_SIZE = "parked:max-replays", "parked:too-large"

SAYS = {
    REPLAYED: "replayed",
    FILTERED: "not selected",
    SKIPPED_WINDOW: "skipped: replayed within the window",
    SKIPPED_RUN: "skipped: again in this run",
    SKIPPED_PROCESSED: "skipped: the consumer's table says that it was processed",
    SKIPPED_AHEAD: "skipped: not passed by the stored offset (the consumer reads it by itself)",
    SKIPPED_PASSED: "skipped: passed by the stored offset (processed, by your word)",
    HELD_KEY: "held: an earlier record of its key is held back",
    HELD_ORIGIN: "held: its origin is unknown, or is no topic here",
    HELD_NULL_KEY: "held: it has no key and the target is compacted",
    HELD_LOST: "held: a pointer whose record is gone from its origin",
    HELD_NEWER: "held: the target has a newer record of its key",
    HELD_AHEAD: "held: not passed by the stored offset (the consumer may be at it now)",
    PARKED_LOOP: "parked: replayed too often",
    PARKED_SIZE: "parked: too large for the target",
}


@dataclass
class Tally:
    """Counts by outcome; the keys are the names above."""

    counts: dict[str, int] = field(default_factory=dict)

    def count(self, outcome: str, records: int = 1) -> None:
        """So many records had this outcome."""
        self.counts[outcome] = self.counts.get(outcome, 0) + records

    @property
    def read(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    def total(self, kind: str) -> int:
        """All outcomes of a kind: `skipped`, `held`, `parked`, `replayed`, `filtered`."""
        return sum(count for name, count in self.counts.items() if name.partition(":")[0] == kind)

    def plus(self, others: Iterable["Tally"]) -> "Tally":
        """The sum."""
        result = Tally(dict(self.counts))
        for other in others:
            for name, count in other.counts.items():
                result.count(name, count)
        return result


@dataclass(frozen=True)
class PartitionState:
    """What a job commits with a partition's offset, so that a crash loses nothing: the run, its end, its counts.

    `after` is how far a replay in the order of origins has come; the farthest of all partitions holds.
    """

    run: str
    end: int
    counts: Mapping[str, int] = field(default_factory=dict)
    after: str = ""

    def text(self) -> str:
        """The metadata of the offset commit; far below Kafka's limit of 4,096 bytes."""
        body: dict[str, Any] = {"eosctl": 1, "run": self.run, "end": self.end, "counts": dict(self.counts)}
        if self.after:
            body["after"] = self.after
        return json.dumps(body, separators=(",", ":"))


def state_of(metadata: str) -> PartitionState | None:
    """What a commit's metadata holds; None when it is not ours.

    librdkafka 2.16 ends a transactional commit's metadata with a NUL byte, and strips it only where it reads itself.
    """
    try:
        body = json.loads(metadata.rstrip("\0"))
        if not isinstance(body, dict) or body.get("eosctl") != 1:
            return None
        counts = {str(name): int(count) for name, count in body["counts"].items()}
        return PartitionState(str(body["run"]), int(body["end"]), counts, str(body.get("after", "")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
