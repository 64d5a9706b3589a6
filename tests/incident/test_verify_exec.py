"""Somebody's own consumer under real faults: Kafka's own copier passes; the wrong ones that people write are found."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fixtures.lab import LIMIT_S, wait_until

from eosctl.cli.main import main
from eosctl.lab import clients
from eosctl.lab.jars import class_path
from eosctl.lab.state import LabState
from eosctl.proof.servers import Servers

CONSUMERS = Path(__file__).parents[2] / "docs" / "examples" / "consumers"
Verify = Callable[..., tuple[int, Any]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names under which the runs of this test made their topics and groups."""
    names: list[str] = []
    named = Servers.name
    monkeypatch.setattr(Servers, "name", lambda servers: names.append(named(servers)) or names[-1])
    return names


@pytest.fixture
def verify(lab: LabState, database: str, capfd: pytest.CaptureFixture[str]) -> Verify:
    """`verify("--exec", ...)`: the exit code and the JSON envelope."""

    def call(*words: str) -> tuple[int, Any]:
        with pytest.raises(SystemExit) as ended:
            main(["verify", *words, "-o", "json", "--bootstrap-server", lab.bootstrap_servers, "--dsn", database])
        return int(str(ended.value.code)), json.loads(capfd.readouterr().out)

    return call


def python(file: str, *flags: str) -> str:
    return shlex.join([sys.executable, str(CONSUMERS / file), *flags])


def copier(lab: LabState) -> str:
    """Kafka's own TransactionalMessageCopier. It waits for what a crash left open until the transaction's time-out."""
    java = [
        lab.java, "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-cp", class_path(),
        "org.apache.kafka.tools.TransactionalMessageCopier", "--input-partition", "0", "--transaction-size", "20",
        "--transaction-timeout", "5000",
    ]  # fmt: skip
    told = (
        '--broker-list "$BOOTSTRAP_SERVERS" --transactional-id "$GROUP-$INSTANCE" --consumer-group "$GROUP" '
        '--input-topic "$INPUT_TOPIC" --output-topic "$OUTPUT_TOPIC"'
    )
    return f"exec {shlex.join(java)} {told}"


def check(data: Any, name: str) -> str:
    return str(next(one["held"] for one in data["checks"] if name in one["check"]))


def test_kafkas_own_copier_passes(verify: Verify, lab: LabState, made: list[str]) -> None:
    code, answer = verify(
        "--exec", copier(lab), "--id", "json:id", "--partitions", "1", "--messages", "200", "--crashes", "2",
        "--faults", "kill", "--crash-points", "before-transaction-commit,after-transaction-commit", "--seed", "3",
        "--ordered",
    )  # fmt: skip
    data = answer["data"]
    assert (code, data["verdict"], data["duplicates"], data["missed"], data["aborted_seen"]) == (0, "pass", 0, 0, 0), (
        data
    )
    assert {one["held"] for one in data["checks"]} == {"yes"}
    assert "transaction-commit" in data["seen"]
    assert "offset-commit" not in data["seen"], "its offsets go with the transaction"
    assert [one["at_ms"] is not None for one in data["history"]] == [True, True]
    assert [one["ended"] for one in data["ran"]].count("killed") >= 2
    assert answer["warnings"] == []
    _nothing_is_left(lab, made)


def test_the_same_with_offsets_committed_by_the_consumer_is_found_out(verify: Verify) -> None:
    code, answer = verify(
        "--exec", python("copier.py", "--offsets", "consumer"), "--messages", "150", "--crashes", "1",
        "--faults", "kill", "--crash-points", "before-offset-commit", "--seed", "3",
    )  # fmt: skip
    data = answer["data"]
    assert (code, data["verdict"], data["missed"]) == (3, "fail", 0), data
    assert data["duplicates"] > 0
    first = data["stories"][0]
    assert first["what"] == "duplicate"
    assert first["between"][0].startswith("kill (before-offset-commit)")
    assert [one["by"] for one in first["handled"]] == ["your program run 1", "your program run 2"]


