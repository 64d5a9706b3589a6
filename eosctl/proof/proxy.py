"""A TCP proxy between one program under test and one server: it can hold, drop, cut and slow what it understands.

A `Wire` subclass knows the protocol; this file knows sockets, traps and threads.
"""

import contextlib
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

Address = tuple[str, int]
Writer = Callable[[bytes], None]
_CONNECT_LIMIT_S = 20.0
_SLOW_EACH_S = 0.05


@dataclass
class Trap:
    """Springs when `point` is passed the `passes`-th time: what passes is held until somebody decides about it.

    `sprung` tells that it happened. `decide(forward=...)` lets the held bytes go on, or drops the connection.
    """

    point: str
    passes: int
    sprung: threading.Event = field(default_factory=threading.Event)
    _decided: threading.Event = field(default_factory=threading.Event)
    _forward: bool = False

    def decide(self, *, forward: bool) -> None:
        """Ends the wait of what is held; the first decision holds, also when nothing is held yet."""
        if not self._decided.is_set():
            self._forward = forward
            self._decided.set()

    def hold(self, limit_s: float) -> bool:
        """Waits for the decision; whether what is held goes on."""
        self.sprung.set()
        return self._decided.wait(limit_s) and self._forward


class Dropped(Exception):
    """The connection shall end here."""


class Proxy:
    """Listens on loopback ports, one for each server behind it. Nothing is changed but what a trap or a wire says."""

    def __init__(self, wire: "Callable[[Proxy], Wire]") -> None:
        self._wire = wire
        self._ports: dict[Address, int] = {}
        self._listeners: list[socket.socket] = []
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._trap: Trap | None = None
        self._slow_until = 0.0
        self._closed = False
        self.passed: Counter[str] = Counter()
        self.unknown = ""

    def port_of(self, server: Address) -> int:
        """The loopback port that stands for the server; opened when it is first asked for."""
        with self._lock:
            if server not in self._ports:
                listener = socket.create_server(("127.0.0.1", 0), backlog=64)
                self._listeners.append(listener)
                self._ports[server] = int(listener.getsockname()[1])
                threading.Thread(target=self._accept, args=(listener, server), daemon=True).start()
            return self._ports[server]

    def arm(self, trap: Trap | None) -> None:
        """The next trap; the one before is forgotten, and lets go of what it holds."""
        with self._lock:
            before, self._trap = self._trap, trap
        if before is not None and before is not trap:
            before.decide(forward=True)

    def pass_point(self, point: str, limit_s: float) -> None:
        """Called by wires at each point. Raises Dropped when a trap held it and it shall not go on."""
        with self._lock:
            self.passed[point] += 1
            trap = self._trap
            if trap is None or trap.point != point:
                return
            trap.passes -= 1
            if trap.passes > 0:
                return
            self._trap = None
        if not trap.hold(limit_s):
            raise Dropped

    def cut(self) -> int:
        """Ends every connection in the middle of what it says; how many there were. New ones are let in."""
        with self._lock:
            pairs = tuple(self._pairs)
        for pair in pairs:
            _end(*pair)
        return len(pairs)

    def slow(self, seconds: float) -> None:
        """Delays each message for so long."""
        self._slow_until = time.monotonic() + seconds

    def close(self) -> None:
        """Ends all."""
        self._closed = True
        self.arm(None)
        for one in self._listeners:
            one.close()
        self.cut()

    def _accept(self, listener: socket.socket, server: Address) -> None:
        while not self._closed:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client: socket.socket, server: Address) -> None:
        try:
            behind = _connected(server)
        except OSError:
            client.close()
            return
        for one in (client, behind):
            with contextlib.suppress(OSError):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._pairs.add((client, behind))
        wire = self._wire(self)
        back = threading.Thread(target=self._pump, args=(wire.answers, behind, client), daemon=True)
        back.start()
        self._pump(lambda read, write: wire.requests(read, write, client.sendall), client, behind)
        back.join()
        with self._lock:
            self._pairs.discard((client, behind))
        client.close()
        behind.close()

    def _pump(self, pump: "Callable[[Reader, Writer], None]", source: socket.socket, target: socket.socket) -> None:
        def write(data: bytes) -> None:
            if time.monotonic() < self._slow_until:
                time.sleep(_SLOW_EACH_S)
            target.sendall(data)

        try:
            pump(Reader(source), write)
        except (OSError, EOFError, Dropped):
            pass
        finally:
            _end(source, target)


class Reader:
    """Exactly so many bytes of a socket; EOFError at its end."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source

    def exactly(self, count: int) -> bytes:
        """`count` bytes."""
        parts, left = [], count
        while left:
            part = self._source.recv(min(left, 1 << 18))
            if not part:
                raise EOFError
            parts.append(part)
            left -= len(part)
        return b"".join(parts)


class Wire(ABC):
    """One connection's protocol, both ways. Each way runs in a thread of its own until the connection ends."""

    @abstractmethod
    def requests(self, read: Reader, write: Writer, answer: Writer) -> None:
        """From the program to the server; `answer` speaks for the server."""

    @abstractmethod
    def answers(self, read: Reader, write: Writer) -> None:
        """From the server to the program."""


def _connected(server: Address) -> socket.socket:
    host, port = server
    if host.startswith("/"):
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(_CONNECT_LIMIT_S)
        made.connect(f"{host}/.s.PGSQL.{port}")
    else:
        made = socket.create_connection(server, timeout=_CONNECT_LIMIT_S)
    made.settimeout(None)
    return made


def _end(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
