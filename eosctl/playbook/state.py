"""One run as its parts share it: what it works with, what is known, where it is."""

from dataclasses import dataclass, field
from typing import Any

from eosctl.core.errors import Interrupted
from eosctl.playbook.actions import Hands
from eosctl.playbook.earlier import Earlier
from eosctl.playbook.record import RunRecord
from eosctl.playbook.witness import Place
from eosctl.ports.playbooks import RunWish, StepOutcome


@dataclass
class Run:
    """`scope` is what expressions see; `unknown` names results that hang on a change that a dry run only planned.

    `item` is the item of the list that is being worked on, as the record holds it.
    """

    hands: Hands
    wish: RunWish
    record: RunRecord
    earlier: Earlier
    scope: dict[str, Any]
    place: Place
    item: Any = None
    outcomes: list[StepOutcome] = field(default_factory=list)
    journalled: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    planned: list[str] = field(default_factory=list)

    def write(self, event: str, **data: Any) -> None:
        """An event of this moment."""
        self.record.write(event, self.hands.gateways.clock.now(), **data)

    def scope_of(self, item: Any) -> dict[str, Any]:
        """What expressions of a step see, with its item."""
        return self.scope if item is None else {**self.scope, "item": item}

    def go_on_hint(self) -> str:
        """How a run that stopped goes on."""
        return f"Go on with: eosctl playbook resume {self.record.id}"

    def stop_when_asked(self, key: str) -> None:
        """Raises Interrupted after Ctrl-C or SIGTERM."""
        if self.hands.gateways.stop.requested():
            raise Interrupted("interrupted", f"Stopped at step {key}.", hint=self.go_on_hint())

    def wait(self, duration_ms: int) -> None:
        """Sleeps, but for a stop."""
        clock = self.hands.gateways.clock
        until = clock.monotonic_ms() + duration_ms
        while clock.monotonic_ms() < until and not self.hands.gateways.stop.requested():
            clock.sleep_ms(min(200, until - clock.monotonic_ms()))
