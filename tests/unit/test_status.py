"""`status`: every area has its verdict, one that can't be seen hides no other, and the worst decides the exit code."""

from dataclasses import replace

import pytest
from fixtures.fake_gateways import FakeGateways
from fixtures.fake_kafka import FakeKafka
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import Notice, Refused, Unreachable
from eosctl.core.exit_codes import ExitCode
from eosctl.core.plain import plain
from eosctl.core.report import Report
from eosctl.domain.dedup_status import DedupNumbers
from eosctl.domain.health import Area, Health, brokers_area, worst
from eosctl.domain.health_database import DedupTableSeen, OutboxSeen, SlotSeen, dedup_area, outbox_area, slots_area
from eosctl.domain.kafka import Broker, PartitionState, Topic, TopicPartition
from eosctl.domain.outbox_status import OutboxNumbers
from eosctl.operations import status
from eosctl.operations.status import StatusParams

ORDERS = TopicPartition("orders", 0)


@pytest.fixture
def kafka() -> FakeKafka:
    one = FakeKafka([ORDERS])
    one.init("writer")
    one.groups = {"billing desk": {ORDERS: 0}, "done": {ORDERS: 99}}
    return one


def page(gateways: FakeGateways) -> Report:
    return status.report(status.observe(gateways, StatusParams()), StatusParams())


def verdicts(report: Report) -> dict[str, Health]:
    return {one.area: one.verdict for one in report.data.areas}


def test_a_quiet_cluster_is_well(kafka: FakeKafka) -> None:
    report = page(FakeGateways(kafka))
    assert set(verdicts(report).values()) == {Health.OK}
    assert (report.exit_code, report.data.verdict) == (ExitCode.DONE, Health.OK)


def test_a_healthy_open_transaction_is_well_too(kafka: FakeKafka) -> None:
    kafka.add("writer", ORDERS)
    kafka.write("writer", ORDERS)
    assert page(FakeGateways(kafka)).exit_code is ExitCode.DONE


def test_a_hang_shows_in_every_area_that_suffers(kafka: FakeKafka) -> None:
    kafka.hang("writer", ORDERS)
    report = page(FakeGateways(kafka))
    assert verdicts(report) == {
        "brokers": Health.OK,
        "transactions": Health.PROBLEM,
        "blocked partitions": Health.PROBLEM,
        "groups": Health.PROBLEM,
    }
    assert report.exit_code is ExitCode.PROBLEM
    assert report.data.areas[3].look == "eosctl txn blocked --group 'billing desk'"


def test_an_area_that_may_not_be_seen_hides_no_other(kafka: FakeKafka) -> None:
    gateways = FakeGateways(kafka)

    def refused() -> None:
        raise Refused("acl_missing", "DESCRIBE on the groups is missing.")

    gateways.groups.groups = refused  # type: ignore[method-assign,assignment]
    report = page(gateways)
    assert verdicts(report)["groups"] is Health.UNKNOWN
    assert verdicts(report)["transactions"] is Health.OK
    assert (report.exit_code, [one.code for one in report.errors]) == (ExitCode.PARTLY_DONE, ["acl_missing"])


def test_a_cluster_that_is_not_there_is_an_error_and_no_page(kafka: FakeKafka) -> None:
    gateways = FakeGateways(kafka)

    def nobody() -> None:
        raise Unreachable("kafka_unreachable", "Nobody answers.")

    gateways.cluster.brokers = nobody  # type: ignore[method-assign,assignment]
    with pytest.raises(Unreachable):
        page(gateways)


def test_the_page_has_a_plain_form(kafka: FakeKafka) -> None:
    data = plain(page(FakeGateways(kafka)).data)
    assert data["verdict"] == "ok"
    assert [sorted(one) for one in data["areas"]] == [["area", "finding", "look", "verdict"]] * 4


def test_a_broker_that_is_down_is_named() -> None:
    one = PartitionState(ORDERS, leader=-1, replicas=(1, 2), in_sync=(1,))
    area = brokers_area([Broker(1, "localhost", 9_092)], [Topic("orders", (one,))])
    assert area.verdict is Health.PROBLEM
    assert "down: 2" in area.finding
    assert "1 partition without a leader" in area.finding


@given(st.lists(st.sampled_from(Health)))
def test_the_worst_area_decides(given_verdicts: list[Health]) -> None:
    order = [Health.OK, Health.UNKNOWN, Health.PROBLEM]
    areas = [Area("x", one, "") for one in given_verdicts]
    assert order.index(worst(areas)) == max((order.index(one) for one in given_verdicts), default=0)


NUMBERS = DedupNumbers(rows=10, size_bytes=1_000, dead_rows=0, rows_per_hour=1.0, expired_rows=4, retention_ms=1_000)
OUTBOX = OutboxNumbers(3, 0, 5_000, 10, 0, has_poll_index=True)


@pytest.mark.parametrize(
    ("area", "verdict", "says"),
    [
        (dedup_area([]), Health.OK, "no table"),
        (dedup_area([DedupTableSeen("t", NUMBERS)]), Health.OK, "t: 10 entries"),
        (dedup_area([DedupTableSeen("t", replace(NUMBERS, expired_rows=6))]), Health.PROBLEM, "6 of 10 entries"),
        (
            dedup_area([DedupTableSeen("t", NUMBERS, (Notice("no_time_index", "no index."),))]),
            Health.PROBLEM,
            "no index",
        ),
        (outbox_area([OutboxSeen("o", None)]), Health.OK, "read by Debezium"),
        (outbox_area([OutboxSeen("o", OUTBOX)]), Health.OK, "3 pending, the oldest for 5s"),
        (outbox_area([OutboxSeen("o", replace(OUTBOX, failed=1))]), Health.PROBLEM, "1 event has used up"),
        (slots_area([]), Health.OK, "no replication slot"),
        (slots_area([SlotSeen("s", True, "reserved", 0)]), Health.OK, "s is read"),
        (slots_area([SlotSeen("s", False, "extended", 2_048)]), Health.PROBLEM, "nobody reads s; it keeps 2.0 KiB"),
        (slots_area([SlotSeen("s", True, "unreserved", 0)]), Health.PROBLEM, "s is about to be lost"),
        (slots_area([SlotSeen("s", False, "lost", None)]), Health.PROBLEM, "s is lost"),
    ],
)
def test_each_area_of_the_database_has_its_verdict(area: Area, verdict: Health, says: str) -> None:
    assert area.verdict is verdict
    assert says in area.finding
