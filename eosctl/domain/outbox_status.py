"""What an outbox's numbers mean: the verdict, its reasons, and which events may be tried again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from eosctl.core.counts import counted
from eosctl.core.durations import format_duration_ms
from eosctl.core.errors import Notice


class Verdict(StrEnum):
    """How it stands."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class OutboxNumbers:
    """What the verdict looks at. Ages in milliseconds of the database's clock; None when nothing is pending."""

    pending: int
    failed: int
    oldest_pending_age_ms: int | None
    live_rows: int
    dead_rows: int
    has_poll_index: bool


@dataclass(frozen=True)
class OutboxLimits:
    """From when on it is a problem."""

    max_age_ms: int
    max_pending: int


def judge_outbox(numbers: OutboxNumbers, limits: OutboxLimits) -> tuple[Verdict, tuple[Notice, ...]]:
    """The verdict and a notice for each reason."""
    problems, warnings = [], []
    age = numbers.oldest_pending_age_ms
    if numbers.failed:
        problems.append(
            Notice(
                "events_failed",
                f"{counted(numbers.failed, 'event has', 'events have')} used up all retries: "
                "the later ones of the same aggregates are held back.",
                "See them with `eosctl outbox list --failed`, mend the cause, then `eosctl outbox retry`.",
            )
        )
    if age is not None and age > limits.max_age_ms:
        problems.append(
            Notice(
                "oldest_pending",
                f"The oldest pending event is {format_duration_ms(age)} old.",
                "Is a relay running? Start one with `eosctl outbox relay`.",
            )
        )
    if numbers.pending > limits.max_pending:
        backlog = counted(numbers.pending, "event is", "events are")
        problems.append(Notice("backlog", f"{backlog} pending.", "Is the relay fast enough?"))
    if not numbers.has_poll_index:
        warnings.append(
            Notice("no_poll_index", "No partial index finds pending rows.", "Make it with `eosctl outbox init`.")
        )
    if numbers.dead_rows > max(10_000, numbers.live_rows):
        warnings.append(
            Notice(
                "bloat",
                f"{counted(numbers.dead_rows, 'dead row')} outnumber {numbers.live_rows:,} live.",
                "Something holds back VACUUM: an old transaction, or an inactive replication slot.",
            )
        )
    verdict = Verdict.PROBLEM if problems else Verdict.WARNING if warnings else Verdict.OK
    return verdict, (*problems, *warnings)


def bloat_bytes(table_bytes: int, live_rows: int, dead_rows: int) -> int:
    """What dead rows take of the table, estimated as their share of all rows."""
    every = live_rows + dead_rows
    return table_bytes * dead_rows // every if every else 0


@dataclass(frozen=True)
class RetryCandidate:
    """A row that somebody wants to be tried again; `overtaken` when a later event of its aggregate is out."""

    id: str
    aggregate_type: str
    aggregate_id: str
    created_at: datetime
    retry_count: int
    last_error: str | None
    published: bool
    overtaken: bool


def overtaken_words(candidates: Sequence[RetryCandidate]) -> str:
    """Who was overtaken, in words: at most three, then a number."""
    named = [f"{one.id} of {one.aggregate_type}/{one.aggregate_id}" for one in candidates[:3]]
    more = len(candidates) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
