"""How a measurement is run."""

from collections.abc import Mapping
from typing import Any

from eosctl.core.plain import plain
from eosctl.core.plan import Step
from eosctl.domain.bench.measuring import NEEDS_DATABASE
from eosctl.domain.steps.bench import RunBench
from eosctl.ports import Gateways
from eosctl.runtime.handler import NotUndoable, StepState


class RunBenchHandler:
    """Measures."""

    kind = RunBench.kind

    def look(self, gateways: Gateways, step: RunBench) -> StepState:
        """Ready; changed when another database is there than was planned for."""
        if any(area in NEEDS_DATABASE for area in step.wish.areas):
            found = gateways.database.identity()
            if found != step.expects_database:
                return StepState("changed", {}, f"The plan was made for database {step.expects_database}.")
        return StepState("ready", {})

    def act(self, gateways: Gateways, step: RunBench) -> Mapping[str, Any]:
        """All rounds."""
        found: Mapping[str, Any] = plain(gateways.bench.measure(step.wish))
        return found

    def verify(self, gateways: Gateways, step: RunBench, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """What could not be taken away is in `left`: the measurement itself has nothing to read back."""
        return after

    def undo(self, step: RunBench, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """Nothing is left."""
        return NotUndoable("A measurement leaves nothing behind that could be taken back.")


HANDLERS = (RunBenchHandler(),)
