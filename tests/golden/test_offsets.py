"""What `offsets` prints, from fixed snapshots through the real report, plan and outcome."""

from dataclasses import replace
from importlib import import_module

from fixtures.golden import Golden

from eosctl.core.errors import Notice
from eosctl.core.operation import Receipt
from eosctl.core.report import Report
from eosctl.domain.kafka import (
    CommittedOffset,
    GroupDescription,
    GroupMember,
    GroupProtocol,
    LogOffsets,
    Offset,
    TopicPartition,
)
from eosctl.domain.offset_costs import MoveCost
from eosctl.domain.offsets import OffsetMeans, OffsetsMapping
from eosctl.operations.offsets import delete, diff, export, reset, seek, show, snapshot
from eosctl.operations.offsets_safety import MoveSeen
from eosctl.operations.offsets_seen import OffsetsSeen

A, B = TopicPartition("payments", 0), TopicPartition("payments", 1)
LOG = LogOffsets(Offset(100), Offset(1_900), Offset(2_000))
NOW_MS = 1_772_366_400_000
AGAIN = MoveCost(offsets=1_101, sampled=1_101, records=1_090, size_bytes=218_000, first_ms=NOW_MS - 9_000_000,
                 last_ms=NOW_MS - 60_000)  # fmt: skip
AHEAD = MoveCost(offsets=450, sampled=90, records=445, size_bytes=89_000, first_ms=NOW_MS - 3_000_000,
                 last_ms=NOW_MS - 5_000)  # fmt: skip
COSTS = {(A, 100, 1_201): AGAIN, (A, 100, 1_200): AGAIN, (B, 1_500, 1_950): AHEAD}
FORGOTTEN = Notice("dedup_forgotten", "412 of 1,101 records are older than what public.processed_messages remembers "
                   "(back to 2026-03-01T10:00:00.000Z) and would be processed twice.",
                   "Counted in offsets, by the records' own times.")  # fmt: skip


def seen(*, members: bool = False) -> OffsetsSeen:
    member = GroupMember("m-1", "worker-7", "10.0.0.7", (A,))
    about = GroupDescription(
        "orders", GroupProtocol.CLASSIC, "Stable" if members else "Empty", 1, (member,) if members else ()
    )
    return OffsetsSeen(
        descriptions={"orders": about},
        kafka={"orders": {A: CommittedOffset(Offset(1_200), 3), B: CommittedOffset(Offset(40))}},
        table={"orders": {A: 1_201, B: 1_500}},
        logs={A: LOG, B: LOG},
        counts={"payments": 2},
        mapping=OffsetsMapping(offset_means=OffsetMeans.LAST_PROCESSED),
        now_ms=NOW_MS,
    )


def test_show(golden: Golden) -> None:
    params = show.OffsetsShowParams(group="orders", store="both", times=True)
    shown = show.ShowSeen(("orders",), seen(members=True), {A: {1_200: NOW_MS - 60_000}})
    golden.report("offsets.show", "out_of_range", show.report(shown, params))


def test_diff(golden: Golden) -> None:
    golden.report("offsets.diff", "drift", diff.report(seen(), diff.OffsetsDiffParams(group="orders")))


def test_reset(golden: Golden) -> None:
    params = reset.OffsetsResetParams(
        group="orders", store="both", all_topics=True, to_earliest=True, save_skipped="kept/skipped.jsonl"
    )
    plan = reset.plan(MoveSeen(seen(), {A: 0, B: 1_950}, costs=COSTS, notices=(FORGOTTEN,)), params)
    receipts = (
        Receipt(plan.steps[0], "done", {}, {}, verified=True),
        Receipt(plan.steps[1], "done", {}, {}, verified=True),
        Receipt(plan.steps[2], "failed", {}, {}, code="kafka_unreachable", message="Kafka can't be reached."),
    )
    golden.change("offsets.reset", "stopped_between", plan, receipts)


def test_seek(golden: Golden) -> None:
    params = seek.OffsetsSeekParams(group="orders", to=("payments:0=150",))
    plan = seek.plan(MoveSeen(seen(), {A: 150}), params)
    golden.change(
        "offsets.seek", "back", plan, tuple(Receipt(one, "done", {}, {}, verified=True) for one in plan.steps)
    )


def test_delete(golden: Golden) -> None:
    params = delete.OffsetsDeleteParams(group="orders", store="both", topic=("payments",))
    plan = delete.plan(MoveSeen(seen(), {}), params)
    receipts = tuple(Receipt(one, "done", {}, {}, verified=True) for one in plan.steps)
    golden.change("offsets.delete", "both", plan, receipts)


def test_export(golden: Golden) -> None:
    kafka = export.report(replace(seen(), table={}), export.OffsetsExportParams(group=("orders",)))
    golden.report("offsets.export", "one", kafka)
    both = export.report(seen(), export.OffsetsExportParams(group=("orders",), store="both"))
    golden.report("offsets.export", "both", both)


def test_import(golden: Golden) -> None:
    operation = import_module("eosctl.operations.offsets.import")
    params = operation.OffsetsImportParams(file="orders.csv", group="orders")
    move = MoveSeen(seen(), {A: 100, B: 40}, metadata={A: "before the deployment"}, costs=COSTS)
    plan = operation.plan(operation.ImportSeen({"orders": move}), params)
    receipts = tuple(Receipt(one, "done", {}, {}, verified=True) for one in plan.steps)
    golden.change("offsets.import", "clamped", plan, receipts)


def test_snapshot(golden: Golden) -> None:
    row = snapshot.SnapshotRow("20260301T120000000", "snapshots/20260301T120000000.json", 12, 340)
    golden.report("offsets.snapshot", "kept", Report(row, snapshot.SnapshotRow, summary="Back to it."))
