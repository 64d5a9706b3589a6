"""Groups of every protocol on the real broker: classic, KIP-848 consumer groups and KIP-932 share groups."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, Producer
from fixtures.counting_proxy import CountingProxy
from fixtures.lab import LIMIT_S, wait_until
from fixtures.offsets import Offsets

from eosctl.lab import kafka
from eosctl.lab.state import LabState

SHARE_TOOL = "org.apache.kafka.tools.consumer.group.ShareGroupCommand"


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_group_with_members_is_shown_with_its_protocol_and_refused(offsets: Offsets, protocol: str) -> None:
    group = f"{offsets.group}-{protocol}"
    consumer = Consumer({"bootstrap.servers": offsets.lab.bootstrap_servers, "group.id": group, "client.id": "worker-7",
                         "group.protocol": protocol, "auto.offset.reset": "earliest",
                         "enable.auto.commit": False})  # fmt: skip
    try:
        consumer.subscribe([offsets.topic])
        wait_until(lambda: consumer.poll(0.1) is not None)
        consumer.commit(asynchronous=False)
        rows = offsets.eosctl("offsets", "show", group).data
        assert {(one["protocol"], one["state"], one["member"]) for one in rows} == {(protocol, "Stable", "worker-7")}
        assert {one["host"] for one in rows} == {"127.0.0.1"}
        refused = offsets.eosctl("offsets", "reset", group, "--all-topics", "--to-earliest", "--yes")
        assert (refused.code, refused.errors) == (7, ("group_active",))
    finally:
        consumer.close()
    moved = offsets.eosctl("offsets", "reset", group, "--all-topics", "--to-offset", "2", "--wait-empty", "20s",
                           "--yes")  # fmt: skip
    assert moved.code == 0
    assert set(offsets.in_kafka(group).values()) == {2}


@pytest.fixture
def share(lab: LabState, make_topic: Callable[..., str]) -> Iterator["Shared"]:
    """A share group that has read half of a topic, its consumer still there."""
    made = Shared(lab, make_topic(1))
    yield made
    made.leave()


class Shared:
    """A real share consumer that takes what the topic holds."""

    def __init__(self, lab: LabState, topic: str) -> None:
        self.lab, self.topic, self.group = lab, topic, f"share-{uuid.uuid4().hex[:8]}"
        self._consumer: object = None
        self.produce(10)
        kafka.run_tool(lab, "kafka.admin.ConfigCommand", "--bootstrap-server", lab.bootstrap_servers,
                       "--alter", "--entity-type", "groups", "--entity-name", self.group,
                       "--add-config", "share.auto.offset.reset=earliest")  # fmt: skip

    def produce(self, count: int) -> None:
        producer = Producer({"bootstrap.servers": self.lab.bootstrap_servers})
        for number in range(count):
            producer.produce(self.topic, f"{number}".encode(), partition=0)
        assert producer.flush(LIMIT_S) == 0

    def take(self, count: int) -> list[int]:
        """Offsets of that many records at least, acknowledged."""
        from confluent_kafka import ShareConsumer

        if self._consumer is None:
            self._consumer = ShareConsumer({"bootstrap.servers": self.lab.bootstrap_servers, "group.id": self.group,
                                            "client.id": "sharer-1"})  # fmt: skip
            self._consumer.subscribe([self.topic])  # type: ignore[attr-defined]
        found: list[int] = []

        def enough() -> bool:
            found.extend(one.offset() for one in self._consumer.poll(0.5))  # type: ignore[attr-defined]
            return len(found) >= count

        wait_until(enough, limit_s=60)
        self._consumer.commit_sync()  # type: ignore[attr-defined]
        return found

    def leave(self) -> None:
        if self._consumer is not None:
            self._consumer.close()  # type: ignore[attr-defined]
            self._consumer = None


def test_a_share_group_is_shown_moved_and_forgotten_by_its_own_api(share: Shared, offsets: Offsets) -> None:
    assert share.take(10) == list(range(10))
    shown = wait_until(lambda: offsets.eosctl("offsets", "show", share.group).data, limit_s=60)
    assert [(one["protocol"], one["member"], one["state"]) for one in shown] == [("share", "sharer-1", "Stable")]
    refused = offsets.eosctl("offsets", "reset", share.group, "--all-topics", "--to-earliest", "--yes")
    assert (refused.code, refused.errors) == (7, ("group_active",))
    share.leave()

    def at() -> int:
        return int(offsets.eosctl("offsets", "show", share.group).data[0]["kafka_offset"])

    moved = offsets.eosctl("offsets", "reset", share.group, "--all-topics", "--to-offset", "4", "--wait-empty", "30s",
                           "--yes")  # fmt: skip
    assert moved.code == 0
    assert "share_redelivered" in moved.warnings
    assert at() == 4
    said = kafka.run_tool(share.lab, SHARE_TOOL, "--bootstrap-server", share.lab.bootstrap_servers, "--describe",
                          "--offsets", "--group", share.group)  # fmt: skip
    assert f"{share.topic} 0 4" in " ".join(said.split())
    assert share.take(6) == [4, 5, 6, 7, 8, 9]
    share.leave()
    forgotten = offsets.eosctl("offsets", "delete", share.group, "--topic", share.topic, "--wait-empty", "30s", "--yes")
    assert forgotten.code == 0
    assert offsets.eosctl("offsets", "show", share.group).data == []


def test_every_request_is_batched_whatever_client_sends_it(
    offsets: Offsets, counting_proxy: CountingProxy, make_topic: Callable[..., str]
) -> None:
    wide = make_topic(40)
    groups = [f"{offsets.group}-many-{number}" for number in range(25)]
    for group in groups:
        offsets.commit({0: 1, 1: 2}, group)
    offsets.commit(dict.fromkeys(range(40), 0), groups[0], topic=wide)
    offsets.env["EOSCTL_BOOTSTRAP_SERVER"] = counting_proxy.address
    assert len(offsets.eosctl("offsets", "show", groups[1]).data) == 2
    one = counting_proxy.counted()
    assert len(offsets.eosctl("offsets", "show", f"{offsets.group}-many-*").data) == 90
    many = counting_proxy.counted()
    assert (many["DescribeGroups"], many["OffsetFetch"], many["ListGroups"], many["FindCoordinator"]) == (1, 1, 1, 0)
    assert many["ListOffsets"] == 3  # log start, last stable offset, high watermark: one question each
    assert sum(many.values()) <= sum(one.values())
