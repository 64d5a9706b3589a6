"""What `status`, `txn` and `producers` print, from a fake cluster in which everything is wrong that can be."""

from dataclasses import replace
from typing import Any

import pytest
from fixtures.fake_gateways import FakeGateways
from fixtures.fake_kafka import FakeKafka
from fixtures.golden import Golden

from eosctl.core.operation import Change, Query, Receipt
from eosctl.core.plan import Plan, stamp
from eosctl.core.report import Report
from eosctl.domain.dedup_status import DedupNumbers
from eosctl.domain.health_database import DedupTableSeen, OutboxSeen, SlotSeen
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.outbox_status import OutboxNumbers
from eosctl.operations import registry, status
from eosctl.operations.status_database import DatabaseSeen
from eosctl.runtime.handlers import handler_of

ORDERS, LEDGER = TopicPartition("orders", 0), TopicPartition("ledger", 1)
OFFSETS = TopicPartition("__consumer_offsets", 0)


@pytest.fixture
def gateways() -> FakeGateways:
    """A hang on orders:0, a late transaction on ledger:1 that holds offsets, a healthy open one, idle ids."""
    kafka = FakeKafka([ORDERS, LEDGER, OFFSETS])
    for name, timeout_ms in (
        ("payments-tx-1", 60_000),
        ("ledger-writer-1", 60_000),
        ("steady", 900_000),
        ("idle", 60_000),
    ):
        kafka.init(name, timeout_ms=timeout_ms)
    for partition in (LEDGER, OFFSETS):
        kafka.add("ledger-writer-1", partition)
        kafka.write("ledger-writer-1", partition)
    kafka.clock.ms += 400_000
    kafka.hang("payments-tx-1", ORDERS)
    kafka.ends[ORDERS] += 50
    kafka.clock.ms += 55_000
    kafka.add("steady", LEDGER)
    kafka.write("steady", LEDGER)
    kafka.clock.ms += 5_000
    kafka.groups = {"billing": {ORDERS: 0}, "audit": {ORDERS: 12, LEDGER: 0}}
    return FakeGateways(kafka)


def asked(gateways: FakeGateways, name: str, **wish: Any) -> Report:
    operation = registry.find(name)
    assert isinstance(operation, Query)
    params = operation.params.model_validate(wish)
    return operation.report(operation.observe(gateways, params), params)


def changed(gateways: FakeGateways, name: str, **wish: Any) -> tuple[Plan, list[Receipt]]:
    """The plan, and receipts that the real handlers made on the fake cluster."""
    operation = registry.find(name)
    assert isinstance(operation, Change)
    params = operation.params.model_validate(wish)
    made = operation.plan(operation.observe(gateways, params), params)
    plan = stamp(made, target={"kafka_cluster_id": "fake"}, made_at=gateways.clock.now(), params=wish)
    receipts = []
    for step in plan.steps:
        handler = handler_of(step)
        before = handler.look(gateways, step).seen
        after = handler.verify(gateways, step, handler.act(gateways, step))
        receipts.append(Receipt(step, "done", before, after, verified=True))
    return plan, receipts


@pytest.mark.parametrize(
    ("name", "wish"),
    [
        ("status", {}),
        ("txn.list", {}),
        ("txn.describe", {"id": ["ledger-writer-1", "idle"]}),
        ("txn.hanging", {"all": True}),
        ("txn.blocked", {}),
        ("producers.list", {}),
        ("producers.zombies", {"sample": 0}),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_bad_night(gateways: FakeGateways, golden: Golden, name: str, wish: dict[str, Any]) -> None:
    golden.report(name, "bad-night", asked(gateways, name, **wish))


@pytest.mark.parametrize("name", ["status", "txn.list", "txn.hanging", "txn.blocked", "producers.list"])
def test_a_quiet_cluster(golden: Golden, name: str) -> None:
    golden.report(name, "quiet", asked(FakeGateways(FakeKafka([ORDERS])), name))


def test_a_page_with_the_database(golden: Golden) -> None:
    numbers = DedupNumbers(rows=1_000, size_bytes=9, dead_rows=0, rows_per_hour=1.0, expired_rows=800, retention_ms=1)
    database = DatabaseSeen(
        (DedupTableSeen("shop.processed", numbers),),
        (OutboxSeen("shop.outbox", OutboxNumbers(3, 0, 5_000, 10, 0, has_poll_index=True)),),
        (SlotSeen("eosctl_outbox", False, "extended", 4_194_304),),
    )
    params = status.StatusParams()
    seen = replace(status.observe(FakeGateways(FakeKafka([ORDERS])), params), database=database)  # type: ignore[arg-type]
    golden.report("status", "database", status.report(seen, params))


def test_abort(gateways: FakeGateways, golden: Golden) -> None:
    golden.change("txn.abort", "hanging", *changed(gateways, "txn.abort", all_hanging=True))


def test_fence(gateways: FakeGateways, golden: Golden) -> None:
    ids = ["ledger-writer-1", "steady", "brand-new"]
    golden.change("producers.fence", "three", *changed(gateways, "producers.fence", id=ids, allow_new=True))


def test_a_plan_that_is_applied_says_what_its_operation_says(gateways: FakeGateways, golden: Golden) -> None:
    golden.change("apply", "fence", *changed(gateways, "producers.fence", id=["ledger-writer-1"]))
