"""What `cdc` prints: configuration in three forms, findings, a slot's verdicts, a restart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fixtures.golden import Golden

from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Receipt
from eosctl.domain.cdc_config import ConnectorWish, as_config, choices
from eosctl.domain.cdc_findings import Facts, Role
from eosctl.domain.cdc_slot import SlotSample
from eosctl.domain.connect import ConnectorStatus, TaskStatus, short_trace
from eosctl.domain.outbox import ROLES, OutboxMapping
from eosctl.domain.tables import CatalogueColumn, TableCatalogue, TableName
from eosctl.operations.cdc import config, lint, restart, status
from eosctl.operations.outbox_table import OutboxTable

TABLE = TableName("outbox", "shop")
MAPPING = OutboxMapping(table=TABLE)
CATALOGUE = TableCatalogue(TABLE, "table", tuple(CatalogueColumn(one, "text", True) for one in ROLES))
SERVER = {"database": "shop", "host": "10.0.0.5/32", "port": "5432"}
SEEN = config.CdcConfigSeen(OutboxTable(MAPPING, CATALOGUE), SERVER)
GOOD = as_config(choices(MAPPING, ConnectorWish(name="outbox", prefix="outbox", slot="eosctl_outbox", host="10.0.0.5",
                                                publication="eosctl_outbox", port=5_432, database="shop",
                                                user="debezium")))  # fmt: skip
PUBLISHED = {"inserts": True, "via_root": False, "has_table": True}
FACTS = Facts(mapping=MAPPING, catalogue=CATALOGUE, max_slot_wal_keep_size="10GB", publication=PUBLISHED, role=Role(),
              database="shop")  # fmt: skip
OLD = {
    "name": "outbox",
    "connector.class": GOOD["connector.class"],
    "database.hostname": "10.0.0.5",
    "database.user": "debezium",
    "database.password": "hunter2",
    "database.dbname": "shop",
    "database.server.name": "shop",
    "table.whitelist": "shop.outbox",
    "transforms": "outbox",
    "transforms.outbox.type": GOOD["transforms.outbox.type"],
    "transforms.outbox.table.field.event.type": "event_type",
}
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1_000)
MIB = 1_048_576
SLOT = SlotSample("eosctl_outbox", True, "pgoutput", "reserved", 8_000 * MIB, "1/6B3748A0", 4 * MIB, 65_536, None,
                  90_000 * MIB, NOW)  # fmt: skip
TRACE = short_trace(
    "org.apache.kafka.connect.errors.ConnectException: An exception occurred in the change event producer.\n\tat a.B\n"
    'Caused by: org.postgresql.util.PSQLException: ERROR: publication "eosctl_outbox" does not exist\n'
)


def connector(*states: str) -> ConnectorStatus:
    parts = tuple(TaskStatus(n - 1, one, "10.0.0.9:8083", TRACE if one == "FAILED" else "") for n, one in
                  enumerate(states))  # fmt: skip
    return ConnectorStatus("outbox", parts)


WELL = status.CdcSeen(connector("RUNNING", "RUNNING"), GOOD, "eosctl_outbox",
                      (SLOT, replace(SLOT, now=NOW + timedelta(seconds=2), confirmed_lsn="1/6B3749D8")), "10GB",
                      PUBLISHED, NOW_MS - 4_000, NOW_MS, True)  # fmt: skip


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("json", {}),
        ("properties", {"form": "properties", "exactly_once": True}),
        ("sql", {"form": "sql", "snapshot": "no_data", "user": "cdc reader"}),
        ("explain", {"explain": True, "exactly_once": True}),
    ],
)
def test_config(golden: Golden, case: str, changes: dict[str, Any]) -> None:
    golden.report("cdc.config", case, config.report(SEEN, config.CdcConfigParams(**changes)))


@pytest.mark.parametrize(
    ("case", "given", "facts", "changes", "code"),
    [
        ("clean", GOOD, {}, {"connector": "outbox"}, ExitCode.DONE),
        ("old", OLD, {"publication": None, "role": Role(makes_publications=False)}, {"file": "old.json"},
         ExitCode.PROBLEM),
        ("fix", OLD, {"publication": None, "role": Role(makes_publications=False)}, {"file": "old.json", "fix": True},
         ExitCode.PROBLEM),
        ("fixed", OLD, {"role": Role(makes_publications=False)}, {"file": "old.json", "fix": True}, ExitCode.DONE),
        ("server", GOOD, {"wal_level": "replica", "max_slot_wal_keep_size": "-1", "relays": 1}, {"file": "new.json"},
         ExitCode.PROBLEM),
    ],
)  # fmt: skip
def test_lint(
    golden: Golden, case: str, *, given: dict[str, str], facts: dict[str, Any], changes: dict[str, Any], code: ExitCode
) -> None:
    report = lint.report(lint.LintSeen(given, replace(FACTS, **facts)), lint.CdcLintParams(**changes))
    assert report.exit_code is code
    golden.report("cdc.lint", case, report)


LAGGING = (replace(SLOT, active=False, retained_bytes=2_000 * MIB, inactive_since=NOW - timedelta(hours=3)),
           replace(SLOT, active=False, retained_bytes=2_010 * MIB, safe_wal_bytes=6_000 * MIB,
                   inactive_since=NOW - timedelta(hours=3), now=NOW + timedelta(seconds=2)))  # fmt: skip
LOST = replace(SLOT, active=False, wal_status="lost", safe_wal_bytes=None, retained_bytes=None, confirmed_lsn=None,
               unconfirmed_bytes=None)  # fmt: skip


@pytest.mark.parametrize(
    ("case", "changes", "codes"),
    [
        ("ok", {}, []),
        ("lagging", {"connector": connector("RUNNING", "FAILED"), "samples": LAGGING},
         ["slot_inactive", "slot_forecast", "connector_failed"]),
        ("missing", {"connector": connector("STOPPED"), "samples": ()}, ["slot_missing", "connector_halted"]),
        ("not_made", {"connector": connector("RUNNING", "FAILED"), "samples": (), "begun": False, "publication": None,
                      "heartbeat_ms": None}, ["slot_not_made", "connector_failed", "publication_missing"]),
        ("lost", {"connector": None, "config": {}, "samples": (LOST, LOST), "publication": None, "heartbeat_ms": None},
         ["slot_lost"]),
        ("silent", {"heartbeat_ms": NOW_MS - 61_000}, ["heartbeat_overdue"]),
        ("no_inserts", {"publication": {**PUBLISHED, "inserts": False}}, ["publication_without_inserts"]),
    ],
)  # fmt: skip
def test_status(golden: Golden, case: str, changes: dict[str, Any], codes: list[str]) -> None:
    report = status.report(replace(WELL, **changes), status.CdcStatusParams())
    assert [one.code for one in report.errors] == codes
    assert report.exit_code is (ExitCode.PROBLEM if codes else ExitCode.DONE)
    golden.report("cdc.status", case, report)


def test_a_heartbeat_may_be_as_old_as_its_interval_makes_it() -> None:
    slow = {**GOOD, "heartbeat.interval.ms": "600000"}
    report = status.report(replace(WELL, config=slow, heartbeat_ms=NOW_MS - 3_000_000), status.CdcStatusParams())
    assert report.errors == ()


def test_restart(golden: Golden) -> None:
    seen = restart.RestartSeen("http://10.0.0.9:8083", connector("RUNNING", "FAILED"))
    plan = restart.plan(seen, restart.CdcRestartParams())
    before = {"connector": "RUNNING", "task 0": "FAILED"}
    done = Receipt(plan.steps[0], "done", before, {"connector": "RUNNING", "task 0": "RUNNING"}, verified=True)
    golden.change("cdc.restart", "done", plan, [done])
    failed = Receipt(plan.steps[0], "failed", before, {}, code="still_failed", message=f"outbox does not run. {TRACE}")
    golden.change("cdc.restart", "failed", plan, [failed])


def test_restart_has_nothing_to_do_when_all_runs() -> None:
    plan = restart.plan(restart.RestartSeen("http://c", connector("RUNNING", "RUNNING")), restart.CdcRestartParams())
    assert (plan.steps, plan.warnings) == ((), ())
