"""Debezium on a real Connect: the generated configuration runs, the linted one too, and a sick slot is said."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fixtures.cdc import CONNECT_LIMIT_S, Cdc, Worker, in_order
from fixtures.lab import wait_until
from fixtures.outbox import header

from eosctl.cli.settings import Settings
from eosctl.cli.wiring import CliGateways
from eosctl.core.progress import NeverStop, Silent
from eosctl.domain import cdc_keys
from eosctl.domain.bench.measuring import BenchWish
from eosctl.domain.cdc_config import CONNECTOR_CLASS, ROUTER, CdcWish
from eosctl.domain.cdc_config import PASSWORD_REFERENCE as PASSWORD
from eosctl.lab.connect import connect_url

DOMAIN = Path(cdc_keys.__file__).parent
PARTITIONED = """
DROP TABLE outbox;
CREATE TABLE outbox (id uuid DEFAULT gen_random_uuid(), aggregate_type text, aggregate_id text, event_type text,
  payload jsonb, created_at timestamptz DEFAULT now(), published_at timestamptz, retry_count int, last_error text)
  PARTITION BY RANGE (created_at);
CREATE TABLE outbox_now PARTITION OF outbox DEFAULT;
"""


@pytest.mark.parametrize(
    ("file", "plugin"), [("debezium_connector_keys.txt", CONNECTOR_CLASS), ("debezium_router_keys.txt", ROUTER)]
)
def test_the_known_keys_are_those_that_connect_itself_names(
    worker: Worker, file: str, plugin: str, pytestconfig: pytest.Config
) -> None:
    answered = worker.ask("GET", f"/connector-plugins/{plugin}/config")
    keys = sorted(one["name"] for one in answered if "(" not in one["name"])
    if pytestconfig.getoption("--update-goldens"):
        (DOMAIN / file).write_text("\n".join(keys) + "\n", encoding="utf-8")
    assert (DOMAIN / file).read_text(encoding="utf-8").split() == keys


def test_the_generated_configuration_is_clean_and_sends_rows_of_before_and_after(cdc: Cdc) -> None:
    cdc.add(1)
    config = cdc.generated()
    linted = cdc.eosctl("cdc", "lint", cdc.file(config))
    assert (linted.code, [one["rule"] for one in linted.data["findings"]]) == (0, ["wal_keep"])
    cdc.run(config)
    cdc.add(2)
    records = cdc.wait_for_records(2)
    ids = [str(one) for (one,) in cdc.sql("SELECT id FROM outbox ORDER BY payload ->> 'n'")]
    assert [header(one, "idempotency-key") for one in records] == ids
    assert {(header(one, "event-type"), header(one, "aggregate-type")) for one in records} == {("created", cdc.kind)}
    assert in_order(records) == {"one": [1, 2]}
    wait_until(lambda: cdc.eosctl("cdc", "status", cdc.connector).data["heartbeat_age_ms"] is not None,
               limit_s=CONNECT_LIMIT_S)  # fmt: skip
    status = cdc.eosctl("cdc", "status", cdc.connector)
    assert (status.code, status.data["verdict"], status.data["slot_active"], status.errors) == (0, "ok", True, ())
    assert status.data["publication_inserts"] is True
    assert cdc.eosctl("cdc", "lint", "--connector", cdc.connector).code == 0


def test_a_partitioned_table_and_no_data_run_from_properties(cdc: Cdc) -> None:
    import javaproperties

    cdc.sql(PARTITIONED)
    cdc.add(1)
    config = cdc.generated("--snapshot", "no_data")
    shown = cdc.eosctl("cdc", "config", "--name", cdc.connector, "--user", cdc.user, "--snapshot", "no_data",
                       "--form", "properties")  # fmt: skip
    text = "\n".join(f"{key}={value}".replace("\\", "\\\\") for key, value in shown.data["config"].items())
    assert javaproperties.loads(text) == config
    cdc.run(config)
    cdc.add(2)
    assert in_order(cdc.wait_for_records(1)) == {"one": [2]}


def test_a_relay_and_updates_beside_debezium_are_found(cdc: Cdc) -> None:
    config = {key: value for key, value in cdc.generated().items() if key != "skipped.operations"}
    cdc.add(1)
    cdc.sql("UPDATE outbox SET retry_count = 1")
    relay = subprocess.Popen([sys.executable, "-m", "eosctl", "outbox", "relay", "--yes", "-o", "json"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=cdc.env())  # fmt: skip

    def rules() -> set[str]:
        return {one["rule"] for one in cdc.eosctl("cdc", "lint", cdc.file(config)).data["findings"]}

    try:
        wait_until(lambda: {"relay", "updated"} <= rules(), limit_s=CONNECT_LIMIT_S)
    finally:
        relay.terminate()
        relay.wait(30)
    wait_until(lambda: "relay" not in rules(), limit_s=CONNECT_LIMIT_S)


OLD = {
    "connector.class": CONNECTOR_CLASS,
    "database.hostname": "127.0.0.1",
    "database.password": "hunter2",
    "database.server.name": "shop",
    "slot.name": "Old-Slot",
    "table.whitelist": "public.outbox",
    "transforms": "outbox",
    "transforms.outbox.type": ROUTER,
    "transforms.outbox.table.field.event.type": "event_type",
    "transforms.outbox.route.topic.replacement": "${routedByValue}-events",
}


def test_an_old_style_configuration_is_found_out_and_the_mended_one_runs(cdc: Cdc) -> None:
    cdc.generated()  # makes the role and its grants
    database = psycopg.conninfo.conninfo_to_dict(cdc.dsn)
    old = {**OLD, "database.port": str(database["port"]), "database.user": cdc.user,
           "database.dbname": str(database["dbname"])}  # fmt: skip
    old["slot.name"] += cdc.kind
    linted = cdc.eosctl("cdc", "lint", cdc.file(old, "old.json"))
    found = {(one["rule"], one["key"].removeprefix("transforms.outbox.")) for one in linted.data["findings"]}
    assert linted.code == 3
    assert {("renamed", "database.server.name"), ("renamed", "table.whitelist"), ("plugin", "plugin.name"),
            ("dead", "table.field.event.type"), ("column", "table.field.event.key"), ("column", "route.by.field"),
            ("slot_name", "slot.name"), ("heartbeat", "heartbeat.interval.ms"), ("secret", "database.password"),
            ("publication", "publication.autocreate.mode")} <= found  # fmt: skip
    mended = cdc.eosctl("cdc", "lint", cdc.file(old, "old.json"), "--fix")
    assert "hunter2" not in json.dumps(mended.data)
    config = mended.data["fixed"]
    left = cdc.eosctl("cdc", "lint", cdc.file(config, "new.json"))
    wanted = [one for one in left.data["findings"] if one["severity"] == "error"]
    assert [(one["rule"], one["key"]) for one in wanted] == [("publication", "publication.name")]
    cdc.sql(wanted[0]["mend"])
    assert cdc.eosctl("cdc", "lint", cdc.file(config, "new.json")).code == 0
    cdc.run(config)
    cdc.add(1, 2)
    records = cdc.wait_for_records(2)
    assert in_order(records) == {"one": [1, 2]}
    assert {header(one, "event-type") for one in records} == {"created"}


def test_a_failed_task_is_said_and_restarted_once_its_cause_is_mended(cdc: Cdc) -> None:
    config = cdc.generated()
    cdc.sql(f"DROP PUBLICATION {config['publication.name']}")
    cdc.put(config)
    cdc.wait_for_state("FAILED")
    status = cdc.eosctl("cdc", "status", cdc.connector)
    assert status.code == 3
    assert {"connector_failed", "publication_missing"} <= set(status.errors)
    assert any("ublication" in one["trace"] for one in status.data["parts"])
    again = cdc.eosctl("cdc", "restart", cdc.connector, "--yes", "--timeout", "6s")
    assert again.code != 0
    assert [one["code"] for one in again.data["steps"]] == ["still_failed"]
    cdc.sql(f"CREATE PUBLICATION {config['publication.name']} FOR TABLE outbox WITH (publish = 'insert')")
    assert cdc.eosctl("cdc", "restart", cdc.connector, "--yes", "--timeout", "60s").code == 0
    nothing = cdc.eosctl("cdc", "restart", cdc.connector, "--yes")
    assert (nothing.code, nothing.data["plan"]["steps"]) == (0, [])


def test_a_slot_that_was_never_made_is_not_called_lost(cdc: Cdc) -> None:
    config = cdc.generated()
    cdc.connectors.append(cdc.connector)
    made = {"name": cdc.connector, "config": config, "initial_state": "STOPPED"}
    cdc.worker.ask("POST", "/connectors", made)
    wait_until(lambda: cdc.states(cdc.connector) == ["STOPPED"], limit_s=CONNECT_LIMIT_S)
    status = cdc.eosctl("cdc", "status", cdc.connector)
    assert (status.code, status.errors) == (3, ("slot_not_made", "connector_halted"))


def test_a_dropped_slot_is_said_to_have_lost_events(cdc: Cdc) -> None:
    config = cdc.generated()
    cdc.run(config)
    cdc.add(1)
    cdc.wait_for_records(1)
    wait_until(lambda: cdc.worker.ask("GET", f"/connectors/{cdc.connector}/offsets")["offsets"],
               limit_s=CONNECT_LIMIT_S)  # fmt: skip
    cdc.worker.ask("PUT", f"/connectors/{cdc.connector}/stop")
    cdc.wait_for_slot(config["slot.name"], active=False)
    halted = cdc.eosctl("cdc", "status", cdc.connector)
    assert (halted.code, set(halted.errors)) == (3, {"slot_inactive", "connector_halted"})
    cdc.sql("SELECT pg_drop_replication_slot(%s)", config["slot.name"])
    cdc.add(2)
    status = cdc.eosctl("cdc", "status", cdc.connector)
    assert (status.code, status.errors[0]) == (3, "slot_missing")
    cdc.worker.ask("PUT", f"/connectors/{cdc.connector}/resume")
    cdc.wait_for_state("FAILED")
    failed = cdc.eosctl("cdc", "status", cdc.connector)
    assert (failed.code, failed.errors) == (3, ("slot_missing", "connector_failed"))
    assert "no longer available" in failed.data["parts"][1]["trace"], "the end of a long message is shown too"


@pytest.fixture
def limited(worker: Worker) -> Iterator[None]:
    """A server that gives up slots which keep more than 64 MB."""
    with psycopg.connect(worker.lab.dsn, autocommit=True) as connection:
        for change in ("SET max_slot_wal_keep_size = '64MB'", "RESET max_slot_wal_keep_size"):
            connection.execute(f"ALTER SYSTEM {change}")
            connection.execute("SELECT pg_reload_conf()")
            if change.startswith("SET"):
                yield


@contextmanager
def writing(cdc: Cdc) -> Iterator[None]:
    """WAL is written, a megabyte at a time, as long as the block runs."""
    ended = threading.Event()

    def write() -> None:
        with psycopg.connect(cdc.dsn, autocommit=True) as connection:
            while not ended.wait(0.1):
                connection.execute("SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000))")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_lagging_slot_is_forecast_and_then_really_lost(cdc: Cdc, limited: None) -> None:
    slot = f"lag_{cdc.kind}"
    cdc.sql("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", slot)
    with writing(cdc):
        status = cdc.eosctl("cdc", "status", "--slot", slot, "--sample", "2s")
    data = status.data
    assert (status.code, set(status.errors)) == (3, {"slot_inactive", "slot_forecast"})
    assert data["growth_bytes_per_s"] > 500_000
    assert data["forecast_ends"] == "the slot is invalidated"
    assert data["forecast_ms"] == pytest.approx(data["safe_wal_bytes"] / data["growth_bytes_per_s"] * 1_000, rel=0.01)

    def quiet() -> bool:  # the server's own writes (a checkpoint, autovacuum) may still come for a moment
        still = cdc.eosctl("cdc", "status", "--slot", slot, "--sample", "100ms", "--disk-free-bytes", "1000")
        return bool(still.data["growth_bytes_per_s"] == 0 and still.data["forecast_ms"] is None)

    wait_until(quiet, limit_s=CONNECT_LIMIT_S)
    steady = data["safe_wal_bytes"] // 1_000_000 + 40

    def lost() -> bool:
        cdc.sql("SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000)) FROM generate_series(1, %s)",
                steady)  # fmt: skip
        with psycopg.connect(cdc.dsn, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        rows: list[tuple[Any, ...]] = cdc.sql("SELECT wal_status FROM pg_replication_slots WHERE slot_name = %s", slot)
        return rows == [("lost",)]

    wait_until(lost, limit_s=CONNECT_LIMIT_S)
    gone = cdc.eosctl("cdc", "status", "--slot", slot, "--sample", "100ms")
    assert (gone.code, gone.errors) == (3, ("slot_lost",))


def test_a_slot_nobody_knows_is_missing(cdc: Cdc) -> None:
    status = cdc.eosctl("cdc", "status", "--slot", "no_such_slot")
    assert (status.code, status.errors) == (3, ("slot_missing",))


def test_the_measurement_holds_debezium_beside_the_relay_and_leaves_nothing(cdc: Cdc) -> None:
    wish = BenchWish(areas=("outbox",), rounds=2, cell_ms=20, events=2, record_bytes=100, cdc=CdcWish("", PASSWORD))
    kafka = {"bootstrap.servers": cdc.lab.bootstrap_servers}
    settings = Settings(
        kafka=kafka, dsn=cdc.dsn, timeout_ms=60_000, sections={"connect": {"url": connect_url(cdc.lab)}}
    )
    gateways = CliGateways(settings, progress=Silent(), stop=NeverStop())
    try:
        found = gateways.bench.measure(wish)
    finally:
        gateways.close()
    assert (found.not_measured, found.left) == ((), ())
    rows = {(one.what, one.measure): one for one in found.observations}
    assert {what for what, _ in rows} == {"outbox relay", "Debezium", "Debezium, beside the relay"}
    assert all(min(one.measured) > 0 for one in rows.values())
    assert rows["Debezium, beside the relay", "p50"].plain == rows["outbox relay", "p50"].measured
    assert [one for one in cdc.worker.ask("GET", "/connectors") if "bench" in one] == []
    assert cdc.sql("SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE 'eosctl_bench%'") == []
    assert cdc.sql("SELECT pubname FROM pg_publication") == []
    assert cdc.sql("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'eosctl%'") == []
