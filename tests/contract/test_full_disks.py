"""A lab's servers on a full disk: each refuses to write and ends, and comes back with all that it had acknowledged."""

import platform
import resource
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest
from fixtures.lab import BREAKABLE, wait_until

from eosctl.core.errors import Refused
from eosctl.core.progress import NeverStop, Silent
from eosctl.lab import clients, full_disk, server_faults
from eosctl.lab.gateway import LocalLab
from eosctl.lab.processes import is_running, kill, start
from eosctl.lab.state import LabProcess, LabState, known_state
from eosctl.proof.gateway import LocalProof

TOPIC = "t-full-disk"
ENDS_WITHIN_S = 60.0


def test_a_database_on_a_full_disk_refuses_ends_and_comes_back(breakable_lab: LabState) -> None:
    with psycopg.connect(breakable_lab.dsn) as connection:
        connection.execute("CREATE TABLE paid (id TEXT)")
        connection.execute("INSERT INTO paid VALUES ('acknowledged')")
    with closing(psycopg.connect(breakable_lab.dsn, autocommit=True)) as at_work:

        def refused() -> None:
            with pytest.raises(psycopg.Error):
                at_work.execute("INSERT INTO paid VALUES ('refused')")

        _ends_of_it_and_comes_back("postgres", "database", refused)
    with psycopg.connect(breakable_lab.dsn) as connection:
        connection.execute("INSERT INTO paid VALUES ('room again')")
        assert connection.execute("SELECT id FROM paid ORDER BY id").fetchall() == [("acknowledged",), ("room again",)]


def test_a_broker_on_a_full_disk_refuses_ends_and_comes_back(breakable_lab: LabState) -> None:
    assert _sent(breakable_lab, "acknowledged", limit_ms=60_000)
    _ends_of_it_and_comes_back("broker-1", "kafka", lambda: _is_not_sent(breakable_lab))
    assert sum(clients.ends(breakable_lab, TOPIC, [0], committed=True).values()) == 1
    assert _sent(breakable_lab, "room again", limit_ms=60_000)
    assert sum(clients.ends(breakable_lab, TOPIC, [0], committed=True).values()) == 2


def test_a_server_that_nobody_writes_to_ends_of_it_too(breakable_lab: LabState) -> None:
    before = _process("postgres")
    LocalLab().fill_disk(BREAKABLE, "database")
    assert _process("postgres").pid != before.pid
    assert not is_running(before)
    psycopg.connect(breakable_lab.dsn).close()
    log = breakable_lab.path("logs", "postgres.log").read_text(encoding="utf-8")
    assert "eosctl: disk-full: this server can write to no file any more" in log


def test_limits_are_lifted_from_parent_and_child_whatever_comes_between(tmp_path: Path) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    parent = start("idle", ["sh", "-c", "sleep 600 & wait"], log=tmp_path / "log")
    try:
        wait_until(lambda: psutil.Process(parent.pid).children())
        both = [psutil.Process(parent.pid), *psutil.Process(parent.pid).children()]

        def interrupted() -> None:
            with full_disk.full(parent):
                assert [one.rlimit(psutil.RLIMIT_FSIZE) for one in both] == [(0, usual[1])] * 2
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert [one.rlimit(psutil.RLIMIT_FSIZE) for one in both] == [usual] * 2
    finally:
        kill(parent)


def test_a_disk_is_full_only_where_it_can_be(breakable_lab: LabState, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = {"bootstrap.servers": breakable_lab.bootstrap_servers}

    def proof(dsn: str | None) -> LocalProof:
        return LocalProof(kafka, dsn, progress=Silent(), stop=NeverStop(), lab=LocalLab())

    for dsn in (None, breakable_lab.dsn, f"{breakable_lab.dsn}?options=-csearch_path%3Dorders"):
        proof(dsn).require_lab_database()
    proof(breakable_lab.dsn).require_full_disk()
    with monkeypatch.context() as named:
        named.setenv("PGHOST", "localhost")
        named.setenv("PGPORT", str(breakable_lab.ports["postgres"]))
        proof("").require_lab_database()
    for other in ("", "postgresql://postgres@db.example/postgres", "postgresql://127.0.0.1:1/postgres"):
        with pytest.raises(Refused) as raised:
            proof(other).require_lab_database()
        assert raised.value.code == "not_a_lab"
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    with pytest.raises(Refused) as raised:
        proof(breakable_lab.dsn).require_full_disk()
    assert raised.value.code == "no_full_disk"
    assert "Linux" in raised.value.why


def _ends_of_it_and_comes_back(role: str, server: str, refused: Callable[[], None]) -> None:
    before = _process(role)
    with full_disk.full(before):
        refused()
        wait_until(lambda: not is_running(before), limit_s=ENDS_WITHIN_S)
    server_faults.fill_disk(known_state(BREAKABLE), server)
    assert _process(role).pid != before.pid
    assert is_running(_process(role))


def _process(role: str) -> LabProcess:
    found = known_state(BREAKABLE).process(role)
    assert found is not None
    return found


def _is_not_sent(state: LabState) -> None:
    assert not _sent(state, "refused", limit_ms=4_000)


def _sent(state: LabState, text: str, *, limit_ms: int) -> bool:
    """Whether the broker has acknowledged it."""
    from confluent_kafka import Producer

    answers: list[bool] = []
    producer = Producer({**clients.librdkafka_settings(state), "allow.auto.create.topics": True,
                         "message.timeout.ms": limit_ms, "acks": "all"})  # fmt: skip
    producer.produce(TOPIC, text.encode(), on_delivery=lambda error, _: answers.append(error is None))
    producer.flush(limit_ms / 1_000 + 30)
    return answers == [True]
