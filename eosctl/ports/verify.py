"""Crash tests on real servers: programs in processes of their own, faults, and the effects found afterwards."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from eosctl.domain.cdc_config import CdcWish
from eosctl.domain.proof.checks import OutboxFacts, Position
from eosctl.domain.proof.counting import Effect
from eosctl.domain.proof.faults import Fault, Happened
from eosctl.domain.proof.stories import Course
from eosctl.domain.strategies.scaffolding import Scaffold

__all__ = ["Fault", "Happened", "Observed", "OwnTrial", "Trial", "VerifyGateway"]


@dataclass(frozen=True)
class Trial:
    """One run to be made: a scaffold's programs with these `files`, so many messages, these faults in this order.

    With `cdc` the outbox is read by a Debezium connector that is made for the trial.
    """

    made: Scaffold
    files: Mapping[str, str]
    messages: int
    faults: tuple[Fault, ...]
    cdc: CdcWish | None = None


@dataclass(frozen=True, kw_only=True)
class OwnTrial:
    """The user's own program: a shell's `command`, so many `instances` of it at once.

    Topics and group of "" are made and taken away. Effects are in the output topic (`id_at` says where the id is:
    `key`, `header:NAME`, `json:PATH`), in the rows of `sql`, or in what `url` answers. `template` is a message's text.
    `schema` makes tables in a schema of their own. `draw` gives the faults for what the program was seen to do;
    `allow_existing` lets topics, groups and tables that are there be written to.
    """

    command: str
    instances: int
    messages: int
    crashes: int
    draw: Callable[[Sequence[str]], tuple[Fault, ...]]
    counted: Literal["topic", "sql", "http"]
    input_topic: str = ""
    output_topic: str = ""
    group: str = ""
    partitions: int = 3
    id_at: str = "header:message-id"
    sql: str = ""
    url: str = ""
    template: str = ""
    schema: str = ""
    allow_existing: bool = False


@dataclass(frozen=True)
class Observed:
    """What a trial left behind: effects in their order, how often a program was started again, what happened when.

    `positions` are the consumer's at the end, () where it keeps none in Kafka; `seen` names what passed the proxy.
    """

    effects: tuple[Effect, ...]
    restarts: int
    course: Course
    positions: tuple[Position, ...] = ()
    outbox: OutboxFacts | None = None
    prefix: str = "m"
    seen: tuple[str, ...] = ()


class VerifyGateway(Protocol):
    """Works in topics and schemas of its own (`eosctl-verify-...`), never in anybody else's unless that is allowed."""

    def consent(self, confirm: str) -> None:
        """Asks for a protected profile's name. Raises Refused (`protected_profile`, `wrong_confirmation`)."""

    def require_lab(self) -> None:
        """Raises Refused (`not_a_lab`) when the servers that were named are not a running lab's."""

    def require_lab_database(self) -> None:
        """Raises Refused (`not_a_lab`) when a database was named that is not that lab's."""

    def require_full_disk(self) -> None:
        """Raises Refused (`no_full_disk`) where the lab's servers can't be kept from writing."""

    def require_capture(self) -> None:
        """Raises UsageError (`no_connect`, `no_database`), Unreachable, or OperationFailed (`wal_level`) where no
        Debezium connector can be made."""

    def side_by_side(self, trials: Sequence[Trial]) -> tuple[Observed, ...]:
        """Runs the trials at the same time. Raises OperationFailed (`program_failed`, `stands_still`), Unreachable."""

    def own(self, trial: OwnTrial) -> Observed:
        """Runs the user's own program. Raises as `side_by_side`, and Refused for what must not be written to."""

    def tidy(self) -> tuple[str, ...]:
        """Takes away what the trials made (connectors, slots, topics, groups, schemas); what could not be taken."""
