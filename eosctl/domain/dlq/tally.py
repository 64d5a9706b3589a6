"""What became of each record that was read: read = replayed + skipped by reason + held + parked + filtered, always."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

REPLAYED, FILTERED = "replayed", "filtered"
SKIPPED_WINDOW, SKIPPED_RUN, SKIPPED_PROCESSED = "skipped:window", "skipped:run", "skipped:processed"
SKIPPED_LOST = "skipped:lost"
HELD_KEY, HELD_NEWER, HELD_ORIGIN = "held:key", "held:newer", "held:origin"
PARKED_LOOP, PARKED_SIZE = "parked:max-replays", "parked:too-large"

SAYS = {
    REPLAYED: "replayed",
    FILTERED: "not selected",
    SKIPPED_WINDOW: "skipped: replayed within the window",
    SKIPPED_RUN: "skipped: again in this run",
    SKIPPED_PROCESSED: "skipped: the consumer processed it after all",
    SKIPPED_LOST: "skipped: its origin is lost to retention",
    HELD_KEY: "held: an earlier record of its key is held back",
    HELD_NEWER: "held: a newer record of its key is in the target",
    HELD_ORIGIN: "held: its origin is unknown",
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

    `after` is the last sort position that a run in origin order has done.
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
    """What a commit's metadata holds; None when it is not ours."""
    try:
        body = json.loads(metadata)
        if not isinstance(body, dict) or body.get("eosctl") != 1:
            return None
        counts = {str(name): int(count) for name, count in body["counts"].items()}
        return PartitionState(str(body["run"]), int(body["end"]), counts, str(body.get("after", "")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