def test_the_same_that_reads_what_was_aborted_is_found_out(verify: Verify) -> None:
    code, answer = verify(
        "--exec", python("copier.py", "--isolation", "read_uncommitted"), "--messages", "150", "--crashes", "1",
        "--faults", "kill", "--crash-points", "after-transaction-commit", "--seed", "3",
    )  # fmt: skip
    data = answer["data"]
    assert (code, data["verdict"], data["duplicates"], data["missed"]) == (3, "fail", 0, 0), data
    assert data["aborted_seen"] > 0
    assert check(data, "aborted") == "no"


def test_select_then_insert_with_two_instances_is_found_out(
    verify: Verify, lab: LabState, database: str, tmp_path: Path
) -> None:
    report = tmp_path / "proof.html"
    code, answer = verify(
        "--exec", python("select_then_insert.py"), "--instances", "2", "--schema-sql", str(CONSUMERS / "tables.sql"),
        "--check-sql", str(CONSUMERS / "payments.sql"), "--messages", "150", "--crashes", "1", "--faults", "pause",
        "--crash-points", "before-database-commit", "--seed", "3", "--report", str(report),
    )  # fmt: skip
    data = answer["data"]
    assert (code, data["verdict"], data["missed"]) == (3, "fail", 0), data
    assert data["duplicates"] > 0
    assert data["stories"][0]["between"][0].startswith("pause (before-database-commit)")
    page = report.read_text(encoding="utf-8")
    assert data["stories"][0]["told"].split(";")[0] in page
    assert "<svg" in page
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'eosctl%'").fetchall() == []


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_one_statement_that_claims_the_id_passes_where_the_look_was_found_out(verify: Verify) -> None:
    code, answer = verify(
        "--exec", python("select_then_insert.py", "--claim"), "--instances", "2", "--schema-sql",
        str(CONSUMERS / "tables.sql"), "--check-sql", str(CONSUMERS / "payments.sql"), "--quick", "--seed", "6",
    )  # fmt: skip
    data = answer["data"]
    assert (code, data["verdict"], data["duplicates"], data["missed"]) == (0, "pass", 0, 0), data
    assert ("pause", "before-database-commit") in [
        (one["fault"]["kind"], one["fault"]["point"]) for one in data["history"]
    ]


def test_topics_and_tables_of_ones_own_are_not_written_to_without_leave(
    verify: Verify, lab: LabState, make_topic: Callable[..., str]
) -> None:
    topic = make_topic()
    producer = clients.librdkafka_settings(lab)
    from confluent_kafka import Producer

    one = Producer(producer)
    one.produce(topic, b"an order")
    assert one.flush(LIMIT_S) == 0
    code, answer = verify("--exec", "true", "--input-topic", topic)
    assert (code, answer["errors"][0]["code"]) == (7, "not_fresh")
    code, answer = verify("--exec", "true", "--check-sql", str(CONSUMERS / "payments.sql"))
    assert (code, answer["errors"][0]["code"]) == (7, "not_fresh")


def test_a_program_that_ends_at_once_is_told_with_its_own_words(verify: Verify, lab: LabState, made: list[str]) -> None:
    code, answer = verify("--exec", "echo no licence; exit 4", "--messages", "100", "--crashes", "1")
    (error,) = answer["errors"]
    assert (code, error["code"]) == (1, "program_failed")
    assert "ended with 4" in error["message"]
    assert "no licence" in json.dumps(answer["errors"])
    _nothing_is_left(lab, made)


def _nothing_is_left(lab: LabState, made: list[str]) -> None:
    (name,) = made
    admin = clients.librdkafka_admin(lab)

    def left() -> list[str]:
        topics = [one for one in admin.list_topics(timeout=LIMIT_S).topics if one.startswith(name)]
        groups = admin.list_consumer_groups(request_timeout=LIMIT_S).result(LIMIT_S).valid
        return [*topics, *(one.group_id for one in groups if one.group_id == name)]

    wait_until(lambda: not left(), limit_s=60)
