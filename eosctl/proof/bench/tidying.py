"""What a measurement makes on the servers, and how it is taken away again."""

import time
from collections.abc import Callable

from eosctl.proof.servers import Servers

_TRIES, _PAUSE_S = 20, 0.5


class BenchServers(Servers):
    """The same care for topics, groups and schemas, under a name that says who made them; and for whatever else."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]  # as Servers takes them
        self._others: list[tuple[str, Callable[[], None]]] = []

    def name(self) -> str:
        """A name that nobody has."""
        return super().name().replace("eosctl-verify-", "eosctl-bench-")

    def remember(self, what: str, undo: Callable[[], None]) -> None:
        """Something else was made; `undo` takes it away, the last one first."""
        self._others.append((what, undo))

    def remember_topic(self, name: str) -> None:
        """A topic that somebody else makes on our behalf."""
        self._topics.append(name)

    def tidy(self) -> tuple[str, ...]:
        """Takes all away; what could not be."""
        left = [what for what, undo in reversed(self._others) if not _undone(undo)]
        self._others.clear()
        return (*left, *super().tidy())


def _undone(undo: Callable[[], None]) -> bool:
    for _ in range(_TRIES):
        try:
            undo()
            return True
        except Exception:  # noqa: BLE001  a Connect that rebalances, a database that is away: again, then told by name
            time.sleep(_PAUSE_S)
    return False
