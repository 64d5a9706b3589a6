"""verify outbox-cdc on a real Connect: it passes, its control is found out, and nothing stays behind."""

from typing import Any

import psycopg
import pytest
from fixtures.cdc import Worker
from fixtures.lab import LIMIT_S, wait_until

from eosctl.cli.settings import Settings
from eosctl.cli.wiring import CliGateways
from eosctl.core.progress import NeverStop, Silent
from eosctl.domain.cdc_config import PASSWORD_REFERENCE, CdcWish
from eosctl.domain.proof.counting import count
from eosctl.domain.proof.faults import Fault
from eosctl.domain.strategies.scaffolding import scaffold
from eosctl.lab import clients, engine
from eosctl.lab.connect import ROLE, connect_url
from eosctl.lab.gateway import LocalLab
from eosctl.lab.processes import is_running
from eosctl.lab.state import known_state
from eosctl.operations import verify
from eosctl.operations.verify import VerifyParams
from eosctl.ports.verify import Trial
from eosctl.proof.servers import Servers


def test_an_outbox_by_debezium_passes_and_its_control_is_found_out(
    worker: Worker, cdc_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    named = Servers.name
    monkeypatch.setattr(Servers, "name", lambda servers: names.append(named(servers)) or names[-1])
    gateways = gateways_of(worker, cdc_database)
    try:
        report = verify.run(gateways, VerifyParams(strategy="outbox-cdc", messages=200, crashes=6, seed=11))
    finally:
        gateways.close()
    proof: Any = report.data
    assert (proof.verdict, proof.exactly_once, report.warnings) == ("pass", True, ()), proof
    assert (proof.unique_processed, proof.duplicates, proof.missed) == (200, 0, 0)
    assert {came.fault.program for came in proof.history if came.at_ms is not None} == {"service.py", "consumer.py"}
    assert proof.control.duplicates > 0
    found = {one.check: one.found for one in proof.checks}
    assert found["outbox rows and topic agree"] == "200 rows, 0 not in the topic, 0 records without a row"
    _nothing_is_left(worker, cdc_database, names)


def test_a_labs_connect_is_killed_and_comes_back(worker: Worker) -> None:
    before = worker.process
    engine.record_process(worker.lab, before)  # another test may have started it
    try:
        LocalLab().break_server(worker.lab.name, "connect-kill")
    finally:
        worker.process = known_state(worker.lab.name).process(ROLE) or before
    assert worker.process.pid != before.pid
    assert is_running(worker.process)
    assert not is_running(before)
    assert isinstance(worker.ask("GET", "/connectors"), list)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_outbox_by_debezium_outlives_its_connect(worker: Worker, cdc_database: str) -> None:
    """The reduced form is above: the whole trial, and the worker killed alone."""
    engine.record_process(worker.lab, worker.process)
    faults = (Fault("connect-kill", "service.py", 30), Fault("kill", "consumer.py", 30, "after-database-commit", 2))
    made = scaffold("outbox-cdc", "python")
    trial = Trial(made, made.files, 2_000, faults, CdcWish("", PASSWORD_REFERENCE))
    gateways = gateways_of(worker, cdc_database)
    try:
        (seen,) = gateways.verify.side_by_side([trial])
    finally:
        worker.process = known_state(worker.lab.name).process(ROLE) or worker.process
        assert gateways.verify.tidy() == ()
        gateways.close()
    tally = count(seen.effects, messages=2_000, restarts=seen.restarts)
    assert (tally.exactly_once, tally.missed, tally.duplicates) == (True, 0, 0), tally
    assert all(came.at_ms is not None for came in seen.course.history)


def gateways_of(worker: Worker, dsn: str) -> CliGateways:
    settings = Settings(kafka={"bootstrap.servers": worker.lab.bootstrap_servers}, dsn=dsn, timeout_ms=60_000,
                        sections={"connect": {"url": connect_url(worker.lab)}})  # fmt: skip
    return CliGateways(settings, progress=Silent(), stop=NeverStop())


def _nothing_is_left(worker: Worker, dsn: str, names: list[str]) -> None:
    assert len(names) == 2
    assert [one for one in worker.ask("GET", "/connectors") if one in names] == []
    admin = clients.librdkafka_admin(worker.lab)
    wait_until(
        lambda: (
            not [topic for topic in admin.list_topics(timeout=LIMIT_S).topics if any(name in topic for name in names)]
        )
    )
    with psycopg.connect(dsn) as connection:
        for query in (
            "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()",
            "SELECT pubname FROM pg_publication",
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'eosctl%'",
        ):
            assert connection.execute(query.encode()).fetchall() == []
