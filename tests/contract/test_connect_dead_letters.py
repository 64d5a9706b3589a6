"""Dead letters by Kafka Connect's own DeadLetterQueueReporter: a standalone worker with a sink that can't read."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from fixtures.dead_letters import DeadLetters, result_of
from fixtures.lab import LIMIT_S, wait_until

from eosctl.lab import clients, jars

_PARTS = ("connect-runtime", "connect-json", "connect-file")
COORDINATES = "+".join([*(f"org.apache.kafka:{one}:{jars.KAFKA}" for one in _PARTS), "org.slf4j:slf4j-simple:1.7.36"])
_WORKER = """
bootstrap.servers={servers}
listeners={url}
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
value.converter.schemas.enable=false
offset.storage.file.filename={folder}/offsets
plugin.discovery=service_load
"""
_SINK = """
name=orders-sink
connector.class=org.apache.kafka.connect.file.FileStreamSinkConnector
tasks.max=1
topics={topic}
file={folder}/out.txt
errors.tolerance=all
errors.deadletterqueue.topic.name={dead}
errors.deadletterqueue.topic.replication.factor=1
errors.deadletterqueue.context.headers.enable=true
"""


@pytest.fixture
def url() -> str:
    """A free address for the worker's REST interface."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return f"http://127.0.0.1:{one.getsockname()[1]}"


@pytest.fixture
def sink(dead_letters: DeadLetters, tmp_path: Path, url: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker whose sink sends what it can't read to the dead-letter topic."""
    facts = {"servers": dead_letters.lab.bootstrap_servers, "folder": tmp_path, "topic": dead_letters.topic,
             "dead": dead_letters.dead, "url": url}  # fmt: skip
    for name, text in (("worker", _WORKER), ("sink", _SINK)):
        (tmp_path / f"{name}.properties").write_text(text.format(**facts), encoding="utf-8")
    command = [dead_letters.lab.java, "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
               "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", jars.resolved(COORDINATES),
               "org.apache.kafka.connect.cli.ConnectStandalone",
               str(tmp_path / "worker.properties"), str(tmp_path / "sink.properties")]  # fmt: skip
    with (tmp_path / "connect.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    yield process
    process.kill()
    process.wait(LIMIT_S)


def _count(dead_letters: DeadLetters) -> int:
    return sum(clients.ends(dead_letters.lab, dead_letters.dead, range(3), committed=True).values())


def test_connects_own_dead_letters_are_read_and_replayed(
    dead_letters: DeadLetters,
    sink: "subprocess.Popen[bytes]",
    tmp_path: Path,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    producer = Producer(clients.librdkafka_settings(dead_letters.lab))
    for number in range(4):
        body = b'{"n": 1}' if number % 2 else b"{not json %d" % number
        producer.produce(dead_letters.topic, body, b"k-%d" % number, 2, headers=[("tenant", b"acme")])
    assert producer.flush(LIMIT_S) == 0
    log = tmp_path / "connect.log"
    wait_until(lambda: _count(dead_letters) == 2 or sink.poll() is not None, limit_s=120)
    assert sink.poll() is None, log.read_text(errors="replace")[-2_000:]
    _is_found_by_its_connector(dead_letters, url, monkeypatch)
    sink.kill()
    sink.wait(LIMIT_S)
    gone = dead_letters.eosctl("list")
    answer = json.loads(gone.stdout)
    assert (gone.returncode, [one["code"] for one in answer["errors"]]) == (5, ["connect_unreachable"])
    monkeypatch.delenv("EOSCTL_CONNECT_URL")
    rows = sorted(dead_letters.data("inspect", dead_letters.dead), key=lambda one: one["origin_offset"])
    assert [(one["framework"], one["origin_topic"], one["origin_partition"], one["origin_offset"], one["origin_group"],
             one["failure_class"], one["cause_class"], one["key"], one["value_preview"], one["unreadable"])
            for one in rows] == [
        ("connect", dead_letters.topic, 2, offset, "orders-sink", "org.apache.kafka.connect.errors.DataException",
         rows[0]["cause_class"], f"k-{offset}", f"{{not json {offset}", [])
        for offset in (0, 2)
    ]  # fmt: skip
    assert rows[0]["cause_class"].startswith("com.fasterxml.jackson.core.")
    result = result_of(dead_letters.replay())
    assert result["outcomes"] == {"replayed": 2}
    back = dead_letters.records(start=0)[4:]
    assert [(one.partition.partition, one.key, one.value, one.headers) for one in back] == [
        (2, f"k-{offset}".encode(), b"{not json %d" % offset, (("tenant", b"acme"), ("eosctl-replay-count", b"1")))
        for offset in (0, 2)
    ]  # fmt: skip


def _is_found_by_its_connector(dead_letters: DeadLetters, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by its name nor by its headers: without a Connect nobody finds it."""
    assert dead_letters.dead not in [one["topic"] for one in dead_letters.data("list")]
    monkeypatch.setenv("EOSCTL_CONNECT_URL", url)
    (row,) = [one for one in dead_letters.data("list") if one["topic"] == dead_letters.dead]
    assert (row["records"], row["origin_topics"], row["found_by"]) == (
        2, [dead_letters.topic], "connector: orders-sink; headers: connect")  # fmt: skip
