"""EOS-K-501 to 599: PostgreSQL itself. Whether a commit is one, and whether WAL is kept long enough, not for ever."""

from collections.abc import Callable

from eosctl.core.counts import counted
from eosctl.core.durations import format_duration_ms, format_size_bytes
from eosctl.domain.audit.facts import Facts, PostgresFacts, Slot
from eosctl.domain.audit.rule import Area, NotSeen, Rule, Severity
from eosctl.domain.audit.rules.links import POSTGRES

_LONG_MS, _LAG_MS = 3_600_000, 60_000


def _is(key: str, *bad: str) -> Callable[[PostgresFacts, Facts], str | None]:
    def check(database: PostgresFacts, facts: Facts) -> str | None:
        value = database.setting(key)
        return f"{key}={value}" if value in bad else None

    return check


def _slots(database: PostgresFacts) -> tuple[Slot, ...]:
    if database.slots is None:
        raise NotSeen(database.hidden)
    return database.slots


def _not_utc(database: PostgresFacts, facts: Facts) -> str | None:
    value = database.setting("TimeZone")
    return None if value.upper() in ("UTC", "ETC/UTC", "GMT", "ETC/GMT", "Z", "UCT") else f"TimeZone={value}"


def _idle_slot(database: PostgresFacts, facts: Facts) -> str | None:
    words = [f"{one.slot} keeps {format_size_bytes(one.kept_bytes or 0)}" for one in _slots(database)
             if not one.active and one.wal_status != "lost"]  # fmt: skip
    return ", ".join(words) or None


def _lost_slot(database: PostgresFacts, facts: Facts) -> str | None:
    return ", ".join(one.slot for one in _slots(database) if one.wal_status == "lost") or None


def _slot_at_risk(database: PostgresFacts, facts: Facts) -> str | None:
    words = [f"{one.slot} is {one.wal_status}" for one in _slots(database) if one.wal_status == "unreserved"]
    return ", ".join(words) or None


def _endless_wal(database: PostgresFacts, facts: Facts) -> str | None:
    if not _slots(database):
        return None
    value = database.setting("max_slot_wal_keep_size")
    slots = counted(len(_slots(database)), "slot")
    return f"max_slot_wal_keep_size={value}, {slots}" if value.startswith("-1") else None


def _long_transaction(database: PostgresFacts, facts: Facts) -> str | None:
    if database.long_transactions is None:
        raise NotSeen(database.hidden)
    words = [f"pid {pid} for {format_duration_ms(age)}" for pid, age in database.long_transactions if age >= _LONG_MS]
    return ", ".join(words) or None


def _prepared(database: PostgresFacts, facts: Facts) -> str | None:
    if database.prepared is None:
        raise NotSeen(database.hidden)
    words = [f"{name!r} for {format_duration_ms(age)}" for name, age in database.prepared if age >= _LONG_MS]
    return ", ".join(words) or None


def _lagging(database: PostgresFacts, facts: Facts) -> str | None:
    if database.replicas is None:
        raise NotSeen(database.hidden)
    words = [f"{name} by {format_duration_ms(lag)}" for name, lag in database.replicas if lag and lag >= _LAG_MS]
    return ", ".join(words) or None


def _asynchronous(database: PostgresFacts, facts: Facts) -> str | None:
    if database.replicas is None:
        raise NotSeen(database.hidden)
    if not database.replicas or database.setting("synchronous_standby_names"):
        return None
    return f"{counted(len(database.replicas), 'replica')}, synchronous_standby_names is empty"


def _no_logical_wal(database: PostgresFacts, facts: Facts) -> str | None:
    value = database.setting("wal_level")
    if value == "logical" or not database.published_tables:
        return None
    return f"wal_level={value}, {counted(database.published_tables, 'table is', 'tables are')} published"


def _standby(database: PostgresFacts, facts: Facts) -> str | None:
    return "pg_is_in_recovery() is true" if database.in_recovery else None


