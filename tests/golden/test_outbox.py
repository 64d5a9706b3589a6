"""Goldens of `outbox`: every verb in every format, from fixed snapshots through the real reports and plans."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fixtures.golden import Golden

from eosctl.core.operation import Receipt
from eosctl.domain.dedup import DedupMapping
from eosctl.domain.outbox import OutboxMapping
from eosctl.domain.outbox_reconcile import DEDUP, PENDING, PUBLISHED, TABLE, TOPIC, Comparison
from eosctl.domain.outbox_status import RetryCandidate
from eosctl.domain.purging import PurgeWish
from eosctl.domain.tables import CatalogueColumn, CatalogueIndex, TableCatalogue, TableName
from eosctl.operations.outbox import init, mark, purge, reconcile, relay, retry, status
from eosctl.operations.outbox import list as listing
from eosctl.operations.outbox_table import OutboxTable

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAPPING = OutboxMapping(table=TableName("outbox", "shop"))
IDS = [f"0195{n:04x}-0000-7000-8000-00000000000{n}" for n in range(1, 6)]
COLUMNS = (
    ("id", "uuid"), ("aggregate_type", "character varying(100)"), ("aggregate_id", "character varying(255)"),
    ("event_type", "character varying(100)"), ("payload", "jsonb"), ("created_at", "timestamp with time zone"),
    ("published_at", "timestamp with time zone"), ("retry_count", "integer"), ("last_error", "text"),
)  # fmt: skip
INDEXES = (
    CatalogueIndex("outbox_pending", ("created_at", "id"), False, False, True, "(published_at IS NULL)"),
    CatalogueIndex("outbox_published", ("published_at",), False, False, True, "(published_at IS NOT NULL)"),
)
CATALOGUE = TableCatalogue(
    MAPPING.table, "table", tuple(CatalogueColumn(name, kind, False) for name, kind in COLUMNS), INDEXES
)
TOO_LARGE = "MSG_SIZE_TOO_LARGE: Broker: Message size too large"


def test_init(golden: Golden) -> None:
    fresh = init.InitSnapshot(MAPPING, None, ())
    plan = init.plan(fresh, init.OutboxInitParams(notify=True))
    receipts = [Receipt(one, "done", {"exists": False}, {"created": "x"}, verified=True) for one in plan.steps]
    golden.change("outbox.init", "fresh", plan, receipts)
    whole = replace(
        CATALOGUE, indexes=(*INDEXES, CatalogueIndex("a", ("aggregate_type", "aggregate_id"), False, False))
    )
    there = init.plan(init.InitSnapshot(MAPPING, whole, ()), init.OutboxInitParams())
    assert there.steps == ()


def status_snapshot(**change: Any) -> status.StatusSnapshot:
    settings: dict[str, Any] = {
        "table": OutboxTable(MAPPING, CATALOGUE),
        "pending": {"pending": 12, "failed": 0, "oldest_pending_at": AT - timedelta(seconds=2), "now": AT},
        "published": {"published": 48_211, "lags_ms": [9, 31, 120]},
        "histogram": ({"retries": 0, "events": 12},),
        "errors": (),
        "size": {"table_bytes": 52_428_800, "index_bytes": 9_437_184, "live_rows": 201_000, "dead_rows": 9_000,
                 "vacuumed_at": AT - timedelta(minutes=4)},
        "pollers": ({"pid": 4711, "application": "eosctl", "client": "10.0.0.7", "does": "locks rows",
                     "state": "idle in transaction", "transaction_age_ms": 12},),
        "triggers": ({"name": "outbox_notify", "function": "outbox_notify", "notifies": True, "enabled": True},),
    }  # fmt: skip
    return status.StatusSnapshot(**{**settings, **change})


def test_status(golden: Golden) -> None:
    params = status.OutboxStatusParams()
    golden.report("outbox.status", "well", status.report(status_snapshot(), params))
    failed = status_snapshot(
        table=OutboxTable(MAPPING, replace(CATALOGUE, indexes=())),
        pending={"pending": 7, "failed": 2, "oldest_pending_at": AT - timedelta(hours=1), "now": AT},
        histogram=({"retries": 0, "events": 7}, {"retries": 10, "events": 2}),
        errors=({"error": TOO_LARGE, "events": 2, "retries": 10, "oldest_at": AT - timedelta(hours=3)},),
        pollers=(),
        triggers=(),
    )
    golden.report("outbox.status", "failed", status.report(failed, params))


def listed(number: int, **change: Any) -> dict[str, Any]:
    return {
        "id": IDS[number], "aggregate_type": "order", "aggregate_id": "4711", "event_type": "OrderPlaced",
        "created_at": AT, "published_at": None, "retry_count": 0, "last_error": None,
        "payload": '{"total": "12.50", "items": 3}', **change,
    }  # fmt: skip


def test_list(golden: Golden) -> None:
    found = (
        listed(0, published_at=AT + timedelta(milliseconds=9)),
        listed(1, retry_count=10, last_error=TOO_LARGE, payload='{"text": "' + "x" * 80),
        listed(2, aggregate_id="4712"),
    )
    golden.report("outbox.list", "some", listing.report((MAPPING, found), listing.OutboxListParams()))
    golden.report("outbox.list", "none", listing.report((MAPPING, ()), listing.OutboxListParams(failed=True)))


def candidate(number: int, **change: Any) -> RetryCandidate:
    settings: dict[str, Any] = {
        "id": IDS[number], "aggregate_type": "order", "aggregate_id": "4711", "created_at": AT, "retry_count": 10,
        "last_error": TOO_LARGE, "published": False, "overtaken": False,
    }  # fmt: skip
    return RetryCandidate(**{**settings, **change})


def test_retry(golden: Golden) -> None:
    snapshot = retry.RetrySnapshot(MAPPING, (candidate(0), candidate(1, overtaken=True)), tuple(IDS[:2]))
    params = retry.OutboxRetryParams(ids=tuple(IDS[:2]), out_of_order=True)
    plan = retry.plan(snapshot, params)
    receipts = [Receipt(plan.steps[0], "done", {"set": 0, "left": 2}, {"events": IDS[:2]}, verified=True)]
    golden.change("outbox.retry", "two", plan, receipts)


def test_mark(golden: Golden) -> None:
    fresh = {"retry_count": 0, "last_error": None}
    seen = (candidate(0, published=True, **fresh), candidate(1, published=True, overtaken=True))
    marks: dict[str, str | None] = dict.fromkeys(IDS[:2], "2026-03-01T12:00:00.000250Z")
    snapshot = mark.MarkSnapshot(MAPPING, seen, marks, tuple(IDS[:2]))
    plan = mark.plan(snapshot, mark.OutboxMarkParams(ids=tuple(IDS[:2]), state="pending", out_of_order=True))
    after = {"marks": dict.fromkeys(IDS[:2])}
    receipts = [Receipt(plan.steps[0], "done", {"set": 0, "left": 2}, after, True),
                Receipt(plan.steps[1], "done", {"set": 0, "left": 1}, {"events": IDS[1:2]}, True)]  # fmt: skip
    golden.change("outbox.mark", "pending", plan, receipts)


def test_relay(golden: Golden) -> None:
    pending = {"pending": 2_300, "failed": 1}
    snapshot = relay.RelaySnapshot(OutboxTable(MAPPING, CATALOGUE), pending)
    plan = relay.plan(snapshot, relay.OutboxRelayParams(drain=True))
    after = {"published": 2_298, "failures": 2, "batches": 3, "interruptions": 0, "lanes": 32, "stopped": False}
    golden.change("outbox.relay", "drain", plan, [Receipt(plan.steps[0], "done", {"pending": 2_300}, after, True)])


def test_purge(golden: Golden) -> None:
    snapshot = purge.PurgeSnapshot(MAPPING, CATALOGUE, 120_000, "CREATE INDEX", PurgeWish(age_ms=604_800_000))
    plan = purge.plan(snapshot, purge.OutboxPurgeParams(older_than=604_800_000, vacuum=True))
    after = {"deleted": 120_000, "left": 0, "batches": 12, "slowest_batch_ms": 40, "waited_ms": 0, "took_ms": 480,
             "cutoff": AT - timedelta(days=7), "ended_by": "done"}  # fmt: skip
    golden.change("outbox.purge", "week", plan, [Receipt(plan.steps[0], "done", {"rows": 120_000}, after, True)])


def compared(*, deduplicated: bool) -> Comparison:
    seen = Comparison(deduplicated=deduplicated)
    table = [(IDS[0], PUBLISHED), (IDS[1], PUBLISHED), (IDS[2], PUBLISHED), (IDS[3], PENDING), (IDS[4], PENDING)]
    topic = [(IDS[0], "0@17"), (IDS[1], "1@4"), (IDS[1], "1@9"), (IDS[3], "2@5"), ("of-another-producer", "0@1")]
    seen.add_bucket({TABLE: table, TOPIC: topic, DEDUP: [(IDS[0], ""), (IDS[1], "")]}, limit=100)
    return seen


def test_reconcile(golden: Golden) -> None:
    params = reconcile.OutboxReconcileParams(topic="order-events")
    snapshot = reconcile.ReconcileSnapshot(
        MAPPING, AT - timedelta(days=1), AT, 5, 5, 0, compared(deduplicated=False), None
    )
    golden.report("outbox.reconcile", "lost", reconcile.report(snapshot, params))
    with_dedup = replace(
        snapshot, comparison=compared(deduplicated=True), dedup=DedupMapping(table=TableName("processed", "shop"))
    )
    golden.report("outbox.reconcile", "dedup", reconcile.report(with_dedup, params))
    fine = Comparison(published_there=5)
    golden.report("outbox.reconcile", "fine", reconcile.report(replace(snapshot, comparison=fine), params))
