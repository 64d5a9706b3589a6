"""Whatever answers in Connect's place is told apart: HTML, a refusal, silence, nobody, half an answer."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eosctl.adapters.connect_rest import ConnectRest
from eosctl.core.errors import EosctlError, OperationFailed, Unreachable, UsageError

Reply = Callable[[BaseHTTPRequestHandler], None]


def answers(code: int, body: str, kind: str = "application/json", **headers: str) -> Reply:
    def reply(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body.encode())), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body.encode())

    return reply


class Server:
    """A local HTTP server; `reply` says what it does with a request. `seen` are the requests' authorizations."""

    def __init__(self) -> None:
        self.reply: Reply = answers(200, "{}")
        self.seen: list[str | None] = []
        self.release = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append(self.headers.get("Authorization"))
                outer.reply(self)

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Tests are quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,))


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    one.thread.start()
    try:
        yield one
    finally:
        one.release.set()
        one.http.shutdown()
        one.thread.join()
        one.http.server_close()


def connect(url: str, timeout_ms: int = 5_000, **section: str) -> ConnectRest:
    return ConnectRest({"url": url, **section}, timeout_ms=timeout_ms)


def failure(one: ConnectRest) -> EosctlError:
    with pytest.raises(EosctlError) as raised:
        one.status("outbox")
    return raised.value


HTML = "<!DOCTYPE html><html><body>Please log in</body></html>"


@pytest.mark.parametrize(
    ("reply", "kind", "code", "says"),
    [
        (answers(200, HTML, "text/html"), OperationFailed, "not_connect", "HTML"),
        (answers(200, "pong", "text/plain"), OperationFailed, "not_connect", "not JSON"),
        (answers(200, "[]"), OperationFailed, "not_connect", "not Connect's"),
        (answers(200, '{"name": "outbox"}'), OperationFailed, "not_connect", "another shape"),
        (answers(302, "", Location="http://elsewhere.invalid/"), OperationFailed, "not_connect", "redirect"),
        (answers(401, HTML, "text/html"), OperationFailed, "connect_unauthorized", "401"),
        (answers(403, '{"message": "password=hunter2 is wrong"}'), OperationFailed, "connect_unauthorized", "******"),
        (answers(409, '{"message": "rebalance"}'), OperationFailed, "connect_rebalancing", "rebalance"),
        (answers(500, '{"message": "Request timed out"}'), OperationFailed, "connect_error", "Request timed out"),
        (answers(502, HTML, "text/html"), OperationFailed, "connect_error", "Bad Gateway"),
    ],
)
def test_an_answer_that_is_not_connect_s(
    server: Server, reply: Reply, kind: type[EosctlError], code: str, says: str
) -> None:
    server.reply = reply
    error = failure(connect(server.url))
    assert (type(error), error.code) == (kind, code)
    assert says in error.notice().message
    assert error.hint
    assert "hunter2" not in error.notice().message


def test_an_unknown_connector_is_told_with_its_likely_name(server: Server) -> None:
    known, unknown = answers(200, '["outbox-1"]'), answers(404, '{"message": "not found"}')
    server.reply = lambda request: (known if request.path == "/connectors" else unknown)(request)
    error = failure(connect(server.url))
    assert (type(error), error.code) == (UsageError, "unknown_connector")
    assert "outbox-1" in error.hint


def test_a_server_that_says_nothing_is_given_up(server: Server) -> None:
    def silent(_: BaseHTTPRequestHandler) -> None:
        server.release.wait(30)

    server.reply = silent
    error = failure(connect(server.url, timeout_ms=300))
    assert (type(error), error.code) == (Unreachable, "connect_timeout")


def test_a_server_that_drips_is_given_up(server: Server) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while not server.release.wait(0.05):
                request.wfile.write(b" ")
                request.wfile.flush()
        except OSError:
            return

    server.reply = drip
    assert failure(connect(server.url, timeout_ms=400)).code == "connect_timeout"


def test_an_answer_that_breaks_off_is_an_unreachable_connect(server: Server) -> None:
    server.reply = answers(200, "[", **{"Content-Length": "100"})
    assert failure(connect(server.url)).code in ("connect_unreachable", "connect_timeout", "not_connect")


def test_nobody_at_the_port_is_unreachable() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        error = failure(connect(f"http://127.0.0.1:{held.getsockname()[1]}"))
    assert (type(error), error.code) == (Unreachable, "connect_unreachable")


def test_the_password_goes_to_the_named_server_only(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECT_SECRET", "hunter2")
    server.reply = answers(302, "", Location=f"{server.url}/login")
    failure(connect(server.url, user="ops", password="${env:CONNECT_SECRET}"))
    assert server.seen == ["Basic b3BzOmh1bnRlcjI="], "asked once, not redirected"


@pytest.mark.parametrize(
    ("section", "code"),
    [
        ({}, "no_connect"),
        ({"url": "connect:8083"}, "bad_connect"),
        ({"url": "ftp://connect:8083"}, "bad_connect"),
        ({"url": "http://ops:hunter2@connect:8083"}, "bad_connect"),
        ({"url": "http://connect:99999"}, "bad_connect"),
        ({"url": "http://connect:8083", "usr": "ops"}, "bad_connect"),
    ],
)
def test_a_section_that_can_t_be_used_is_refused(section: dict[str, str], code: str) -> None:
    error = failure(ConnectRest(section, timeout_ms=1_000))
    assert (type(error), error.code) == (UsageError, code)
    assert "hunter2" not in str(error.notice())


def test_an_older_connect_does_not_tell_whether_a_connector_has_begun(server: Server) -> None:
    old, names = answers(404, '{"message": "HTTP 404 Not Found"}'), answers(200, '["outbox"]')
    server.reply = lambda request: (names if request.path == "/connectors" else old)(request)
    assert connect(server.url).has_begun("outbox") is None
    server.reply = answers(200, '{"offsets": []}')
    assert connect(server.url).has_begun("outbox") is False
    server.reply = answers(200, '{"offsets": [{"partition": {}, "offset": {}}]}')
    assert connect(server.url).has_begun("outbox") is True


@pytest.mark.parametrize(
    ("reply", "exit_code", "code"),
    [(answers(200, HTML, "text/html"), 1, "not_connect"), (answers(401, ""), 1, "connect_unauthorized")],
)
def test_the_command_ends_with_a_clear_error(server: Server, reply: Reply, exit_code: int, code: str) -> None:
    server.reply = reply
    done = subprocess.run(
        [sys.executable, "-m", "eosctl", "cdc", "restart", "outbox", "--yes", "-o", "json"],
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "EOSCTL_CONNECT_URL": server.url},
    )  # fmt: skip
    answer = json.loads(done.stdout)
    assert (done.returncode, [one["code"] for one in answer["errors"]]) == (exit_code, [code])
    assert "Traceback" not in done.stderr
