"""Steps of the outbox: making its table, retries, relaying, purging. Done by `runtime/steps/outbox.py`."""

from dataclasses import dataclass
from typing import ClassVar

from eosctl.core.counts import counted
from eosctl.core.durations import format_duration_ms
from eosctl.core.plan import Effect, Step
from eosctl.domain.outbox import OutboxMapping
from eosctl.domain.outbox_relay import RelayWish
from eosctl.domain.purging import PurgeWish
from eosctl.domain.tables import TableName

PARTS = ("table", "poll_index", "aggregate_index", "published_index", "trigger")

_SUFFIXES = {
    "poll_index": "pending",
    "aggregate_index": "aggregate",
    "published_index": "published",
    "trigger": "notify",
}
_NAME_LIMIT_BYTES = 63

Statement = tuple[str, dict[str, str | tuple[str, ...]]]


def part_name(table: TableName, part: str) -> str:
    """What `outbox init` calls a part of that table; PostgreSQL's names have 63 bytes at most."""
    if part == "table":
        return str(table)
    suffix = _SUFFIXES[part]
    room = _NAME_LIMIT_BYTES - len(suffix) - 1
    return f"{table.name.encode()[:room].decode(errors='ignore')}_{suffix}"


def statements_of(mapping: OutboxMapping, part: str, name: str = "") -> tuple[Statement, ...]:
    """The statement files that make a part, each with what fills its braces; `name` stands in for the usual one."""
    table, identifiers = mapping.table, mapping.identifiers()
    called = name or part_name(table, part)
    if part == "table":
        return (("outbox_create_table", identifiers),)
    if part == "trigger":
        function = (table.schema, called) if table.schema else (called,)
        named = {**identifiers, "trigger": called, "function": function}
        return (("outbox_create_function", named), ("outbox_create_trigger", named))
    return ((f"outbox_create_{part}", {**identifiers, "index": called}),)


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
        return f"Set the retries of {counted(len(self.rows), 'event')} of {self.mapping.table}"

    def effects(self) -> tuple[Effect, ...]:
        return tuple(
            Effect(one.id, "retries", _state(one.expects_count, one.expects_error), _state(one.count, one.error))
            for one in self.rows
        )


@dataclass(frozen=True, kw_only=True)
class MarkState:
    """An event's mark: the time that the table says; None for pending, `now` for the moment of the change."""

    id: str
    expects_published_at: str | None
    published_at: str | None


@dataclass(frozen=True, kw_only=True)
class SetMarks(Step):
    """Sets or clears the mark that says an event is published, all of them in one transaction or none."""

    kind: ClassVar[str] = "outbox.set_marks"
    done_when: ClassVar[str] = "every event is marked so, or not, or gone"

    mapping: OutboxMapping
    rows: tuple[MarkState, ...]

    def describe(self) -> str:
        count = counted(len(self.rows), "event")
        state = "pending" if self.rows[0].published_at is None else "published"
        return f"Mark {count} of {self.mapping.table} as {state}"

    def effects(self) -> tuple[Effect, ...]:
        return tuple(
            Effect(one.id, "published at", one.expects_published_at or "-", one.published_at or "-")
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


@dataclass(frozen=True, kw_only=True)
class PurgeOutbox(Step):
    """Deletes published events older than an age, batch by batch; pending and failed ones never."""

    kind: ClassVar[str] = "outbox.purge"
    done_when: ClassVar[str] = "no published event is older than that"

    mapping: OutboxMapping
    wish: PurgeWish
    rows: int
    vacuum: bool = False

    def describe(self) -> str:
        then = ", then VACUUM" if self.vacuum else ""
        age = format_duration_ms(self.wish.age_ms)
        return f"Delete events of {self.mapping.table} published more than {age} ago{then}"

    def effects(self) -> tuple[Effect, ...]:
        left = max(0, self.rows - self.wish.max_rows) if self.wish.max_rows else 0
        age = format_duration_ms(self.wish.age_ms)
        return (Effect(str(self.mapping.table), f"events published over {age} ago", str(self.rows), str(left)),)


def _state(count: int, error: str | None) -> str:
    return f"{count}" + (f" ({error[:60]})" if error else "")
