"""A lab's servers, broken and up again: what they held is still there, and `lab down` ends the new processes."""

import psycopg
import pytest
from fixtures.lab import SOON_FORGOTTEN

from eosctl.core.errors import Refused, UsageError
from eosctl.core.progress import NeverStop, Silent
from eosctl.domain.lab import LabWish
from eosctl.lab import clients, engine
from eosctl.lab.gateway import LocalLab
from eosctl.lab.processes import is_running
from eosctl.lab.state import known_state
from eosctl.proof.gateway import LocalProof

NAME = "test-faults"


def test_servers_are_broken_and_come_back(home: None) -> None:
    state, _ = engine.up(NAME, LabWish(broker_settings=SOON_FORGOTTEN))
    try:
        _write(state)
        lab = LocalLab()
        for kind, role in (("database-kill", "postgres"), ("broker-kill", "broker-1"), ("broker-restart", "broker-1")):
            before = known_state(NAME).process(role)
            lab.break_server(NAME, kind)
            after = known_state(NAME).process(role)
            assert before is not None
            assert after is not None
            assert after.pid != before.pid
            assert is_running(after)
            assert not is_running(before)
        with psycopg.connect(state.dsn) as connection:
            assert connection.execute("SELECT id FROM paid").fetchall() == [("1",)]
        assert sum(clients.ends(state, "t-faults", [0], committed=True).values()) == 1
        for kind, code in (("disk-full", "unknown_fault"), ("connect-kill", "no_connect")):
            with pytest.raises(UsageError) as raised:
                lab.break_server(NAME, kind)
            assert raised.value.code == code
        proof = LocalProof({"bootstrap.servers": state.bootstrap_servers}, None, progress=Silent(), stop=NeverStop(),
                           lab=lab)  # fmt: skip
        proof.require_lab()
        running = known_state(NAME).processes
    finally:
        engine.down(NAME, purge=True)
    assert not any(is_running(one) for one in running)


def _write(state) -> None:  # type: ignore[no-untyped-def]
    from confluent_kafka import Producer

    with psycopg.connect(state.dsn) as connection:
        connection.execute("CREATE TABLE paid (id TEXT)")
        connection.execute("INSERT INTO paid VALUES ('1')")
    producer = Producer({**clients.librdkafka_settings(state), "allow.auto.create.topics": True})
    producer.produce("t-faults", b"1")
    assert producer.flush(clients.LIMIT_S) == 0


def test_servers_that_are_no_labs_are_not_broken(home: None) -> None:
    proof = LocalProof({"bootstrap.servers": "kafka-1.example:9092"}, None, progress=Silent(), stop=NeverStop(),
                       lab=LocalLab())  # fmt: skip
    with pytest.raises(Refused) as raised:
        proof.require_lab()
    assert raised.value.code == "not_a_lab"
