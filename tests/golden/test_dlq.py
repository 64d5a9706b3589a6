"""Goldens of the dead-letter commands, from fixed snapshots."""

from dataclasses import replace
from datetime import UTC, datetime

from fixtures.dead_letters import spring
from fixtures.golden import Golden

from eosctl.core.errors import Notice
from eosctl.core.operation import Receipt
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.dlq.passed import Said
from eosctl.domain.dlq.passed_notices import PassedSum, passed_notices
from eosctl.domain.dlq.records import PlainRecord
from eosctl.domain.dlq.replaying import Target
from eosctl.domain.dlq.rows import header_words, json_of, row_of, text_of
from eosctl.domain.offsets import OffsetMeans, OffsetsMapping
from eosctl.domain.tables import TableName
from eosctl.operations.dlq import inspect, purge, replay
from eosctl.operations.dlq import list as listing
from eosctl.operations.replay_scan import ReplaySeen

NOW_MS = 1_796_000_000_000


def _record(offset: int) -> PlainRecord:
    headers = (*spring("orders", 1, 70 + offset), ("message-id", b"m-%d" % offset))
    return PlainRecord((1, offset), (1, NOW_MS), b"customer-%d" % offset, b'{"order": %d}' % offset, headers)


def test_list(golden: Golden) -> None:
    topic = listing.TopicSeen("orders-dlt", 1_240, 12, NOW_MS - 86_400_000, NOW_MS, 604_800_000, {"orders": 200},
                              {"java.net.SocketTimeoutException": 150, "JsonParseException": 50}, {"spring": 200},
                              named=True)  # fmt: skip
    empty = listing.TopicSeen("bills-dlq", 0, 0, None, None, -1, {}, {}, {}, named=True)
    seen = listing.ListSeen((empty, topic), NOW_MS)
    golden.report("dlq.list", "two", listing.report(seen, listing.DlqListParams()))
    notice = Notice("connector_topic_missing", "bad, where orders-sink sends dead letters, is no topic.")
    told = listing.ListSeen((replace(topic, connectors=("orders-sink",)),), NOW_MS, (notice,),
                            (Notice("connect_timeout", "Kafka Connect did not answer."),))  # fmt: skip
    golden.report("dlq.list", "connectors", listing.report(told, listing.DlqListParams()))
    golden.report("dlq.list", "none", listing.report(listing.ListSeen((), NOW_MS), listing.DlqListParams()))


def test_inspect(golden: Golden) -> None:
    bad = PlainRecord((0, 3), (1, NOW_MS), None, b"\xff\x00", (("kafka_dlt-original-topic", b"orders"),
                                                              ("kafka_dlt-original-offset", b"abc")))  # fmt: skip
    params = inspect.DlqInspectParams(topic="orders-dlt")
    rows = tuple(row_of(one, Reader()) for one in (_record(7), bad))
    golden.report("dlq.inspect", "rows", inspect.report(inspect.InspectSeen(rows), params))
    counts = inspect.InspectSeen(counts={"java.net.SocketTimeoutException": 30, "JsonParseException": 12}, read=42)
    golden.report("dlq.inspect", "causes", inspect.report(counts, params))
    one = _record(7)
    full = inspect.FullRecord(row_of(one, Reader()), header_words(one.headers(), Reader()), text_of(one.key()),
                              json_of(one.value()))  # fmt: skip
    golden.report("dlq.inspect", "record", inspect.report(inspect.InspectSeen(full=full), params))


def test_replay(golden: Golden) -> None:
    params = replay.DlqReplayParams(topic="orders-dlt")
    outcomes = {"replayed": 90, "skipped:window": 6, "parked:max-replays": 1, "held:key": 3}
    rules = replace(replay.rules_of(params), targets={"orders": Target(3)})
    seen = ReplaySeen(rules, {0: (0, 60), 1: (5, 45)}, frozenset({"orders", "orders-dlt"}), scanned=True,
                      outcomes=outcomes, topics={"orders": 90, "orders-dlt.parked": 1},
                      readers={"orders": ("audit", "orders-service")}, oldest_ms=NOW_MS - 86_400_000,
                      ledger_keeps_ms=604_800_000)  # fmt: skip
    plan = replay.plan(seen, params)
    after = {"run": "1a2b3c4d-0123456789ab", "counts": outcomes, "topics": {"orders": 90, "orders-dlt.parked": 1},
             "progress": [(0, 0), (400, 60), (900, 100)]}  # fmt: skip
    receipts = [Receipt(one, "done", {}, after if one.kind == "dlq.replay" else {"exists": True}, verified=True)
                for one in plan.steps]  # fmt: skip
    golden.change("dlq.replay", "held", plan, receipts)


def test_replay_by_stored_offsets(golden: Golden) -> None:
    params = replay.DlqReplayParams(topic="orders-dlt", processed_in="shop", passed_means="processed")
    outcomes = {"replayed": 14, "skipped:ahead": 30, "skipped:passed": 50, "held:ahead": 6}
    mapping = OffsetsMapping(table=TableName("consumer_offsets", "shop"), offset_means=OffsetMeans.LAST_PROCESSED)
    doubts = {Said.GONE: 4, Said.UNKNOWN: 10}
    notices = passed_notices(
        PassedSum(mapping, ("billing", "orders"), claimed=True, outcomes=outcomes, replayed=doubts)
    )
    rules = replace(replay.rules_of(params), targets={"orders": Target(3)})
    known = frozenset({"orders", "orders-dlt", "orders-dlt.replayed", "orders-dlt.parked"})
    seen = ReplaySeen(rules, {0: (0, 100)}, known, scanned=True, outcomes=outcomes, topics={"orders": 14},
                      notices=notices)  # fmt: skip
    plan = replay.plan(seen, params)
    after = {"run": "1a2b3c4d-0123456789ab", "counts": outcomes, "topics": {"orders": 14}, "progress": [(0, 0)]}
    golden.change("dlq.replay", "offsets", plan, [Receipt(plan.steps[0], "done", {}, after, verified=True)])


def test_purge(golden: Golden) -> None:
    params = purge.DlqPurgeParams(topic="orders-dlt", replayed=True)
    seen = purge.PurgeSeen({0: (0, 60), 1: (5, 45)}, {0: 60, 1: 5}, records=60)
    plan = purge.plan(seen, params)
    receipts = [Receipt(one, "done", {"log_start": 0}, {"log_start": 60}, verified=True) for one in plan.steps]
    golden.change("dlq.purge", "replayed", plan, receipts)
    before = purge.DlqPurgeParams(topic="orders-dlt", before=datetime(2026, 3, 1, tzinfo=UTC), unreplayed_too=True)
    lost = purge.PurgeSeen({0: (0, 60)}, {0: 60}, {0: 4}, 60)
    plan = purge.plan(lost, before)
    golden.change(
        "dlq.purge", "unreplayed", plan, [Receipt(plan.steps[0], "done", {"log_start": 0}, {"log_start": 60})]
    )
