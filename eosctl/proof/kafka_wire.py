"""Kafka's protocol as far as a proxy must know it: which request is a commit, where brokers are named, whose session.

Every broker that an answer names becomes a port of the proxy, so a client never learns the way round it.
"""

import struct
import threading
from collections.abc import Mapping
from typing import Any

from eosctl.core.errors import Refused
from eosctl.proof.proxy import Address, Proxy, Reader, Wire, Writer

_PRODUCE, _METADATA, _OFFSET_COMMIT, _FIND_COORDINATOR, _JOIN_GROUP, _END_TXN, _DESCRIBE_CLUSTER = (
    0,
    3,
    8,
    10,
    11,
    26,
    60,
)
_FLEXIBLE = {_OFFSET_COMMIT: 8, _JOIN_GROUP: 6, _END_TXN: 3, _PRODUCE: 9}
_SESSION_MS = 6_000  # the least that a broker takes unless it is configured
_HOLD_LIMIT_S = 120.0


def proxied(kafka: Mapping[str, Any]) -> tuple[Proxy, str]:
    """A proxy before the cluster, and its bootstrap servers. Raises Refused (`encrypted`)."""
    protocol = str(kafka.get("security.protocol", "plaintext")).upper()
    if protocol not in ("PLAINTEXT", "SASL_PLAINTEXT"):
        raise Refused("encrypted", f"The proxy can't read {protocol}.",
                      why="What a program and a broker say to each other is encrypted.",
                      hint="Use a listener without TLS, or leave out cut, lost-ack and slow.")  # fmt: skip
    proxy = Proxy(KafkaWire)
    servers = [one.strip() for one in str(kafka["bootstrap.servers"]).split(",") if one.strip()]
    return proxy, ",".join(f"127.0.0.1:{proxy.port_of(_address(one))}" for one in servers)


def _address(server: str) -> Address:
    host, _, port = server.rpartition("://")[2].rpartition(":")
    return host.strip("[]"), int(port)


class KafkaWire(Wire):
    """One connection. Answers are told apart by their correlation id."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._asked: dict[int, tuple[int, int, str]] = {}
        self._lock = threading.Lock()

    def requests(self, read: Reader, write: Writer, answer: Writer) -> None:
        """Holds commits at `before-...`; lets dead members of classic groups be missed after 6 s instead of 45."""
        while True:
            size = read.exactly(4)
            frame = bytearray(read.exactly(struct.unpack(">i", size)[0]))
            key, version, correlation = struct.unpack_from(">hhi", frame)
            point = _point(key, version, frame)
            if key == _JOIN_GROUP:
                _shorten_session(version, frame)
            if point:
                self._proxy.pass_point(f"before-{point}", _HOLD_LIMIT_S)
            with self._lock:
                self._asked[correlation] = (key, version, point)
            write(size + bytes(frame))

    def answers(self, read: Reader, write: Writer) -> None:
        """Holds the answers to commits at `after-...`; names the proxy's ports as brokers."""
        while True:
            size = read.exactly(4)
            frame = read.exactly(struct.unpack(">i", size)[0])
            with self._lock:
                key, version, point = self._asked.pop(struct.unpack_from(">i", frame)[0], (-1, 0, ""))
            if point:
                self._proxy.pass_point(f"after-{point}", _HOLD_LIMIT_S)
            if key in (_METADATA, _FIND_COORDINATOR, _DESCRIBE_CLUSTER):
                write(self._readdressed(key, version, frame))
            else:
                write(size + frame)

    def _readdressed(self, key: int, version: int, frame: bytes) -> bytes:
        from kafka.protocol.admin import DescribeClusterResponse
        from kafka.protocol.metadata import FindCoordinatorResponse, MetadataResponse

        kinds: dict[int, Any] = {_METADATA: MetadataResponse, _FIND_COORDINATOR: FindCoordinatorResponse,
                                 _DESCRIBE_CLUSTER: DescribeClusterResponse}  # fmt: skip
        kind = kinds[key]
        if version > kind.max_version:
            self._proxy.unknown = f"{kind.__name__} version {version}"
            raise EOFError
        answer = kind.decode(frame, version=version, header=True)
        for one in _named(key, version, answer):
            if one.host and one.port > 0:
                one.host, one.port = "127.0.0.1", self._proxy.port_of((one.host, one.port))
        return bytes(answer.encode(header=True, framed=True))


def _named(key: int, version: int, answer: Any) -> Any:
    """The parts of an answer that name a broker."""
    if key != _FIND_COORDINATOR:
        return answer.brokers
    return answer.coordinators if version >= 4 else [answer]


def _point(key: int, version: int, frame: bytearray) -> str:
    """`produce`, `offset-commit`, `transaction-commit`, or "" for what is none of them."""
    if key == _PRODUCE:
        return "produce"
    if key == _OFFSET_COMMIT:
        return "offset-commit"
    if key == _END_TXN and frame[_behind_string(key, version, frame, _body(key, version, frame)) + 10]:
        return "transaction-commit"
    return ""


def _shorten_session(version: int, frame: bytearray) -> None:
    at = _behind_string(_JOIN_GROUP, version, frame, _body(_JOIN_GROUP, version, frame))
    session = struct.unpack_from(">i", frame, at)[0]
    struct.pack_into(">i", frame, at, min(session, _SESSION_MS))


def _body(key: int, version: int, frame: bytearray) -> int:
    """Where the request's own fields begin: behind key, version, correlation id, client id and tagged fields."""
    client_id = struct.unpack_from(">h", frame, 8)[0]
    at = 10 + max(int(client_id), 0)
    return at + 1 if version >= _FLEXIBLE[key] else at  # no client sends tagged fields in its header


def _behind_string(key: int, version: int, frame: bytearray, at: int) -> int:
    if version < _FLEXIBLE[key]:
        return int(at + 2 + struct.unpack_from(">h", frame, at)[0])
    length, shift = 0, 0
    while frame[at] & 0x80:
        length |= (frame[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return at + (length | frame[at] << shift)  # a compact string's length is one too high
