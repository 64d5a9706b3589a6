"""The step that measures. How it is done: `runtime/steps/bench.py`."""

from dataclasses import dataclass
from typing import ClassVar

from eosctl.core.counts import counted
from eosctl.core.durations import format_duration_ms
from eosctl.core.plan import Effect, Step
from eosctl.domain.bench.measuring import NEEDS_DATABASE, BenchWish


@dataclass(frozen=True, kw_only=True)
class RunBench(Step):
    """Makes topics and a schema of its own, puts load on the servers, measures, and takes everything away again."""

    kind: ClassVar[str] = "bench.run"
    done_when: ClassVar[str] = "never: each run measures anew"

    wish: BenchWish
    expects_database: str = ""

    def describe(self) -> str:
        about = format_duration_ms(self.wish.estimate_s() * 1_000)
        return f"Measure {', '.join(self.wish.areas)} in {counted(self.wish.rounds, 'round')}, about {about}"

    def effects(self) -> tuple[Effect, ...]:
        rows = [Effect("topics eosctl-bench-*", "exist", "-", "while it measures")]
        if any(area in NEEDS_DATABASE for area in self.wish.areas):
            rows.append(Effect(f"schema eosctl_bench_* in {self.expects_database}", "exists", "-", "while it measures"))
        if self.wish.cdc is not None:
            rows += [
                Effect("connector eosctl-bench-*", "runs", "-", "while it measures"),
                Effect("slot and publication eosctl_bench_*", "exist", "-", "while it measures"),
            ]
        return (*rows, Effect("brokers and database", "load", "-", "as much as one client can give"))
