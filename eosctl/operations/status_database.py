"""The database's part of `status`: each area looks for itself, and one that can't be seen hides no other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from eosctl.core.errors import EosctlError, Notice, UsageError
from eosctl.domain import dedup as dedup_rules
from eosctl.domain.health import Area, unseen
from eosctl.domain.health_database import (
    DedupTableSeen,
    OutboxSeen,
    SlotSeen,
    dedup_area,
    outbox_area,
    slots_area,
)
from eosctl.domain.outbox import has_poll_index, quoted, require_marking
from eosctl.domain.outbox_status import OutboxNumbers
from eosctl.operations import outbox_table
from eosctl.operations.dedup import status as dedup_status
from eosctl.ports import Gateways

T = TypeVar("T")
Seen = tuple[T, ...] | Notice


@dataclass(frozen=True)
class DatabaseSeen:
    """What each area saw, or why it saw nothing."""

    dedup: Seen[DedupTableSeen]
    outbox: Seen[OutboxSeen]
    slots: Seen[SlotSeen]


def look_at_database(gateways: Gateways) -> DatabaseSeen | None:
    """None when no database was named. One that is named and can't be reached makes each area unseen."""
    try:
        gateways.database.identity()
    except UsageError as error:
        if error.code == "no_database":
            return None
        return DatabaseSeen(error.notice(), error.notice(), error.notice())
    except EosctlError as error:
        return DatabaseSeen(error.notice(), error.notice(), error.notice())
    return DatabaseSeen(
        _seen(lambda: _dedup(gateways)), _seen(lambda: _outboxes(gateways)), _seen(lambda: _slots(gateways))
    )


def database_areas(seen: DatabaseSeen | None) -> tuple[Area, ...]:
    """A line each; () when no database was named."""
    if seen is None:
        return ()
    return (
        _area("dedup", seen.dedup, dedup_area, "eosctl dedup status"),
        _area("outbox", seen.outbox, outbox_area, "eosctl outbox status"),
        _area("slots", seen.slots, slots_area, "eosctl cdc status"),
    )


def failures(seen: DatabaseSeen | None) -> tuple[Notice, ...]:
    """Why something could not be seen."""
    every = () if seen is None else (seen.dedup, seen.outbox, seen.slots)
    return tuple(one for one in every if isinstance(one, Notice))


def _area(name: str, seen: Seen[T], judge: Callable[[Sequence[T]], Area], look: str) -> Area:
    return unseen(name, seen.message, look) if isinstance(seen, Notice) else judge(seen)


def _seen(look: Callable[[], tuple[T, ...]]) -> Seen[T]:
    try:
        return look()
    except EosctlError as error:
        return error.notice()


def _names(gateways: Gateways, noun: str, usual: Any) -> list[str]:
    """The profile's mappings of a noun; where there are none, the table of the usual name, if it is there."""
    mapped = list((gateways.profile.get("tables") or {}).get(noun) or {})
    return mapped or ([""] if gateways.database.describe_table(usual.table) is not None else [])


def _dedup(gateways: Gateways) -> tuple[DedupTableSeen, ...]:
    found: list[DedupTableSeen] = []
    for name in _names(gateways, "dedup", dedup_rules.DedupMapping()):
        for one in dedup_status.observe(gateways, dedup_status.DedupStatusParams(table=name)):
            table, numbers = str(one.table.mapping.table), dedup_status.numbers_of(one)
            found.append(DedupTableSeen(table, None if one.unreadable else numbers, dedup_status.notices_of(one)))
    return tuple(found)


def _outboxes(gateways: Gateways) -> tuple[OutboxSeen, ...]:
    return tuple(
        _outbox(gateways, name) for name in _names(gateways, "outbox", outbox_table.wished_mapping(gateways, "outbox"))
    )


def _outbox(gateways: Gateways, name: str) -> OutboxSeen:
    table = outbox_table.found_table(gateways, name)
    mapping = table.mapping
    try:
        require_marking(mapping)
    except UsageError:
        return OutboxSeen(str(mapping.table), None)
    [pending] = outbox_table.rows(gateways, "outbox_pending", mapping, max_retries=mapping.max_retries)
    [size] = gateways.database.query("outbox_size", {"name": quoted(mapping.table)})
    oldest = pending["oldest_pending_at"]
    age_ms = max(0, round((pending["now"] - oldest).total_seconds() * 1_000)) if oldest else None
    numbers = OutboxNumbers(pending["pending"], pending["failed"], age_ms, size["live_rows"], size["dead_rows"],
                            has_poll_index(table.catalogue, mapping))  # fmt: skip
    return OutboxSeen(str(mapping.table), numbers)


def _slots(gateways: Gateways) -> tuple[SlotSeen, ...]:
    return tuple(SlotSeen(**one) for one in gateways.database.query("doctor_slots"))
