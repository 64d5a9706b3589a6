"""The outbox-cdc scaffold with Debezium on a real Connect: each part is killed, and each order counts once."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import NewTopic
from fixtures.cdc import CONNECT_LIMIT_S, Cdc, Worker, committed
from fixtures.lab import LIMIT_S, wait_until
from fixtures.scaffolds import ScaffoldRun
from psycopg import conninfo

from eosctl.domain.strategies.scaffolding import LANGUAGES, scaffold
from eosctl.lab import clients

_ORDERS = 200
_SLOW = (pytest.mark.slow, pytest.mark.timeout(1_800))


@pytest.fixture
def cdc_run(worker: Worker, cdc_database: str, tmp_path: Path) -> Iterator[ScaffoldRun]:
    """A room for the scaffold beside Connect."""
    admin = clients.librdkafka_admin(worker.lab)

    def make(partitions: int = 3, *, suffix: str = "", **_: str) -> str:
        name = f"t-{uuid.uuid4().hex[:12]}{suffix}"
        admin.create_topics([NewTopic(name, partitions, 1)])[name].result(LIMIT_S)
        wait_until(lambda: len(admin.list_topics(name, timeout=LIMIT_S).topics[name].partitions) == partitions)
        return name

    run = ScaffoldRun(worker.lab, cdc_database, make, tmp_path / "scaffold")
    try:
        yield run
    finally:
        run.stop_all()


@pytest.mark.parametrize(
    ("language", "broken"),
    [("python", False), ("python", True)]
    + [pytest.param(one, False, marks=_SLOW) for one in LANGUAGES if one != "python"],
)
def test_an_outbox_that_debezium_reads_is_processed_once(
    worker: Worker, cdc_run: ScaffoldRun, tmp_path: Path, language: str, broken: bool
) -> None:
    made = scaffold("outbox-cdc", language)
    cdc_run.prepare(made, made.broken() if broken else made.files, _ORDERS)
    cdc_run.read_events()
    connectors = Cdc(worker, cdc_run.dsn, tmp_path)
    try:
        _carried_over(worker, cdc_run, connectors)
    finally:
        connectors.end()
    assert cdc_run.missed() == []
    assert bool(cdc_run.doubled()) == broken, cdc_run.log()


def _carried_over(worker: Worker, run: ScaffoldRun, connectors: Cdc) -> None:
    """Half of the orders before the connector is there and while it is killed, the rest afterwards."""
    assert run.crash("service", point="before-business-commit", occurrence=_ORDERS // 2)
    _run_connector(run, connectors)
    assert run.crash("service", point="after-business-commit", occurrence=_ORDERS // 2 + 20)
    worker.kill()
    assert run.start("service").wait(60) == 0, run.log()
    worker.start()
    died = [run.crash("consumer", point=one, occurrence=2) for one in ("after-effect", "before-database-commit")]
    died += [run.crash("consumer", point=one, occurrence=1) for one in ("after-database-commit", "after-offset-commit")]
    assert any(died), run.log()
    consumer = run.start("consumer")
    wait_until(lambda: run.missed() == [] and _read_to_the_end(run), limit_s=CONNECT_LIMIT_S)
    run.end(consumer)


def _read_to_the_end(run: ScaffoldRun) -> bool:
    """Whether the group has committed behind the last record; the markers of Connect's transactions follow it."""
    ends = {one.partition(): one.offset() + 1 for one in committed(run.lab, run.input_topic)}
    positions = run.positions()
    return all(positions[partition] >= end for partition, end in ends.items())


def _run_connector(run: ScaffoldRun, connectors: Cdc) -> None:
    """The scaffold's own connector.json, with this database, this login and a slot that no other test has."""
    login = conninfo.conninfo_to_dict(run.dsn)
    config = json.loads((run.folder / "connector.json").read_text(encoding="utf-8"))["config"]
    config |= {
        "database.hostname": str(login["host"]),
        "database.port": str(login["port"]),
        "database.user": str(login["user"]),
        "database.password": str(login.get("password", "")),
        "database.dbname": str(login["dbname"]),
        "slot.name": f"s_{uuid.uuid4().hex[:12]}",
    }
    connectors.run(config)
