"""Whether the database's side is well, area by area: deduplication tables, outboxes, replication slots. Pure rules."""

from collections.abc import Sequence
from dataclasses import dataclass

from eosctl.core.counts import counted
from eosctl.core.durations import format_duration_ms, format_size_bytes
from eosctl.core.errors import Notice
from eosctl.domain.dedup_status import DedupNumbers
from eosctl.domain.health import Area, Health
from eosctl.domain.outbox_status import OutboxLimits, OutboxNumbers, judge_outbox

_LIMITS = OutboxLimits(max_age_ms=300_000, max_pending=100_000)
_IN_DANGER = {"lost": "lost", "unreserved": "about to be lost"}


@dataclass(frozen=True)
class DedupTableSeen:
    """One deduplication table; `numbers` is None where its times mean nothing."""

    table: str
    numbers: DedupNumbers | None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class OutboxSeen:
    """One outbox; `numbers` is None for one that only Debezium reads."""

    table: str
    numbers: OutboxNumbers | None


@dataclass(frozen=True)
class SlotSeen:
    """A row of `pg_replication_slots`."""

    slot: str
    active: bool
    wal_status: str | None
    kept_bytes: int | None


def dedup_area(tables: Sequence[DedupTableSeen]) -> Area:
    """A problem: no index on the time, dead rows, or more than half of the entries past the window: nobody purges."""
    if not tables:
        return Area("dedup", Health.OK, "no table is mapped, and there is no processed_messages")
    look = "eosctl dedup status"
    wrong = [notice.message for one in tables for notice in one.notices if notice.code in ("no_time_index", "bloat")]
    wrong += [
        f"{one.table}: {one.numbers.expired_rows:,} of {counted(one.numbers.rows, 'entry is', 'entries are')} "
        "past the window"
        for one in tables
        if one.numbers and one.numbers.expired_rows and 2 * one.numbers.expired_rows > one.numbers.rows
    ]
    if wrong:
        return Area("dedup", Health.PROBLEM, "; ".join(one.rstrip(".") for one in wrong), look)
    words = ", ".join(
        f"{one.table}: {counted(one.numbers.rows, 'entry', 'entries')}" if one.numbers else one.table for one in tables
    )
    return Area("dedup", Health.OK, words, look)


def outbox_area(outboxes: Sequence[OutboxSeen]) -> Area:
    """Judged as `outbox status` judges, by its own limits."""
    if not outboxes:
        return Area("outbox", Health.OK, "no table is mapped, and there is no outbox")
    wrong = [
        f"{one.table}: {reason.message.rstrip('.')}"
        for one in outboxes
        if one.numbers
        for reason in judge_outbox(one.numbers, _LIMITS)[1]
    ]
    problem = any(one.numbers and judge_outbox(one.numbers, _LIMITS)[0] == "problem" for one in outboxes)
    if wrong:
        return Area("outbox", Health.PROBLEM if problem else Health.OK, "; ".join(wrong), "eosctl outbox status")
    words = ", ".join(f"{one.table}: {_pending(one.numbers)}" for one in outboxes)
    return Area("outbox", Health.OK, words, "eosctl outbox status" if any(one.numbers for one in outboxes) else "")


def slots_area(slots: Sequence[SlotSeen]) -> Area:
    """A problem: a slot that is lost, about to be, or that nobody reads while it keeps WAL."""
    if not slots:
        return Area("slots", Health.OK, "no replication slot")
    bad = [one for one in slots if one.wal_status in _IN_DANGER or not one.active]
    if bad:
        words = "; ".join(
            f"{one.slot} is {_IN_DANGER[one.wal_status]}"
            if one.wal_status in _IN_DANGER
            else f"nobody reads {one.slot}; it keeps {format_size_bytes(one.kept_bytes or 0)} of WAL"
            for one in bad
        )
        return Area("slots", Health.PROBLEM, words, f"eosctl cdc status --slot {bad[0].slot}")
    words = ", ".join(f"{one.slot} is read, {format_size_bytes(one.kept_bytes or 0)} behind" for one in slots)
    return Area("slots", Health.OK, words)


def _pending(numbers: OutboxNumbers | None) -> str:
    if numbers is None:
        return "read by Debezium"
    if not numbers.pending:
        return "nothing pending"
    age = format_duration_ms(numbers.oldest_pending_age_ms or 0)
    return f"{numbers.pending:,} pending, the oldest for {age}"
