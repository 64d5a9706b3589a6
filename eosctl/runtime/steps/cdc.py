"""How failed parts of a connector are restarted: look, restart, wait until they run."""

from collections.abc import Mapping
from typing import Any

from eosctl.core.errors import OperationFailed
from eosctl.core.plan import Step
from eosctl.domain.connect import ConnectorStatus
from eosctl.domain.steps.cdc import RestartConnector
from eosctl.ports import Gateways
from eosctl.runtime.handler import NotUndoable, StepState

_LOOK_EVERY_MS = 250
_STEADY_LOOKS = 8
"""A task that fails at once shows RUNNING for a moment: it must be seen to run so many times in a row."""


class RestartConnectorHandler:
    """Restarts what failed."""

    kind = RestartConnector.kind

    def look(self, gateways: Gateways, step: RestartConnector) -> StepState:
        """Done when nothing has failed; changed when this is another Connect."""
        if gateways.connect.url != step.url:
            return StepState("changed", {}, f"The plan was made for Connect at {step.url}.")
        status = gateways.connect.status(step.connector)
        return StepState("ready" if status.failed else "done", _states(status))

    def act(self, gateways: Gateways, step: RestartConnector) -> Mapping[str, Any]:
        """One request for all that failed."""
        gateways.connect.restart_failed(step.connector)
        return {}

    def verify(self, gateways: Gateways, step: RestartConnector, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """Until everything has run for two seconds, within the time limit."""
        until = gateways.clock.monotonic_ms() + max(gateways.timeout_ms, 5_000)
        steady = 0
        while True:
            gateways.clock.sleep_ms(_LOOK_EVERY_MS)
            status = gateways.connect.status(step.connector)
            running = len(status.parts) > 1 and all(one.state == "RUNNING" for one in status.parts)
            steady = steady + 1 if running else 0
            if steady >= _STEADY_LOOKS:
                return {**after, **_states(status)}
            if gateways.clock.monotonic_ms() > until:
                trace = next((one.trace for one in status.parts if one.trace), "It does not run yet.")
                raise OperationFailed("still_failed", f"{step.connector} was restarted and does not run.", why=trace,
                                      hint="Mend the cause, see eosctl cdc status.")  # fmt: skip

    def undo(self, step: RestartConnector, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """None."""
        return NotUndoable("A task that runs again is not made to fail again.")


def _states(status: ConnectorStatus) -> dict[str, str]:
    return {"connector" if one.id < 0 else f"task {one.id}": one.state for one in status.parts}


HANDLERS = (RestartConnectorHandler(),)
