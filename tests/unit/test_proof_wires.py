"""What a proxy reads of Kafka's and PostgreSQL's protocols, in every version that a client may speak."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.protocol.admin import DescribeClusterResponse
from kafka.protocol.consumer import JoinGroupRequest, OffsetCommitRequest
from kafka.protocol.metadata import FindCoordinatorResponse, MetadataResponse
from kafka.protocol.producer import EndTxnRequest

from eosctl.core.errors import Refused
from eosctl.proof import kafka_wire, postgres_wire
from eosctl.proof.proxy import Dropped, Proxy, Trap

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=300)


class Said:
    """Bytes that a socket would give; EOFError at their end, as a closed connection."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def exactly(self, count: int) -> bytes:
        if len(self._data) < count:
            raise EOFError
        part, self._data = self._data[:count], self._data[count:]
        return part


def framed(message: Any, correlation: int = 7) -> bytes:
    message.with_header(correlation_id=correlation, **({"client_id": "rdkafka"} if message.is_request() else {}))
    return bytes(message.encode(header=True, framed=True))


def asked(data: bytes) -> tuple[Proxy, bytes]:
    """A proxy that this was said to, and what it passed on."""
    proxy, passed = Proxy(kafka_wire.KafkaWire), bytearray()
    with pytest.raises(EOFError):
        kafka_wire.KafkaWire(proxy).requests(Said(data), passed.extend, passed.extend)  # type: ignore[arg-type]
    return proxy, bytes(passed)


@given(st.integers(0, 4), NAMES, st.booleans())
def test_only_the_commit_of_a_transaction_is_its_commit(version: int, name: str, commits: bool) -> None:
    request = EndTxnRequest[version](transactional_id=name, producer_id=9, producer_epoch=1, committed=commits)
    data = framed(request)
    proxy, passed = asked(data)
    assert passed == data
    assert set(proxy.passed) == ({"before-transaction-commit"} if commits else set())


@given(st.integers(1, 9), NAMES, st.integers(1, 100_000))
def test_a_session_is_made_short_and_nothing_else_is_touched(version: int, group: str, session_ms: int) -> None:
    def request(milliseconds: int) -> Any:
        return JoinGroupRequest[version](group_id=group, session_timeout_ms=milliseconds, rebalance_timeout_ms=300_000,
                                         member_id="m", protocol_type="consumer",
                                         protocols=[("range", b"x")])  # fmt: skip

    _, passed = asked(framed(request(session_ms)))
    assert passed == framed(request(min(session_ms, 6_000)))


@pytest.mark.parametrize("version", range(2, 9))
def test_an_offset_commit_is_seen(version: int) -> None:
    proxy, _ = asked(framed(OffsetCommitRequest[version](group_id="g", generation_id_or_member_epoch=1, member_id="m",
                                                         topics=[])))  # fmt: skip
    assert set(proxy.passed) == {"before-offset-commit"}


@pytest.mark.parametrize("version", range(1, MetadataResponse.max_version + 1))
def test_brokers_are_named_by_the_proxys_ports(version: int) -> None:
    brokers = [(1, "kafka-1", 9092, None), (2, "kafka-2", 9093, None)]
    answer = MetadataResponse[version](throttle_time_ms=0, brokers=brokers,
                                       cluster_id="c", controller_id=1, topics=[])  # fmt: skip
    proxy, found = answered(3, version, answer, MetadataResponse)
    assert [one.host for one in found.brokers] == ["127.0.0.1"] * 2
    assert [one.port for one in found.brokers] == [proxy.port_of(("kafka-1", 9092)), proxy.port_of(("kafka-2", 9093))]
    proxy.close()


