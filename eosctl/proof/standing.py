"""Where a trial of a strategy stands: how far each program is, what it left behind, wherever it keeps that."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eosctl.domain.proof.checks import OutboxFacts, Position
from eosctl.domain.proof.counting import Effect
from eosctl.domain.strategies.scaffolding import Program
from eosctl.ports.verify import Trial
from eosctl.proof import effects
from eosctl.proof.curve import Curve
from eosctl.proof.servers import Servers

SELF_ENDING = ("service", "producer")
"""Roles that end when their input is done; the others run until they are told to end."""

IN_TIME_ORDER = ("ledger", "api")
"""Where effects lie in the order in which they came, so that counting tells when."""


@dataclass(frozen=True)
class Places:
    """What was made for the trial: topics, group, connection string, API, the programs' folder."""

    input: str
    output: str
    group: str
    dsn: str
    api: str
    folder: Path


class Standing:
    """Looks, and changes nothing."""

    def __init__(self, trial: Trial, servers: Servers, places: Places) -> None:
        self._trial, self._servers, self._at = trial, servers, places
        self._roles = {one.role for one in trial.made.programs}
        self._reader = effects.Reader(servers.kafka, places.group, places.input)

    def close(self) -> None:
        """Closes its connection."""
        self._reader.close()

    def is_done(self, program: Program, ended: set[str]) -> bool:
        """Whether the program's position has passed all of its work; `ended` names those that ended by themselves."""
        if program.role in SELF_ENDING:
            return program.file in ended
        if program.role == "relay":
            return self.position(program) >= self._trial.messages
        if program.role == "reconciler":
            return self._number("SELECT count(*) FROM reservations WHERE state = 'pending'") == 0
        return self.position(program) >= sum(self._reader.ends().values())

    def position(self, program: Program) -> int:
        """A number that grows with the program's work."""
        if program.role == "relay":
            return self._number("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL")
        if program.role == "reconciler":
            return self._number("SELECT count(*) FROM reservations WHERE state <> 'pending'")
        if program.role == "service":
            return self._number("SELECT count(*) FROM orders")
        if program.role == "producer":
            path = self._at.folder / "position"
            return int(path.read_text()) if path.exists() else 0
        if self._trial.made.strategy == "stored-offsets":
            return self._number("SELECT coalesce(sum(committed_offset), 0) FROM consumer_offsets")
        return self._reader.position()

    def count(self) -> int:
        """How many effects there are by now."""
        if self._trial.made.counted == "api":
            return sum(1 for _ in effects.at_api(self._at.api))
        return self._number("SELECT count(*) FROM ledger")

    def effects(self, curve: Curve | None, began_epoch_ms: int) -> Iterator[Effect]:
        """All effects, with the time of those that have one."""
        counted = self._trial.made.counted
        if counted == "output-topic":
            return effects.in_topic(self._servers.kafka, self._at.output, began_epoch_ms)
        found = effects.at_api(self._at.api) if counted == "api" else effects.in_table(self._at.dsn, counted)
        return curve.timed(found) if curve is not None else found

    def positions(self) -> tuple[Position, ...]:
        """The consumer's position in each partition, and its end."""
        if "consumer" not in self._roles:
            return ()
        if self._trial.made.strategy != "stored-offsets":
            return self._reader.positions()
        stored = dict(effects.rows(self._at.dsn, "SELECT partition, committed_offset FROM consumer_offsets"))
        return tuple(Position(one, stored.get(one, 0), end) for one, end in sorted(self._reader.ends().items()))

    def outbox(self) -> OutboxFacts | None:
        """The outbox beside its topic, where there is one."""
        if "relay" not in self._roles:
            return None
        return effects.outbox_facts(self._at.dsn, self._servers.kafka, self._at.input)

    def _number(self, statement: str) -> int:
        return int(effects.rows(self._at.dsn, statement)[0][0])
