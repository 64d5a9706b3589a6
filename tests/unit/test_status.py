"""`status`: every area has its verdict, one that can't be seen hides no other, and the worst decides the exit code."""

import pytest
from fixtures.fake_gateways import FakeGateways
from fixtures.fake_kafka import FakeKafka
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import Refused, Unreachable
from eosctl.core.exit_codes import ExitCode
from eosctl.core.plain import plain
from eosctl.core.report import Report
from eosctl.domain.health import Area, Health, brokers_area, worst
from eosctl.domain.kafka import Broker, PartitionState, Topic, TopicPartition
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
