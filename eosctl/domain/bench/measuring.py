"""What is measured: areas and sizes, the wish, and what came of a cell and its plain twin in each round."""

from dataclasses import dataclass
from typing import Literal

from eosctl.domain.cdc_config import CdcWish

AREAS = ("produce", "read", "consume", "outbox")
NEEDS_DATABASE = ("consume", "outbox")
SIZES = (1, 10, 100, 1_000)
"""Records a transaction, and records a consumer's batch."""
INTERVALS_MS = (10, 100, 1_000)
"""How long a transaction collects records."""
PACE_PER_S = 1_000
"""Where latency is measured over time the producer is not pushed to its limit: a queue would be measured instead."""
STRATEGIES = ("dedup-table", "stored-offsets", "idempotency-key")

Measure = Literal["p50", "p99", "throughput", "cpu"]
UNITS: dict[str, str] = {"p50": "ms", "p99": "ms", "throughput": "records/s", "cpu": "us/record"}


@dataclass(frozen=True, kw_only=True)
class BenchWish:
    """How a run is made. A cell lasts `cell_ms`, and a transaction's own time where that is longer."""

    areas: tuple[str, ...]
    rounds: int
    cell_ms: int
    events: int
    record_bytes: int
    cdc: CdcWish | None = None
    sizes: tuple[int, ...] = SIZES
    intervals_ms: tuple[int, ...] = INTERVALS_MS

    def cells(self) -> int:
        """How many cells a round has; for the progress."""
        counts = {
            "produce": len(self.sizes) + 2 * len(self.intervals_ms),
            "read": len(self.intervals_ms),
            "consume": len(self.sizes),
            "outbox": 1,
        }
        return sum(counts[area] for area in self.areas)

    def estimate_s(self) -> int:
        """About how long it takes, warm-up and tidying included."""
        cell_s = self.cell_ms / 1_000
        long_s = sum(max(cell_s, one / 1_000) for one in self.intervals_ms)
        round_s = {
            "produce": 2 * len(self.sizes) * cell_s + 4 * long_s,
            "read": long_s + 0.3 * len(self.intervals_ms),
            "consume": len(self.sizes) * (1 + len(STRATEGIES)) * (cell_s + 0.2),
            "outbox": self.events * (0.08 if self.cdc is None else 0.6),
        }
        warm_s = {"produce": 2.0, "read": 1.0, "consume": 3.0, "outbox": 6.0 if self.cdc is None else 25.0}
        return round(sum(warm_s[area] + self.rounds * round_s[area] for area in self.areas) + 2)


@dataclass(frozen=True)
class Observation:
    """One measure of one cell in every round: `plain` is the twin's, `measured` the cell's own.

    `area` and `what` name the cell, `twin` what it is held against.
    """

    area: str
    what: str
    measure: Measure
    twin: str
    plain: tuple[float, ...]
    measured: tuple[float, ...]


@dataclass(frozen=True)
class Spread:
    """Latencies of one kind over all rounds, at the percentiles of `core/charts.py`; for the chart."""

    name: str
    values_ms: tuple[float, ...]


@dataclass(frozen=True)
class NotMeasured:
    """What was left out, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Bench:
    """What a run found. `left` names what could not be taken away; `rounds` how many were whole."""

    observations: tuple[Observation, ...] = ()
    spreads: tuple[Spread, ...] = ()
    not_measured: tuple[NotMeasured, ...] = ()
    rounds: int = 0
    stopped: bool = False
    left: tuple[str, ...] = ()
