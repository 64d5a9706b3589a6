"""The canary of a shared replay: one member leads and watches, the others wait until the ledger says that it passed."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from eosctl.domain.dlq.sharing import SharedRuns
from eosctl.domain.steps.dlq import ReplayDeadLetters
from eosctl.ports import Gateways
from eosctl.runtime.canary import Canary
from eosctl.runtime.shared_ledger import SharedLedger


class SharedWatch:
    """What a run's members know of its canary, and what the leading one tells.

    The leader notes in the ledger where source and targets ended, and each step that the group has passed. Who takes
    over waits first until the group has passed all that was sent since.
    """

    def __init__(
        self, gateways: Gateways, step: ReplayDeadLetters, runs: SharedRuns, run: str, ledger: SharedLedger
    ) -> None:
        self._gateways = gateways
        self._step = step
        self._key = runs.canary_key
        self._run = run
        self._ledger = ledger
        self.told = runs.canary(run)

    @property
    def is_on(self) -> bool:
        """Whether the group has yet to pass the first records."""
        return bool(self._step.canary) and not self.told.passed

    def open_canary(self, full: int) -> Canary:
        """One that watches nothing any more."""
        return Canary(self._gateways, replace(self._step, canary=0), full)

    def lead(self, full: int, replayed: int, interrupted: Callable[[], bool]) -> tuple[Canary, str] | None:
        """The canary, and why it must halt, if it must; None when another member began one at the same time."""
        canary = Canary(self._gateways, self._step, full, interrupted=interrupted, start=self.told.start)
        if self.told.start is None:
            canary.start = replace(canary.start, replayed=replayed)
            begins: dict[str, Any] = {"start": canary.start.plain(), "size": canary.size}
            if not self._say(begins, unless=lambda: self.told.start is not None):
                return None
        return canary, canary.take_over(size=self.told.size, sent=replayed - canary.start.replayed)

    def tell(self, canary: Canary, halted: str) -> None:
        """How far the canary has come, when that is news."""
        if halted:
            self._say({"halted": halted})
        elif canary.size != self.told.size or not canary.watches:
            self._say({"size": canary.size, "passed": not canary.watches})

    def _say(self, body: dict[str, Any], *, unless: Callable[[], bool] = lambda: False) -> bool:
        text = json.dumps({"run": self._run, **body}, separators=(",", ":"))
        return self._ledger.say(self._key, text.encode(), unless=unless)
