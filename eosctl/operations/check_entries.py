"""The checks: one entry each, independent of the others. A new check is a new entry, its reading, and its tests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eosctl.domain.checks.levels import Limits, Unit
from eosctl.domain.checks.measures import Check, Measured
from eosctl.domain.checks.wishes import Wish
from eosctl.operations import check_sources as sources
from eosctl.ports import Gateways

_MINUTE_MS, _HOUR_MS, _GIB = 60_000, 3_600_000, 1 << 30
_KAFKA, _DATABASE = ("kafka",), ("database",)


@dataclass(frozen=True)
class Entry:
    """A check, the look that it shares with others of the same source, how it reads it, and why it may not apply."""

    check: Check
    source: Callable[[Gateways, Wish], Any]
    read: Callable[[Any, Wish], Measured]
    missing: Callable[[Gateways, Wish], str] = sources.nothing_missing


ENTRIES: tuple[Entry, ...] = (
    Entry(
        Check(
            name="transaction-age",
            metric="eosctl_open_transaction_age_seconds",
            unit=Unit.DURATION,
            says="Age of the oldest open transaction of a topic",
            labels=("topic",),
            limits=Limits(15 * _MINUTE_MS, _HOUR_MS),
            needs=_KAFKA,
            look="eosctl txn hanging --all --topic TOPIC",
        ),
        sources.transactions,
        sources.oldest_transactions,
    ),
    Entry(
        Check(
            name="hanging-transactions",
            metric="eosctl_hanging_transactions",
            unit=Unit.COUNT,
            says="Open transactions of a topic that no coordinator will end",
            labels=("topic",),
            limits=Limits(0, 0),
            needs=_KAFKA,
            look="eosctl txn hanging --topic TOPIC",
        ),
        sources.transactions,
        sources.hanging_transactions,
    ),
    Entry(
        Check(
            name="blocked-records",
            metric="eosctl_blocked_records",
            unit=Unit.RECORDS,
            says="Records of a topic that read_committed consumers can't see yet",
            labels=("topic",),
            limits=Limits(100_000, 1_000_000),
            needs=_KAFKA,
            look="eosctl txn blocked --topic TOPIC",
        ),
        sources.blocked_partitions,
        sources.blocked_records,
    ),
    Entry(
        Check(
            name="group-lag",
            metric="eosctl_group_lag_records",
            unit=Unit.RECORDS,
            says="Records between a group's offsets and the last stable offsets of a topic",
            labels=("group", "topic"),
            limits=Limits(100_000, 1_000_000),
            needs=_KAFKA,
            look="eosctl offsets show GROUP -o wide",
        ),
        sources.groups,
        sources.group_lags,
    ),
    Entry(
        Check(
            name="offset-drift",
            metric="eosctl_stored_offset_drift_records",
            unit=Unit.RECORDS,
            says="Largest distance of a partition between stored offsets and those in Kafka",
            labels=("table", "group", "topic"),
            limits=Limits(1_000, 100_000),
            needs=("kafka", "database"),
            look="eosctl offsets diff GROUP --table TABLE",
        ),
        sources.stored_offsets,
        sources.offset_drifts,
        sources.no_offsets,
    ),
    Entry(
        Check(
            name="dead-letter-growth",
            metric="eosctl_dead_letters_last_hour",
            unit=Unit.RECORDS,
            says="Records that came to a dead-letter topic in the last hour",
            labels=("topic",),
            limits=Limits(0, 100),
            needs=_KAFKA,
            look="eosctl dlq inspect TOPIC",
        ),
        sources.dead_letters,
        sources.dead_letter_growth,
    ),
    Entry(
        Check(
            name="dedup-window",
            metric="eosctl_dedup_unsafe_paths",
            unit=Unit.COUNT,
            says="Ways in which a record can come again after a deduplication table has forgotten it",
            labels=("table",),
            limits=Limits(0, 0),
            needs=("kafka", "database"),
            look="eosctl dedup window --table TABLE",
        ),
        sources.dedup_windows,
        sources.unsafe_paths,
        sources.no_dedup,
    ),
    Entry(
        Check(
            name="dedup-size",
            metric="eosctl_dedup_table_bytes",
            unit=Unit.SIZE,
            says="Bytes of a deduplication table with its indexes",
            labels=("table",),
            limits=Limits(50 * _GIB, 200 * _GIB),
            needs=_DATABASE,
            look="eosctl dedup status --table TABLE",
        ),
        sources.dedup_tables,
        sources.dedup_sizes,
        sources.no_dedup,
    ),
    Entry(
        Check(
            name="outbox-lag",
            metric="eosctl_outbox_oldest_pending_seconds",
            unit=Unit.DURATION,
            says="Age of the oldest event of an outbox that is not published",
            labels=("table",),
            limits=Limits(_MINUTE_MS, 5 * _MINUTE_MS),
            needs=_DATABASE,
            look="eosctl outbox status --table TABLE",
        ),
        sources.outboxes,
        sources.oldest_pending,
        sources.no_outbox,
    ),
    Entry(
        Check(
            name="outbox-failures",
            metric="eosctl_outbox_failed_events",
            unit=Unit.RECORDS,
            says="Events of an outbox that have used up their retries",
            labels=("table",),
            limits=Limits(0, 0),
            needs=_DATABASE,
            look="eosctl outbox list --failed --table TABLE",
        ),
        sources.outboxes,
        sources.failed_events,
        sources.no_outbox,
    ),
    Entry(
        Check(
            name="slot-wal",
            metric="eosctl_slot_retained_wal_bytes",
            unit=Unit.SIZE,
            says="WAL that a replication slot keeps from being removed",
            labels=("slot",),
            limits=Limits(_GIB, 10 * _GIB),
            needs=_DATABASE,
            look="eosctl cdc status --slot SLOT",
        ),
        sources.slots,
        sources.slot_wal,
    ),
)
CHECKS = {one.check.name: one.check for one in ENTRIES}
