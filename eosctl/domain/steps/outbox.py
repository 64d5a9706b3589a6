"""Steps of the outbox: making its table, setting retries, relaying. How they are done: `runtime/steps/outbox.py`."""

from dataclasses import dataclass
from typing import ClassVar

from eosctl.core.plan import Effect, Step
from eosctl.domain.outbox import OutboxMapping
from eosctl.domain.outbox_relay import RelayWish

PARTS = ("table", "poll_index", "aggregate_index", "trigger")


@dataclass(frozen=True, kw_only=True)
class CreateOutboxPart(Step):
    """Makes the table, an index or the NOTIFY trigger (with its function)."""

    kind: ClassVar[str] = "outbox.create_part"
    done_when: ClassVar[str] = "the object exists"

    mapping: OutboxMapping
    part: str
    name: str

    def describe(self) -> str:
        return f"Create {self.part.replace('_', ' ')} {self.name}"

    def effects(self) -> tuple[Effect, ...]:
        return (Effect(str(self.mapping.table), self.part.replace("_", " "), "-", self.name),)


@dataclass(frozen=True, kw_only=True)
class DropOutboxPart(Step):
    """Takes back what `outbox init` made; a table only while it is empty."""

    kind: ClassVar[str] = "outbox.drop_part"
    done_when: ClassVar[str] = "the object is gone"

    mapping: OutboxMapping
    part: str
    name: str

    def describe(self) -> str:
        return f"Drop {self.part.replace('_', ' ')} {self.name}"

    def effects(self) -> tuple[Effect, ...]:
        return (Effect(str(self.mapping.table), self.part.replace("_", " "), self.name, "-"),)


@dataclass(frozen=True, kw_only=True)
class RetryState:
    """An event's retries: what was seen, and what shall be."""

    id: str
    expects_count: int
    expects_error: str | None
    count: int = 0
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class SetRetries(Step):
    """Sets retry count and error of pending events, all of them in one transaction or none."""

    kind: ClassVar[str] = "outbox.set_retries"
    done_when: ClassVar[str] = "every event has that count and error, or was published since"

    mapping: OutboxMapping
    rows: tuple[RetryState, ...]

    def describe(self) -> str:
        return f"Set the retries of {len(self.rows)} event{'s' if len(self.rows) != 1 else ''} of {self.mapping.table}"

    def effects(self) -> tuple[Effect, ...]:
        return tuple(
            Effect(one.id, "retries", _state(one.expects_count, one.expects_error), _state(one.count, one.error))
            for one in self.rows
        )


@dataclass(frozen=True, kw_only=True)
class RelayOutbox(Step):
    """Publishes pending events until it is told to stop, or is done."""

    kind: ClassVar[str] = "outbox.relay"
    done_when: ClassVar[str] = "with --once or --drain: nothing is pending that may go out"

    mapping: OutboxMapping
    wish: RelayWish
    pending: int

    def describe(self) -> str:
        ends = "one batch" if self.wish.once else "until it is drained" if self.wish.drain else "until it is stopped"
        return f"Relay {self.mapping.table} to {self.wish.topic_template}, {ends}"

    def effects(self) -> tuple[Effect, ...]:
        after = f"{max(0, self.pending - self.wish.next_batch)} or more" if self.wish.once else "0, but for what fails"
        return (Effect(str(self.mapping.table), "pending events", str(self.pending), after),)


def _state(count: int, error: str | None) -> str:
    return f"{count}" + (f" ({error[:60]})" if error else "")
