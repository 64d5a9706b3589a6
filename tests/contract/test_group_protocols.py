"""Groups of every protocol on the real broker: classic, KIP-848 consumer, KIP-932 share, KIP-1071 streams groups."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from confluent_kafka import Consumer, Producer
from fixtures.counting_proxy import CountingProxy
from fixtures.lab import LIMIT_S, wait_until
from fixtures.offsets import Offsets
from fixtures.streams import StreamsMember

from eosctl.adapters.connection import KafkaConnection
from eosctl.adapters.kafka_groups import KafkaGroups
from eosctl.adapters.kafka_python import KafkaPythonAdmin
from eosctl.lab import kafka
from eosctl.lab.clients import librdkafka_settings
from eosctl.lab.state import LabState

SHARE_TOOL = "org.apache.kafka.tools.consumer.group.ShareGroupCommand"


def shown(offsets: Offsets, group: str) -> set[tuple[str, str, str, str]]:
    """Protocol, state, member and host of a group's rows."""
    rows = offsets.eosctl("offsets", "show", group).data
    return {(one["protocol"], one["state"], one["member"], one["host"]) for one in rows}


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
        expected = {(protocol, "Stable", "worker-7", "127.0.0.1")}
        wait_until(lambda: shown(offsets, group) == expected, limit_s=60)
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
    expected = {("share", "Stable", "sharer-1", "127.0.0.1")}
    wait_until(lambda: shown(offsets, share.group) == expected, limit_s=60)
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
    assert offsets.eosctl("undo", forgotten.data["journal_id"], "--yes").code == 0
    [move] = forgotten.data["plan"]["steps"][0]["moves"]
    assert at() == move["expects_offset"]


def test_a_streams_group_is_described_and_not_moved(streams: StreamsMember, offsets: Offsets) -> None:
    streams.join()
    with closing(KafkaPythonAdmin(KafkaConnection.of(librdkafka_settings(offsets.lab)), timeout_ms=60_000)) as admin:
        [about] = KafkaGroups(admin).describe([streams.group]).items
    assert (about.protocol, len(about.members), about.members[0].host) == ("streams", 1, "127.0.0.1")
    streams.leave()
    offsets.commit({0: 1}, streams.group, topic=streams.topic)
    [row] = offsets.eosctl("offsets", "show", streams.group).data
    assert (row["protocol"], row["state"], row["kafka_offset"]) == ("streams", "Empty", 1)
    refused = offsets.eosctl("offsets", "reset", streams.group, "--all-topics", "--to-earliest", "--yes")
    assert (refused.code, refused.errors) == (7, ("group_protocol",))


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
