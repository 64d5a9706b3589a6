"""Real crash tests: two strategies pass and their controls are found out; a wrong consumer is; nothing is left."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from fixtures.lab import LIMIT_S, wait_until

from eosctl.adapters.gateways import LiveGateways
from eosctl.core.errors import OperationFailed
from eosctl.core.progress import NeverStop, Silent
from eosctl.domain.proof.counting import count
from eosctl.domain.proof.faults import Fault
from eosctl.domain.strategies.scaffolding import scaffold
from eosctl.lab import clients
from eosctl.lab.state import LabState
from eosctl.operations import verify
from eosctl.operations.verify import VerifyParams
from eosctl.ports.verify import Trial
from eosctl.proof.gateway import LocalProof
from eosctl.proof.servers import Servers


class Gateways(LiveGateways):
    """The lab's, with the crash test wired in as the command line does it."""

    verify: LocalProof


@pytest.fixture
def gateways(lab: LabState, database: str) -> Iterator[Any]:
    kafka = {"bootstrap.servers": lab.bootstrap_servers}
    made = Gateways(
        kafka=kafka, dsn=database, profile={}, timeout_ms=60_000, progress=Silent(), stop=NeverStop()
    )  # fmt: skip
    made.verify = LocalProof(kafka, database, progress=Silent(), stop=NeverStop())
    yield made
    made.close()


@pytest.mark.parametrize("name", ["kafka-transactions", "dedup-table"])
def test_a_strategy_passes_and_its_control_is_found_out(
    gateways: Any, lab: LabState, database: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    named = Servers.name
    monkeypatch.setattr(Servers, "name", lambda servers: names.append(named(servers)) or names[-1])
    report = verify.run(gateways, VerifyParams(strategy=name, messages=200, crashes=4, seed=5))
    proof = report.data
    assert (proof.verdict, proof.exactly_once, int(report.exit_code)) == ("pass", True, 0), proof
    assert (proof.unique_processed, proof.duplicates, proof.missed) == (200, 0, 0)
    assert proof.restarts >= 3, "the kills should have come"
    assert proof.control.duplicates > 0
    assert report.warnings == ()
    _nothing_is_left(lab, database, names)


def _nothing_is_left(lab: LabState, dsn: str, names: list[str]) -> None:
    assert len(names) == 2
    admin = clients.librdkafka_admin(lab)
    wait_until(lambda: not [one for one in admin.list_topics(timeout=LIMIT_S).topics if one.startswith(tuple(names))])
    groups = admin.list_consumer_groups(request_timeout=LIMIT_S).result(LIMIT_S).valid
    assert [one.group_id for one in groups if one.group_id in names] == []
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'eosctl%'").fetchall()
    assert found == []


def test_a_consumer_that_checks_before_it_inserts_is_found_out_by_a_zombie(gateways: Any) -> None:
    """The textbook's SELECT, then INSERT: right with one instance that is killed, wrong with two at once."""
    made = scaffold("dedup-table", "python")
    text = made.files["consumer.py"]
    claim = "if database.execute(CLAIM, claim).fetchone():"
    assert text.count(claim) == 1
    checked = (
        'if not database.execute("SELECT 1 FROM processed_messages WHERE message_id = %s", claim[:1]).fetchone():\n'
        "        database.execute(CLAIM, claim)"
    )
    files = {**made.files, "consumer.py": text.replace(claim, checked)}
    slow = files["consumer.py"].replace('crash_point("before-database-commit")', "__import__('time').sleep(0.1)")
    pause = (Fault("pause", "consumer.py", 40),)
    wrong = Trial(made, {**files, "consumer.py": slow}, 1_000, pause)
    try:
        (seen,) = gateways.verify.side_by_side([wrong])
    finally:
        assert gateways.verify.tidy() == ()
    tally = count(seen.effects, messages=1_000, restarts=seen.restarts)
    assert seen.course.history[0].at_ms is not None
    assert tally.duplicates > 0, tally
    assert tally.missed == 0


def test_a_program_that_can_not_run_ends_with_its_own_words(gateways: Any) -> None:
    made = scaffold("at-least-once", "python")
    files = {**made.files, "consumer.py": "raise SystemExit('no licence')"}
    broken = Trial(replace(made, files=files), files, 100, ())
    try:
        with pytest.raises(OperationFailed) as raised:
            gateways.verify.side_by_side([broken])
    finally:
        assert gateways.verify.tidy() == ()
    assert raised.value.code == "program_failed"
    assert "no licence" in raised.value.why


def test_the_command_speaks_json(lab: LabState, database: str, capfd: pytest.CaptureFixture[str]) -> None:
    from eosctl.cli.main import main

    with pytest.raises(SystemExit) as ended:
        main(
            ["verify", "idempotent-producer", "--messages", "200", "--crashes", "4", "--seed", "1", "-o", "json",
             "--bootstrap-server", lab.bootstrap_servers, "--dsn", database]
        )  # fmt: skip
    data = json.loads(capfd.readouterr().out)["data"]
    assert ended.value.code == 0
    assert (data["verdict"], data["missed"], data["seed"]) == ("pass", 0, 1)
    assert data["control"]["missed"] > 0


def test_an_idempotent_producer_doubles_nothing_when_answers_are_lost_and_one_that_is_not_does(gateways: Any) -> None:
    params = VerifyParams(strategy="idempotent-producer", messages=300, crashes=4, seed=3, faults="lost-ack")
    report = verify.run(gateways, params)
    proof = report.data
    assert (proof.promise, proof.verdict) == ("exactly once", "pass"), proof
    assert (proof.unique_processed, proof.duplicates, proof.missed) == (300, 0, 0)
    assert (proof.control.duplicates > 0, proof.control.missed) == (True, 0)
    assert proof.control.without == "the broker is not told what was sent before"
