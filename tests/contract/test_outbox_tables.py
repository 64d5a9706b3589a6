"""Outbox tables on a real PostgreSQL: made, printed, refused, mapped, purged, and held against the consumers' table."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka.admin import NewTopic
from fixtures.lab import LIMIT_S, wait_until
from fixtures.outbox import Outbox, header

from eosctl.lab import clients

DAY = "interval '1 day'"


@pytest.fixture
def bare(outbox: Outbox) -> Outbox:
    """The database without the outbox table."""
    outbox.sql("DROP TABLE outbox")
    outbox.sql("DROP FUNCTION outbox_notify")
    return outbox


def published(outbox: Outbox, count: int, *, days_ago: float) -> None:
    """Events that a relay published so long ago."""
    outbox.sql(
        "INSERT INTO outbox (aggregate_type, aggregate_id, event_type, payload, created_at, published_at) "
        f"SELECT 'o', n::text, 'e', '{{}}', now() - %s * {DAY} - interval '1 minute', now() - %s * {DAY} "
        "FROM generate_series(1, %s) AS n",
        days_ago,
        days_ago,
        count,
    )


def rows(outbox: Outbox, where: str = "true") -> int:
    return int(outbox.sql(f"SELECT count(*) FROM outbox WHERE {where}")[0][0])


def test_printed_statements_make_what_init_makes(bare: Outbox) -> None:
    statements = bare.run("outbox", "init", "--notify", "--print").data["statements"]
    assert bare.sql("SELECT to_regclass('outbox')") == [(None,)]
    with psycopg.connect(bare.dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
    assert bare.eosctl("init", "--notify").data["plan"]["steps"] == []


def test_init_refuses_a_table_that_is_something_else_and_says_how(bare: Outbox) -> None:
    bare.sql("CREATE TABLE outbox (id int, payload text, created_at date, published_at timestamptz)")
    command = [sys.executable, "-m", "eosctl", "outbox", "init", "--yes", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=bare.env(), timeout=300)
    (error,) = json.loads(done.stdout)["errors"]
    assert (done.returncode, error["code"]) == (7, "other_columns")
    for words in ("no column aggregate_type", "created_at is date, not timestamp", "It has id, payload, created_at"):
        assert words in error["message"]
    bare.sql("DROP TABLE outbox")
    bare.sql("CREATE VIEW outbox AS SELECT 1 AS id")
    assert bare.eosctl("init").errors == ("not_a_table",)


def test_init_makes_an_index_anew_that_an_interrupted_run_left_invalid(outbox: Outbox) -> None:
    outbox.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'outbox_pending'::regclass")
    assert outbox.eosctl("status").data["poll_index"] is False
    made = outbox.eosctl("init")
    assert [one["step"] for one in made.data["steps"]] == ["Create poll index outbox_pending"]
    assert outbox.eosctl("status").data["poll_index"] is True


def test_init_drops_no_index_of_another_table(bare: Outbox) -> None:
    bare.sql("CREATE TABLE mine (n int)")
    bare.sql("CREATE INDEX outbox_pending ON mine (n)")
    failed = bare.eosctl("init")
    assert (failed.code, failed.errors) == (5, ("database_error",))
    assert bare.sql("SELECT to_regclass('outbox_pending')::text") == [("outbox_pending",)]


def test_init_is_undone_while_the_table_is_empty_and_not_afterwards(bare: Outbox) -> None:
    made = bare.eosctl("init", "--notify")
    bare.add(1)
    refused = bare.run("undo", made.data["journal_id"], "--yes")
    assert (refused.code, refused.errors) == (5, ("outbox_not_empty",))
    assert rows(bare) == 1
    bare.sql("TRUNCATE outbox")
    assert bare.run("undo", made.data["journal_id"], "--yes").code == 0
    assert bare.sql("SELECT to_regclass('outbox')") == [(None,)]


def test_a_retry_is_undone_with_count_and_error(outbox: Outbox) -> None:
    outbox.add(2, aggregates=2)
    outbox.sql("UPDATE outbox SET retry_count = 10, last_error = 'broken'")
    done = outbox.eosctl("retry", "--all-failed")
    assert outbox.sql("SELECT DISTINCT retry_count, last_error FROM outbox") == [(0, None)]
    assert outbox.run("undo", done.data["journal_id"], "--yes").code == 0
    assert outbox.sql("SELECT DISTINCT retry_count, last_error FROM outbox") == [(10, "broken")]


def test_a_saved_retry_is_refused_when_a_relay_has_failed_since(outbox: Outbox, tmp_path: Path) -> None:
    outbox.add(1)
    outbox.sql("UPDATE outbox SET retry_count = 10, last_error = 'broken'")
    file = str(tmp_path / "plan.json")
    (event_id,) = outbox.sql("SELECT upper(id::text) FROM outbox")[0]
    assert outbox.run("outbox", "retry", event_id, "--plan-out", file).code == 0
    outbox.sql("UPDATE outbox SET retry_count = 11")
    assert outbox.run("apply", file, "--yes").code == 4
    assert outbox.sql("SELECT retry_count FROM outbox") == [(11,)]


def test_a_mark_is_set_cleared_and_taken_back_to_the_microsecond(outbox: Outbox) -> None:
    outbox.add(3, aggregates=1)
    outbox.sql("UPDATE outbox SET retry_count = 10, last_error = 'broken'")
    ids = [one for (one,) in outbox.sql("SELECT id::text FROM outbox ORDER BY created_at, id")]
    marked = outbox.run("outbox", "mark", "--as", "published", *ids[:2], "--yes")
    before = outbox.sql("SELECT id, published_at FROM outbox ORDER BY created_at, id")
    assert [at is None for _, at in before] == [False, False, True]
    refused = outbox.run("outbox", "mark", "--as", "pending", ids[0], "--yes")
    assert (refused.code, refused.errors) == (7, ("out_of_order",))
    cleared = outbox.run("outbox", "mark", "--as", "pending", *ids, "--out-of-order", "--yes")
    assert (cleared.code, outbox.pending()) == (0, 3)
    assert outbox.sql("SELECT retry_count, count(*) FROM outbox GROUP BY 1 ORDER BY 1") == [(0, 2), (10, 1)]
    assert outbox.run("undo", cleared.data["journal_id"], "--yes").code == 0
    assert outbox.sql("SELECT id, published_at FROM outbox ORDER BY created_at, id") == before
    assert outbox.sql("SELECT DISTINCT retry_count, last_error FROM outbox") == [(10, "broken")]
    assert outbox.run("undo", marked.data["journal_id"], "--yes").code == 0
    assert outbox.pending() == 3


def test_a_saved_mark_is_refused_when_a_relay_has_published_since(outbox: Outbox, tmp_path: Path) -> None:
    outbox.add(1)
    outbox.sql("UPDATE outbox SET published_at = now()")
    file = str(tmp_path / "plan.json")
    (event_id,) = outbox.sql("SELECT upper(id::text) FROM outbox")[0]
    assert outbox.run("outbox", "mark", "--as", "pending", event_id, "--plan-out", file).code == 0
    outbox.sql("UPDATE outbox SET published_at = now() + interval '1 second'")
    assert outbox.run("apply", file, "--yes").code == 4
    assert outbox.pending() == 0
    unknown = outbox.run("outbox", "mark", "--as", "pending", "00000000-0000-0000-0000-000000000000", "--dry-run")
    assert (unknown.code, unknown.errors) == (2, ("unknown_event",))


def test_a_mapped_table_with_gaps_is_served_as_it_is(outbox: Outbox, tmp_path: Path) -> None:
    outbox.make_topic()
    outbox.sql("CREATE TABLE gaps (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text, object text, "
               "what text, body bytea, made timestamp, sent timestamp, tries int, problem text)")  # fmt: skip
    outbox.sql("INSERT INTO gaps (kind, object, what, body, made) VALUES (%s, '7', 'x', NULL, NULL), "
               "(%s, NULL, NULL, '\\x0001ff', now() - interval '1 hour')", outbox.kind, outbox.kind)  # fmt: skip
    roles = {"table": "gaps", "id": "id", "aggregate_type": "kind", "aggregate_id": "object", "event_type": "what",
             "payload": "body", "created_at": "made", "published_at": "sent", "retry_count": "tries",
             "last_error": "problem"}  # fmt: skip
    env = outbox.map_tables(tmp_path, {"outbox": {"gaps": roles}})
    before = outbox.eosctl("status", "--max-age", "2h", env=env)
    assert (before.code, before.data["pending"]) == (0, 2)
    assert before.data["oldest_pending_age_ms"] >= 3_600_000
    assert outbox.eosctl("relay", "--drain", env=env).data["result"]["published"] == 2
    assert {(one.key(), one.value()) for one in outbox.records()} == {(b"", b"\x00\x01\xff"), (b"7", None)}
    assert [one["state"] for one in outbox.eosctl("list", env=env).data] == ["published", "published"]
    assert outbox.eosctl("purge", "--older-than", "1d", env=env).errors == ("time_without_zone",)


def test_a_purge_takes_old_published_events_and_no_other(outbox: Outbox) -> None:
    published(outbox, 900, days_ago=8)
    published(outbox, 50, days_ago=6)
    outbox.add(20)
    outbox.sql(f"UPDATE outbox SET created_at = now() - 30 * {DAY} WHERE published_at IS NULL")
    outbox.sql("UPDATE outbox SET retry_count = 10, last_error = 'x' WHERE published_at IS NULL AND aggregate_id = '1'")
    counted = outbox.run("outbox", "purge", "--older-than", "7d", "--dry-run")
    assert "900" in json.dumps(counted.data["plan"]["steps"])
    assert rows(outbox) == 970
    done = outbox.eosctl("purge", "--older-than", "7d", "--batch-size", "250", "--vacuum")
    result = done.data["result"]
    assert (done.code, result["deleted"], result["left"], result["ended_by"]) == (0, 900, 0, "done")
    assert result["batches"] >= 4
    assert (rows(outbox, "published_at IS NULL"), rows(outbox, "published_at IS NOT NULL")) == (20, 50)
    assert outbox.eosctl("purge", "--older-than", "7d").data["plan"]["steps"] == []


def test_a_purge_that_is_stopped_says_so_and_goes_on_when_run_again(outbox: Outbox) -> None:
    published(outbox, 2_000, days_ago=8)
    words = ["outbox", "purge", "--older-than", "7d", "--batch-size", "100", "--pause", "100ms", "--yes", "-o", "json"]
    process = subprocess.Popen([sys.executable, "-m", "eosctl", *words], stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.DEVNULL, env=outbox.env())  # fmt: skip
    outbox.processes.append(process)
    wait_until(lambda: rows(outbox) <= 1_800)
    process.send_signal(signal.SIGTERM)
    result = json.loads(process.communicate(timeout=LIMIT_S)[0])["data"]["result"]
    assert (process.returncode, result["ended_by"]) == (130, "stopped")
    assert rows(outbox) == 2_000 - result["deleted"] == result["left"] > 0
    assert result["deleted"] % 100 == 0
    assert outbox.eosctl("purge", "--older-than", "7d", "--max-rows", "150").data["result"]["deleted"] == 150
    assert outbox.eosctl("purge", "--older-than", "7d").code == 0
    assert rows(outbox) == 0


def test_a_purge_without_its_index_is_refused_with_the_statement(outbox: Outbox) -> None:
    outbox.sql("DROP INDEX outbox_published")
    published(outbox, 5, days_ago=8)
    command = [sys.executable, "-m", "eosctl", "outbox", "purge", "--older-than", "7d", "--yes", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=outbox.env(), timeout=300)
    (error,) = json.loads(done.stdout)["errors"]
    assert (done.returncode, error["code"], rows(outbox)) == (7, "no_time_index", 5)
    statement = error["hint"].partition("or: ")[2]
    with psycopg.connect(outbox.dsn, autocommit=True) as connection:
        connection.execute(statement)
    assert outbox.eosctl("purge", "--older-than", "7d").data["result"]["deleted"] == 5


def test_a_rate_makes_batches_of_a_seconds_worth(outbox: Outbox) -> None:
    outbox.make_topic()
    outbox.add(50)
    result = outbox.eosctl("relay", "--drain", "--rate", "40").data["result"]
    assert (result["published"], result["batches"]) == (50, 2)


def test_a_relay_in_service_outlives_its_database_sessions(outbox: Outbox) -> None:
    outbox.make_topic()
    relay = outbox.start_relay()
    outbox.add(5)
    wait_until(lambda: outbox.pending() == 0)
    outbox.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'eosctl' "
                       "AND datname = current_database()")  # fmt: skip
    outbox.add(5)
    wait_until(lambda: outbox.pending() == 0)
    relay.send_signal(signal.SIGTERM)
    result = json.loads(relay.communicate(timeout=LIMIT_S)[0])["data"]["result"]
    assert (result["published"], result["interruptions"]) == (10, 1)


def reconciled(outbox: Outbox, *words: str, env: dict[str, str]) -> Any:
    return outbox.eosctl("reconcile", "--topic", outbox.topic, "--grace", "0s", "--timeout", "5s", *words, env=env)


def test_reconcile_holds_rows_against_the_topic_and_what_consumers_marked(outbox: Outbox, tmp_path: Path) -> None:
    outbox.make_topic()
    outbox.add(20)
    outbox.eosctl("relay", "--drain")
    outbox.sql("CREATE TABLE processed_messages (message_id VARCHAR(255) PRIMARY KEY, processed_at TIMESTAMPTZ "
               'NOT NULL DEFAULT now(), partition INTEGER NOT NULL, "offset" VARCHAR(50) NOT NULL)')  # fmt: skip
    late = {header(one, "idempotency-key") for one in outbox.records()[-2:]}
    outbox.sql("INSERT INTO processed_messages SELECT id::text, now(), 0, '0' FROM outbox WHERE id::text <> ALL(%s)",
               list(late))  # fmt: skip
    env = outbox.map_tables(tmp_path, {"outbox": {"outbox": {}}, "dedup": {"processed_messages": {}}})
    behind = reconciled(outbox, env=env)
    assert (behind.code, behind.data["processed"], behind.data["there_not_processed"]) == (0, 18, 2)
    assert {one["id"] for one in behind.data["oddities"]} == late
    admin = clients.librdkafka_admin(outbox.lab)
    admin.delete_topics([outbox.topic])[outbox.topic].result(LIMIT_S)
    wait_until(lambda: outbox.topic not in admin.list_topics(timeout=LIMIT_S).topics)
    admin.create_topics([NewTopic(outbox.topic, 1, 1)])[outbox.topic].result(LIMIT_S)
    wait_until(lambda: outbox.topic in admin.list_topics(timeout=LIMIT_S).topics)
    gone = reconciled(outbox, env=env)
    assert (gone.code, gone.data["lost"], gone.data["processed_and_gone"]) == (3, 2, 18)
    assert {one["id"] for one in gone.data["oddities"]} == late
    assert reconciled(outbox, "--dedup", "nowhere", env=env).errors == ("unknown_table",)


def test_reconcile_for_debezium_takes_every_row_for_published(outbox: Outbox) -> None:
    outbox.make_topic()
    outbox.add(10)
    outbox.eosctl("relay", "--drain")
    outbox.sql("UPDATE outbox SET published_at = NULL")
    (missing,) = outbox.sql("INSERT INTO outbox (aggregate_type, aggregate_id, event_type, payload) "
                            "VALUES (%s, '1', 'created', '{}') RETURNING id::text", outbox.kind)[0]  # fmt: skip
    compared = reconciled(outbox, "--cdc", env={})
    assert (compared.code, compared.data["published_and_there"], compared.data["lost"]) == (3, 10, 1)
    assert [one["id"] for one in compared.data["oddities"]] == [missing]