RULES = (
    Rule("EOS-K-501", Area.POSTGRES, Severity.ERROR, "A commit is acknowledged before it is safe",
         _is("synchronous_commit", "off"),
         "After a crash the last commits are gone, while Kafka's positions have moved on: their records are lost. "
         "Stored offsets go back together with their effects and are not concerned.",
         "ALTER SYSTEM SET synchronous_commit = on, or per role or transaction",
         POSTGRES + "runtime-config-wal.html#GUC-SYNCHRONOUS-COMMIT"),
    Rule("EOS-K-502", Area.POSTGRES, Severity.ERROR, "Writes are not flushed", _is("fsync", "off"),
         "A crash of the machine may leave the database corrupt: nothing that it says of messages holds.",
         "ALTER SYSTEM SET fsync = on", POSTGRES + "runtime-config-wal.html#GUC-FSYNC"),
    Rule("EOS-K-503", Area.POSTGRES, Severity.ERROR, "Pages may be torn by a crash", _is("full_page_writes", "off"),
         "A page that was half written when the machine stopped can't be repaired from WAL.",
         "ALTER SYSTEM SET full_page_writes = on", POSTGRES + "runtime-config-wal.html#GUC-FULL-PAGE-WRITES"),
    Rule("EOS-K-504", Area.POSTGRES, Severity.INFO, "Transactions may fail to serialize",
         _is("default_transaction_isolation", "repeatable read", "serializable"),
         "A concurrent duplicate ends in error 40001 instead of no row inserted: a consumer that does not try again "
         "sends it to the dead letters.",
         "Retry on SQLSTATE 40001, or use read committed, which is enough with a unique key",
         POSTGRES + "transaction-iso.html"),
    Rule("EOS-K-505", Area.POSTGRES, Severity.INFO, "The server's time zone is not UTC", _not_utc,
         "Day partitions and purges by local time have a day of 23 or 25 hours twice a year.",
         "ALTER DATABASE ... SET timezone = 'UTC'", POSTGRES + "runtime-config-client.html#GUC-TIMEZONE"),
    Rule("EOS-K-510", Area.POSTGRES, Severity.WARNING, "A replication slot is not read", _idle_slot,
         "Its WAL is kept until the disk is full, and then every commit fails.",
         "Start its connector (eosctl cdc status), or drop it: SELECT pg_drop_replication_slot(...)",
         POSTGRES + "view-pg-replication-slots.html"),
    Rule("EOS-K-511", Area.POSTGRES, Severity.ERROR, "A replication slot is lost", _lost_slot,
         "WAL that it had not read is removed: changes in between never reach Kafka, unless a new snapshot is taken.",
         "A new slot with a snapshot, and a comparison of table and topic: eosctl outbox reconcile",
         POSTGRES + "view-pg-replication-slots.html"),
    Rule("EOS-K-512", Area.POSTGRES, Severity.ERROR, "A replication slot will be lost at the next checkpoint",
         _slot_at_risk,
         "It is behind by more than max_slot_wal_keep_size; what it has not read by then never reaches Kafka.",
         "Let its reader catch up now, or raise max_slot_wal_keep_size", POSTGRES + "view-pg-replication-slots.html"),
    Rule("EOS-K-513", Area.POSTGRES, Severity.WARNING, "A slot may keep WAL without end", _endless_wal,
         "When its reader stops, WAL grows until the disk is full, and then every commit fails.",
         "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB', below the free disk, and watch eosctl cdc status",
         POSTGRES + "runtime-config-replication.html#GUC-MAX-SLOT-WAL-KEEP-SIZE"),
    Rule("EOS-K-514", Area.POSTGRES, Severity.WARNING, "Published tables are not decoded", _no_logical_wal,
         "Logical decoding wants wal_level=logical: the connector can't start, and the outbox fills.",
         "ALTER SYSTEM SET wal_level = logical, then restart", POSTGRES + "runtime-config-wal.html#GUC-WAL-LEVEL"),
    Rule("EOS-K-520", Area.POSTGRES, Severity.WARNING, "A transaction has been open for an hour", _long_transaction,
         "VACUUM can't remove what it may still see: deduplication table and outbox bloat, and slots keep WAL from "
         "its start.",
         "Look at it in pg_stat_activity, then SELECT pg_terminate_backend(...)",
         POSTGRES + "monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW"),
    Rule("EOS-K-521", Area.POSTGRES, Severity.WARNING, "A prepared transaction has been left for an hour", _prepared,
         "It keeps its locks and holds back VACUUM, over restarts too, until somebody decides it.",
         "COMMIT PREPARED or ROLLBACK PREPARED, as its transaction manager decided",
         POSTGRES + "sql-prepare-transaction.html"),
    Rule("EOS-K-530", Area.POSTGRES, Severity.WARNING, "A replica is behind", _lagging,
         "A deduplication check that reads from it misses what was just processed, and a failover loses it.",
         "Read and write deduplication on the primary; look at the replica's load",
         POSTGRES + "monitoring-stats.html#MONITORING-PG-STAT-REPLICATION-VIEW"),
    Rule("EOS-K-531", Area.POSTGRES, Severity.WARNING, "A failover loses commits that were acknowledged",
         _asynchronous,
         "Replication is asynchronous: what the replica had not received is gone, while Kafka's positions have moved "
         "on.",
         "ALTER SYSTEM SET synchronous_standby_names, or rewind the groups after a failover: eosctl offsets reset",
         POSTGRES + "runtime-config-replication.html#GUC-SYNCHRONOUS-STANDBY-NAMES"),
    Rule("EOS-K-532", Area.POSTGRES, Severity.INFO, "This is a standby", _standby,
         "It shows the primary's tables with a delay, and not its sessions, slots and settings: audit the primary.",
         "eosctl doctor --dsn with the primary's address", POSTGRES + "hot-standby.html"),
)  # fmt: skip
