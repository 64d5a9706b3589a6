"""How the dedup commands read: from fixed snapshots, through the real reports, planners and outcomes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fixtures.golden import Golden

from eosctl.core.operation import Receipt
from eosctl.core.plan import Plan
from eosctl.domain.dedup import DedupMapping, IdRule
from eosctl.domain.dedup_layout import Layout, for_layout
from eosctl.domain.dedup_window import (
    DAY_MS,
    Memory,
    RedeliveryPath,
    TopicRetention,
    dead_letter_path,
    fixed_paths,
    judge,
    reset_path,
    unseen_dead_letters,
)
from eosctl.domain.purging import PurgeWish
from eosctl.domain.tables import CatalogueColumn, CatalogueIndex, TableCatalogue, TableName
from eosctl.operations.dedup import check, init, purge, status, window
from eosctl.operations.dedup_paths import SeenPaths
from eosctl.operations.dedup_table import DedupTable

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TABLE = TableName("processed_messages", "shop")
MAPPING = DedupMapping(table=TABLE, retention_ms=7 * DAY_MS)
COLUMNS = (
    CatalogueColumn("message_id", "character varying(255)", False),
    CatalogueColumn("processed_at", "timestamp with time zone", False, "now()"),
    CatalogueColumn("partition", "integer", False),
    CatalogueColumn("offset", "character varying(50)", False),
)
INDEX = CatalogueIndex("processed_messages_processed_at", ("processed_at",), unique=False, primary=False)
FOUND = DedupTable(MAPPING, TableCatalogue(TABLE, "table", COLUMNS, (INDEX,)))


def done(plan: Plan, *afters: dict[str, Any]) -> tuple[Receipt, ...]:
    """A receipt for each step, with what the handler says of it."""
    told = [*afters, *({} for _ in range(len(plan.steps) - len(afters)))]
    return tuple(Receipt(step, "done", {}, after, verified=True) for step, after in zip(plan.steps, told, strict=True))


def judged(ttl_ms: int, *paths: tuple[RedeliveryPath, int | None], oldest_days: int = 9) -> SeenPaths:
    """Paths held against a table that was purged."""
    memory = Memory(NOW, ttl_ms, NOW - timedelta(days=oldest_days), purged=True)
    return SeenPaths(memory, tuple(judge(path, memory, count) for path, count in paths), ())


RESET = reset_path(TopicRetention("orders", 7 * DAY_MS, NOW - timedelta(days=6)), NOW)
DEAD = dead_letter_path(TopicRetention("orders-dlt", 14 * DAY_MS, NOW - timedelta(days=12)), NOW)
FIXED = [(one, 0) for one in fixed_paths()]


def test_init(golden: Golden) -> None:
    mapping = for_layout(DedupMapping(), Layout.PLAIN)
    params = init.DedupInitParams()
    plan = init.plan(init.InitSnapshot(mapping, None, (), date(2026, 3, 1)), params)
    golden.change("dedup.init", "plain", plan, done(plan))
    partitioned = init.DedupInitParams(layout=Layout.PARTITIONED, days_ahead=1)
    plan = init.plan(init.InitSnapshot(mapping, None, (), date(2026, 3, 1)), partitioned)
    golden.change("dedup.init", "partitioned", plan, done(plan))


def seen(**changes: Any) -> status.TableSeen:
    """A table that is well."""
    size = {"table_bytes": 800_000_000, "index_bytes": 700_000_000, "dead_rows": 12_000, "now": NOW,
            "vacuumed_at": NOW - timedelta(hours=3)}  # fmt: skip
    times = {"oldest_at": NOW - timedelta(days=9), "newest_at": NOW - timedelta(seconds=2)}
    table = status.TableSeen(FOUND, size, 9_800_000, False, times, 1_080_000, 2_150_000, INDEX, 431, 7 * DAY_MS, None)
    return replace(table, **changes)


def test_status(golden: Golden) -> None:
    params = status.DedupStatusParams()
    golden.report("dedup.status", "one", status.report((seen(),), params))
    bare = DedupTable(replace(MAPPING, table=TableName("payments", "shop"), retention_ms=None), FOUND.catalogue)
    other = seen(table=bare, rows=120, exact=True, times=None, last_day=24, expired=None, index=None, index_scans=None,
                 retention_ms=None)  # fmt: skip
    golden.report("dedup.status", "several", status.report((seen(), other), params))


def test_check(golden: Golden) -> None:
    entry = {"id": "order-4711", "processed_at": NOW, "partition": "3", "offset": "1042", "consumer_group": None}
    ids = check.CheckSnapshot(MAPPING, (("", "order-4711"), ("", "order-4712")), {"order-4711": (entry,)})
    golden.report("dedup.check", "ids", check.report(ids, check.DedupCheckParams(ids=("order-4711", "order-4712"))))
    wanted = ((IdRule.MESSAGE_ID.value, "order-4711"), (IdRule.IDEMPOTENCY_KEY.value, None),
              (IdRule.PARTITION_OFFSET.value, "3-1042"), (IdRule.TOPIC_PARTITION_OFFSET.value, "orders-3-1042"),
              (IdRule.FINGERPRINT.value, "9f86d081" * 8))  # fmt: skip
    record = check.CheckSnapshot(MAPPING, wanted, {"order-4711": (entry,)})
    params = check.DedupCheckParams(topic="orders", partition=3, offset=1042)
    golden.report("dedup.check", "record", check.report(record, params))


def test_window(golden: Golden) -> None:
    params = window.DedupWindowParams()
    unsafe = judged(7 * DAY_MS, *FIXED, (RESET, 0), (DEAD, 1_204))
    golden.report("dedup.window", "unsafe", window.report(window.WindowSnapshot(MAPPING, unsafe), params))
    unknown = judged(7 * DAY_MS, *FIXED, (RESET, 0), (unseen_dead_letters(), None))
    golden.report("dedup.window", "unknown", window.report(window.WindowSnapshot(MAPPING, unknown), params))


def snapshot(ttl_ms: int, *parts: purge.ExpiredPart, mapping: DedupTable = FOUND) -> purge.PurgeSnapshot:
    """What a purge sees."""
    rights = {"owns": True, "user": "eosctl"}
    return purge.PurgeSnapshot(
        mapping, PurgeWish(age_ms=ttl_ms), rights, parts, judged(ttl_ms, (RESET, 0), (DEAD, 1_204))
    )


def test_purge(golden: Golden) -> None:
    params = purge.DedupPurgeParams(older_than=7 * DAY_MS, accept_duplicates=True, vacuum=True)
    plan = purge.plan(snapshot(7 * DAY_MS, purge.ExpiredPart(TABLE, 2_150_000, None, drop=False)), params)
    tally = {"deleted": 2_150_412, "batches": 216, "slowest_batch_ms": 61, "timeouts": 0, "waited_ms": 1_200,
             "took_ms": 9_400, "ended_by": "done", "left": False}  # fmt: skip
    golden.change("dedup.purge", "rows", plan, done(plan, tally))
    days = [purge.ExpiredPart(TableName(f"processed_messages_202601{day:02}", "shop"), 1_100_000,
                              datetime(2026, 1, day, 23, 59, tzinfo=UTC), drop=True) for day in (27, 28)]  # fmt: skip
    month = purge.DedupPurgeParams(older_than=30 * DAY_MS)
    plan = purge.plan(snapshot(30 * DAY_MS, *days), month)
    golden.change("dedup.purge", "days", plan, done(plan))


def test_a_purge_that_broke_off(golden: Golden) -> None:
    params = purge.DedupPurgeParams(older_than=30 * DAY_MS)
    plan = purge.plan(snapshot(30 * DAY_MS, purge.ExpiredPart(TABLE, 900_000, None, drop=False)), params)
    message = ("The connection to the database is gone. 420,000 rows of shop.processed_messages are gone, in 42 whole "
               "batches. Try again. Run it again: it goes on with what is left.")  # fmt: skip
    after = {"deleted": 420_000, "batches": 42, "slowest_batch_ms": 55, "timeouts": 0, "waited_ms": 0, "took_ms": 2_100,
             "ended_by": "", "exit_code": 5}  # fmt: skip
    broken = (Receipt(plan.steps[0], "failed", {}, after, code="database_unreachable", message=message),)
    golden.change("dedup.purge", "broken", plan, broken)
