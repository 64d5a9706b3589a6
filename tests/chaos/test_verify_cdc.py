"""verify outbox-cdc on a real Connect: it passes, its control is found out, and nothing stays behind."""

from typing import Any

import psycopg
import pytest
from fixtures.cdc import Worker
from fixtures.lab import LIMIT_S, wait_until

from eosctl.cli.settings import Settings
from eosctl.cli.wiring import CliGateways
from eosctl.core.progress import NeverStop, Silent
from eosctl.lab import clients
from eosctl.lab.connect import connect_url
from eosctl.operations import verify
from eosctl.operations.verify import VerifyParams
from eosctl.proof.servers import Servers


def test_an_outbox_by_debezium_passes_and_its_control_is_found_out(
    worker: Worker, cdc_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    named = Servers.name
    monkeypatch.setattr(Servers, "name", lambda servers: names.append(named(servers)) or names[-1])
    settings = Settings(
        kafka={"bootstrap.servers": worker.lab.bootstrap_servers}, dsn=cdc_database, timeout_ms=20_000,
        sections={"connect": {"url": connect_url(worker.lab)}},
    )  # fmt: skip
    gateways = CliGateways(settings, progress=Silent(), stop=NeverStop())
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
