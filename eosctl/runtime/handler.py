"""What a step handler is: it looks, acts, reads back, and knows the way back. One for each kind of step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from eosctl.core.plan import Step
from eosctl.ports import Gateways


@dataclass(frozen=True)
class StepState:
    """What a look at the world says of a step, before it is done.

    `done`: nothing left to do (skip). `ready`: as the plan saw it. `changed`: `reason` says what is different now.
    `seen` is plain data for the receipt's `before`.
    """

    state: Literal["done", "ready", "changed"]
    seen: Mapping[str, Any]
    reason: str = ""


@dataclass(frozen=True)
class NotUndoable:
    """Why there is no way back."""

    reason: str


class StepHandler(Protocol):
    """Looks, acts, verifies, undoes one kind of step. Stateless; gateways are handed in."""

    kind: str

    def look(self, gateways: Gateways, step: Any) -> StepState:
        """Compares the world with the step's `expects_` fields and its `done_when`."""

    def act(self, gateways: Gateways, step: Any) -> Mapping[str, Any]:
        """Makes the change; plain data for the receipt's `after`. Raises EosctlError."""

    def verify(self, gateways: Gateways, step: Any, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """Reads back until the change shows or the time limit is over; adds to `after`. Raises OperationFailed."""

    def undo(self, step: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """The step that takes this one back, from what the journal holds."""
