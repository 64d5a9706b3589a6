"""A consumer that calls a service: its effects are counted at the service, its messages look as it wants them."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from eosctl.cli.main import main
from eosctl.lab.state import LabState

CONSUMER = """
import json, os, urllib.request
from confluent_kafka import Consumer

consumer = Consumer({"bootstrap.servers": os.environ["BOOTSTRAP_SERVERS"], "group.id": os.environ["GROUP"],
                     "enable.auto.commit": False, "auto.offset.reset": "earliest"})
consumer.subscribe([os.environ["INPUT_TOPIC"]])
while True:
    for message in consumer.consume(20, 0.5):
        charge = json.dumps({"order": json.loads(message.value())["order"]["number"]}).encode()
        urllib.request.urlopen(os.environ["SERVICE"], charge).read()
        consumer.commit(message, asynchronous=False)
"""


class Service(BaseHTTPRequestHandler):
    """POST adds a charge, GET lists all."""

    charges: list[Any]

    def do_POST(self) -> None:
        self.charges.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer({})

    def do_GET(self) -> None:
        self._answer(self.charges)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def _answer(self, data: Any) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def service() -> Iterator[str]:
    """The URL of a service that runs while the test does."""
    Service.charges = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_calls_are_counted_at_the_service_and_held_to_what_is_promised(
    lab: LabState, service: str, capfd: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "consumer.py").write_text(CONSUMER)
    (tmp_path / "message.json").write_text('{"order": {"number": "${id}", "cents": ${amount}, "at": "$5"}}')
    monkeypatch.setenv("SERVICE", service)
    with pytest.raises(SystemExit) as ended:
        main(
            ["verify", "--exec", f"exec {sys.executable} {tmp_path / 'consumer.py'}", "--check-http", service,
             "--id", "json:order", "--message", str(tmp_path / "message.json"), "--promise", "at-least-once",
             "--messages", "100", "--crashes", "1", "--faults", "kill", "--crash-points", "before-offset-commit",
             "--seed", "1", "-o", "json", "--bootstrap-server", lab.bootstrap_servers]
        )  # fmt: skip
    data = json.loads(capfd.readouterr().out)["data"]
    assert (ended.value.code, data["verdict"], data["missed"], data["corrupted"]) == (0, "pass", 0, 0), data
    assert data["duplicates"] == 1, "it died with one message's offset on the way"
    held = {one["check"]: one["held"] for one in data["checks"]}
    assert held["nothing is done twice"] == "not promised"
    assert data["stories"][0]["between"] == [f"kill (before-offset-commit) at {_shown(data['history'][0]['at_ms'])}"]


def _shown(milliseconds: int) -> str:
    from eosctl.core.durations import format_duration_ms

    return format_duration_ms(milliseconds)
