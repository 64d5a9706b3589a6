"""PostgreSQL's protocol as far as a proxy must know it: where a COMMIT is asked for, and where it is answered."""

import re
import struct

from eosctl.core.errors import Refused
from eosctl.proof.proxy import Proxy, Reader, Wire, Writer

_SSL, _GSS = 80877103, 80877104
_COMMIT = re.compile(rb"\s*(COMMIT|END)\b", re.IGNORECASE)
_HOLD_LIMIT_S = 120.0
_NEEDS_TLS = ("require", "verify-ca", "verify-full")


def proxied(dsn: str) -> tuple[Proxy, str]:
    """A proxy before the database, and the connection string through it. Raises Refused (`encrypted`)."""
    import psycopg
    from psycopg import conninfo

    given = conninfo.conninfo_to_dict(dsn)
    if str(given.get("sslmode") or "") in _NEEDS_TLS:
        raise Refused("encrypted", f"The proxy can't read sslmode={given['sslmode']}.",
                      why="What a program and PostgreSQL say to each other is encrypted.",
                      hint="Use sslmode=disable, or leave out cut, lost-ack and slow.")  # fmt: skip
    with psycopg.connect(dsn, connect_timeout=20) as connection:
        host, port = connection.info.host or connection.info.hostaddr, connection.info.port
    proxy = Proxy(PostgresWire)
    port = proxy.port_of((host, port))
    through: dict[str, str | int | None] = {"host": "127.0.0.1", "hostaddr": "", "port": port, "sslmode": "disable"}
    return proxy, conninfo.make_conninfo(dsn, **through)


class PostgresWire(Wire):
    """One connection. The point is `database-commit`: asked for by a simple query or by a prepared statement."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._commits: set[bytes] = set()
        self._portals: set[bytes] = set()

    def requests(self, read: Reader, write: Writer, answer: Writer) -> None:
        """A client that asks for encryption first is told that there is none."""
        while True:
            size = read.exactly(4)
            rest = read.exactly(struct.unpack(">i", size)[0] - 4)
            if struct.unpack_from(">i", rest)[0] not in (_SSL, _GSS):
                write(size + rest)
                break
            answer(b"N")
        while True:
            head = read.exactly(5)
            body = read.exactly(struct.unpack(">i", head[1:])[0] - 4)
            if self._is_commit(head[:1], body):
                self._proxy.pass_point("before-database-commit", _HOLD_LIMIT_S)
            write(head + body)

    def answers(self, read: Reader, write: Writer) -> None:
        """CommandComplete with the tag COMMIT is the answer that a program waits for."""
        while True:
            head = read.exactly(5)
            body = read.exactly(struct.unpack(">i", head[1:])[0] - 4)
            if head[:1] == b"C" and body == b"COMMIT\x00":
                self._proxy.pass_point("after-database-commit", _HOLD_LIMIT_S)
            write(head + body)

    def _is_commit(self, kind: bytes, body: bytes) -> bool:
        if kind == b"Q":
            return bool(_COMMIT.match(body))
        if kind == b"P":
            name, text = body.split(b"\x00", 2)[:2]
            _remember(self._commits, name, is_so=bool(_COMMIT.match(text)))
        elif kind == b"B":
            portal, name = body.split(b"\x00", 2)[:2]
            _remember(self._portals, portal, is_so=name in self._commits)
        elif kind == b"E":
            return body.split(b"\x00", 1)[0] in self._portals
        return False


def _remember(names: set[bytes], name: bytes, *, is_so: bool) -> None:
    (names.add if is_so else names.discard)(name)
