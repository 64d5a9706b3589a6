"""Crash tests on real servers: programs in processes of their own, faults, and the effects found afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from eosctl.domain.proof.counting import Effect
from eosctl.domain.proof.faults import Fault
from eosctl.domain.strategies.scaffolding import Scaffold


@dataclass(frozen=True)
class Trial:
    """One run to be made: a scaffold's programs with these `files`, so many messages, these faults in this order."""

    made: Scaffold
    files: Mapping[str, str]
    messages: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Happened:
    """A fault of the plan and when it came, in milliseconds from the start; None when the work was over before."""

    fault: Fault
    at_ms: int | None


@dataclass(frozen=True)
class Observed:
    """What a trial left behind: effects in their order, how often a program was started again, and the faults."""

    effects: tuple[Effect, ...]
    restarts: int
    history: tuple[Happened, ...]


class VerifyGateway(Protocol):
    """Works in topics and schemas of its own (`eosctl-verify-...`), never in anybody else's."""

    def side_by_side(self, trials: Sequence[Trial]) -> tuple[Observed, ...]:
        """Runs the trials at the same time. Raises OperationFailed (`program_failed`, `stands_still`), Unreachable."""

    def tidy(self) -> tuple[str, ...]:
        """Takes away what the trials made (topics, groups, schemas); what could not be taken away."""
