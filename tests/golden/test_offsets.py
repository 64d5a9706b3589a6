"""What `offsets` prints, from fixed snapshots through the real report, plan and outcome."""

from fixtures.golden import Golden

from eosctl.core.operation import Receipt
from eosctl.domain.kafka import (
    CommittedOffset,
    GroupDescription,
    GroupMember,
    GroupProtocol,
    LogOffsets,
    Offset,
    TopicPartition,
)
from eosctl.domain.offsets import OffsetMeans, OffsetsMapping
from eosctl.operations.offsets import delete, diff, reset, seek, show
from eosctl.operations.offsets_move import MoveSeen
from eosctl.operations.offsets_seen import OffsetsSeen

A, B = TopicPartition("payments", 0), TopicPartition("payments", 1)
LOG = LogOffsets(Offset(100), Offset(1_900), Offset(2_000))
NOW_MS = 1_772_366_400_000


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
    params = reset.OffsetsResetParams(group="orders", store="both", all_topics=True, to_earliest=True)
    plan = reset.plan(MoveSeen(seen(), {A: 0, B: 1_950}), params)
    receipts = (
        Receipt(plan.steps[0], "done", {}, {}, verified=True),
        Receipt(plan.steps[1], "failed", {}, {}, code="kafka_unreachable", message="Kafka can't be reached."),
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