@pytest.mark.parametrize("version", range(FindCoordinatorResponse.max_version + 1))
def test_coordinators_are_named_by_the_proxys_ports(version: int) -> None:
    one = {"error_code": 0, "node_id": 1, "host": "kafka-1", "port": 9092}
    fields = {"coordinators": [("g", 1, "kafka-1", 9092, 0, None)]} if version >= 4 else one
    proxy, found = answered(10, version, FindCoordinatorResponse[version](**fields), FindCoordinatorResponse)
    named = found.coordinators[0] if version >= 4 else found
    assert (named.host, named.port) == ("127.0.0.1", proxy.port_of(("kafka-1", 9092)))
    proxy.close()


def test_a_version_that_nobody_knows_yet_ends_the_connection_and_is_told() -> None:
    proxy = Proxy(kafka_wire.KafkaWire)
    wire = kafka_wire.KafkaWire(proxy)
    wire._asked[7] = (60, DescribeClusterResponse.max_version + 1, "")
    with pytest.raises(EOFError):
        wire.answers(Said(struct.pack(">ii", 4, 7)), bytearray().extend)  # type: ignore[arg-type]
    assert "DescribeClusterResponse" in proxy.unknown


def answered(key: int, version: int, answer: Any, kind: Any) -> tuple[Proxy, Any]:
    proxy, passed = Proxy(kafka_wire.KafkaWire), bytearray()
    wire = kafka_wire.KafkaWire(proxy)
    wire._asked[7] = (key, version, "")
    with pytest.raises(EOFError):
        wire.answers(Said(framed(answer)), passed.extend)  # type: ignore[arg-type]
    return proxy, kind.decode(bytes(passed), version=version, header=True, framed=True)


def test_what_is_encrypted_is_refused() -> None:
    for settings in ({"security.protocol": "SSL"}, {"security.protocol": "sasl_ssl"}):
        with pytest.raises(Refused) as raised:
            kafka_wire.proxied({"bootstrap.servers": "x:9092", **settings})
        assert raised.value.code == "encrypted"
    with pytest.raises(Refused) as raised:
        postgres_wire.proxied("postgresql://x/y?sslmode=verify-full")
    assert raised.value.code == "encrypted"


def query(text: bytes) -> bytes:
    return typed(b"Q", text + b"\x00")


def typed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">i", len(body) + 4) + body


@pytest.mark.parametrize(
    ("said", "commits"),
    [
        (query(b"COMMIT"), 1),
        (query(b"  commit "), 1),
        (query(b"END"), 1),
        (query(b"COMMITTED"), 0),
        (query(b"SELECT 'COMMIT'"), 0),
        (typed(b"P", b"s1\x00COMMIT\x00\x00\x00") + 2 * (typed(b"B", b"\x00s1\x00") + typed(b"E", b"\x00\x00")), 2),
        (typed(b"P", b"\x00SELECT 1\x00\x00\x00") + typed(b"B", b"\x00\x00") + typed(b"E", b"\x00\x00"), 0),
    ],
)
def test_a_commit_is_seen_however_it_is_asked_for(said: bytes, commits: int) -> None:
    start = struct.pack(">ii", 8, 196608)
    proxy, passed, back = Proxy(postgres_wire.PostgresWire), bytearray(), bytearray()
    encrypted = struct.pack(">ii", 8, 80877103)
    with pytest.raises(EOFError):
        postgres_wire.PostgresWire(proxy).requests(Said(encrypted + start + said), passed.extend, back.extend)  # type: ignore[arg-type]
    assert (bytes(passed), bytes(back)) == (start + said, b"N")
    assert proxy.passed["before-database-commit"] == commits


def test_a_trap_springs_at_its_pass_and_only_the_first_decision_holds() -> None:
    proxy, trap = Proxy(kafka_wire.KafkaWire), Trap("before-produce", 2)
    trap.decide(forward=False)
    trap.decide(forward=True)
    proxy.arm(trap)
    proxy.pass_point("before-produce", 1)
    assert not trap.sprung.is_set()
    proxy.pass_point("after-produce", 1)
    with pytest.raises(Dropped):
        proxy.pass_point("before-produce", 1)
    assert trap.sprung.is_set()
    proxy.pass_point("before-produce", 1)
    assert proxy.passed == {"before-produce": 3, "after-produce": 1}
