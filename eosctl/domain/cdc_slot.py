"""A replication slot's health: how fast WAL piles up behind it, when that ends badly, and what is to be said of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from eosctl.core.durations import format_duration_ms, format_size_bytes
from eosctl.core.errors import Notice
from eosctl.domain.connect import ConnectorStatus

_SOON_MS = 86_400_000


@dataclass(frozen=True)
class SlotSample:
    """One look at `pg_replication_slots`; a lost slot has no LSNs. `wal_bytes` is the server's WAL position."""

    name: str
    active: bool
    plugin: str
    wal_status: str | None
    safe_wal_bytes: int | None
    confirmed_lsn: str | None
    retained_bytes: int | None
    unconfirmed_bytes: int | None
    inactive_since: datetime | None
    wal_bytes: int
    now: datetime


@dataclass(frozen=True)
class Forecast:
    """`growth_bytes_per_s` behind the slot; `ends_in_ms` until the slot is invalidated or the disk is full, if ever."""

    growth_bytes_per_s: int
    ends_in_ms: int | None
    ends_how: str


def forecast(first: SlotSample, last: SlotSample, disk_free_bytes: int | None) -> Forecast:
    """From two looks. The nearer of `safe_wal_size` (then the slot is lost) and the free disk space that was named."""
    elapsed_s = max(0.001, (last.now - first.now).total_seconds())
    grown = (last.retained_bytes or 0) - (first.retained_bytes or 0)
    rate = max(0, round(grown / elapsed_s))
    ends = [(last.safe_wal_bytes, "the slot is invalidated"), (disk_free_bytes, "the disk is full")]
    known = [(max(0, size), how) for size, how in ends if size is not None]
    if not rate or not known:
        return Forecast(rate, None, "")
    size, how = min(known)
    return Forecast(rate, round(size / rate * 1_000), how)


def judge(
    slot: SlotSample | None, seen: Forecast, connector: ConnectorStatus | None, *, begun: bool | None
) -> tuple[Notice, ...]:
    """What is wrong, worst first; () when all is well. `begun`: whether the connector has sent anything."""
    return (*_of_slot(slot, begun=begun, connector=connector), *_of_future(slot, seen), *_of_connector(connector))


def _of_slot(slot: SlotSample | None, *, begun: bool | None, connector: ConnectorStatus | None) -> Iterator[Notice]:
    if slot is None:
        yield _missing(begun=begun, asked=connector is not None)
    elif slot.wal_status == "lost":
        yield Notice("slot_lost", "The slot is lost: WAL that it needs is gone, events are missing in Kafka.",
                     "Drop it, let the connector make a new snapshot, and run "
                     "`eosctl outbox reconcile --topic TOPIC`.")  # fmt: skip
    else:
        if slot.wal_status == "unreserved":
            yield Notice("slot_unreserved", "The slot is about to be lost at the next checkpoint.",
                         "Raise max_slot_wal_keep_size now, and get the connector running.")  # fmt: skip
        if not slot.active:
            kept = format_size_bytes(slot.retained_bytes or 0)
            hint = "Start its connector; drop the slot when nobody wants it any more."
            if connector is not None:
                hint = "Resume the connector." if connector.halted else "See the connector's states and trace."
            yield Notice("slot_inactive", f"Nobody reads the slot; it keeps {kept} of WAL.", hint)


def _missing(*, begun: bool | None, asked: bool) -> Notice:
    if not asked:
        return Notice("slot_missing", "The slot does not exist in this database.", "Check its name and the database.")
    if begun is False:
        return Notice("slot_not_made", "The slot does not exist; the connector has sent nothing yet.",
                      "The connector makes it when it starts.")  # fmt: skip
    return Notice(
        "slot_missing",
        "The slot does not exist, and the connector has been sending: events committed since may be missing in Kafka.",
        "Find the gap with `eosctl outbox reconcile --topic TOPIC`. A connector whose offsets are deleted sends every "
        "row that is still in the table when it starts.",
    )


def _of_future(slot: SlotSample | None, seen: Forecast) -> Iterator[Notice]:
    if slot is not None and slot.wal_status != "lost" and seen.ends_in_ms is not None and seen.ends_in_ms < _SOON_MS:
        speed = f"{format_size_bytes(seen.growth_bytes_per_s)}/s"
        yield Notice("slot_forecast", f"In {format_duration_ms(seen.ends_in_ms)} {seen.ends_how}, at {speed}.",
                     "Get the connector to read, or give it room.")  # fmt: skip


def _of_connector(connector: ConnectorStatus | None) -> Iterator[Notice]:
    if connector is not None and connector.failed:
        yield Notice("connector_failed", f"{len(connector.failed)} of the connector and its tasks failed.",
                     f"Read the trace, then: eosctl cdc restart {connector.name}")  # fmt: skip
    if connector is not None and connector.halted:
        path = f"/connectors/{connector.name}/resume"
        yield Notice("connector_halted", f"The connector is {connector.halted}.",
                     f"When nothing else is wrong, resume it: PUT {path}")  # fmt: skip
