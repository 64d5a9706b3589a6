"""Dedup tables on a real PostgreSQL and Kafka: every command, every kind of table, and what is refused."""

import csv
import io
import subprocess
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from fixtures.dedup import DAY_MS, HOUR_MS, Dedup
from fixtures.lab import LIMIT_S, wait_until

from eosctl.lab import clients
from eosctl.operations.dedup import check, purge, status, window

# --- init ---


@pytest.mark.parametrize("layout", ["plain", "grouped", "partitioned"])
def test_init_makes_each_layout_once_and_its_printed_ddl_makes_the_same(dedup: Dedup, layout: str) -> None:
    made = dedup.eosctl("init", "--layout", layout, "--days-ahead", "2")
    assert (made.code, made.data["applied"]) == (0, True)
    again = dedup.eosctl("init", "--layout", layout, "--days-ahead", "2")
    assert (again.code, again.data["plan"]["steps"]) == (0, [])
    printed = dedup.eosctl("init", "--layout", layout, "--days-ahead", "2", "--table", "printed", "--print")
    for statement in printed.data["statements"]:
        dedup.sql(statement)
    printed_again = dedup.eosctl("init", "--layout", layout, "--days-ahead", "2", "--table", "printed")
    assert printed_again.data["plan"]["steps"] == []
    twice = "INSERT INTO {} ({}message_id, partition, \"offset\") VALUES ({}'m', 0, '1') ON CONFLICT DO NOTHING"
    group = ("consumer_group, ", "'g', ") if layout == "grouped" else ("", "")
    for table in ("processed_messages", "printed"):
        for _ in range(2):
            dedup.sql(twice.format(table, *group))
        assert dedup.count(table=table) == 1
    assert ("partitioned_gives_up" in (*made.warnings,)) == (layout == "partitioned")
    assert bool(printed.data["note"]) == (layout == "partitioned")


def test_a_changes_csv_has_a_line_for_each_difference_and_then_its_result(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(3, days=40)

    def lines(*words: str) -> list[dict[str, str]]:
        as_json = dedup.command("purge", "--older-than", "1d", "--accept-duplicates", *words)
        command = ["csv" if one == "json" else one for one in as_json]
        done = subprocess.run(command, env=dedup.env(), capture_output=True, text=True, check=True)
        return list(csv.DictReader(io.StringIO(done.stdout)))

    planned = lines("--dry-run")
    assert {tuple(one) for one in planned} == {("subject", "attribute", "before", "after")}
    assert any("processed_messages" in one["subject"] for one in planned), planned
    (done,) = lines()
    assert int(done["deleted"]) + dedup.count() == 3 > dedup.count()


def test_init_can_be_undone_while_the_table_is_empty_only(dedup: Dedup) -> None:
    entry = dedup.eosctl("init").data["journal_id"]
    dedup.sql("INSERT INTO processed_messages VALUES ('m', now(), 0, '1')")
    command = [*dedup.command("status")[:3], "undo", entry, "--yes"]
    assert subprocess.run(command, env=dedup.env(), capture_output=True, check=False).returncode == 7
    dedup.sql("DELETE FROM processed_messages")
    assert subprocess.run(command, env=dedup.env(), capture_output=True, check=False).returncode == 0
    assert dedup.sql("SELECT to_regclass('processed_messages')") == [(None,)]


def test_a_table_of_that_name_with_other_columns_is_refused_with_the_difference(dedup: Dedup) -> None:
    dedup.sql("CREATE TABLE processed_messages (message_id TEXT PRIMARY KEY, processed_at TIMESTAMPTZ, note TEXT)")
    refused = dedup.eosctl("init")
    assert (refused.code, refused.errors) == (7, ("other_table",))
    for phrase in ("message_id is text, not character varying(255)", "partition integer is missing", "note text"):
        assert phrase in refused.messages


# --- mapping ---


def test_mapped_tables_of_every_kind_are_served_and_a_wrong_mapping_names_what_there_is(dedup: Dedup) -> None:
    dedup.sql('CREATE SCHEMA "Shop"')
    dedup.sql('CREATE TABLE "Shop"."Seen Messages" ("Id" UUID PRIMARY KEY, "At" TIMESTAMPTZ NOT NULL DEFAULT now())')
    dedup.sql("CREATE TABLE payments (id BIGSERIAL PRIMARY KEY, idempotency_key TEXT UNIQUE, amount NUMERIC, "
              "created_at TIMESTAMPTZ NOT NULL DEFAULT now())")  # fmt: skip
    dedup.sql("CREATE TABLE prints (fingerprint BYTEA PRIMARY KEY, processed_at TIMESTAMPTZ NOT NULL DEFAULT now())")
    key = str(uuid.uuid4())
    dedup.sql('INSERT INTO "Shop"."Seen Messages" VALUES (%s)', key)
    dedup.sql("INSERT INTO payments (idempotency_key, amount) VALUES ('pay-1', 10)")
    dedup.sql("INSERT INTO prints VALUES (decode('ab', 'hex'))")
    columns = {"message_id": "Id", "processed_at": "At", "partition": None, "offset": None}
    dedup.map_tables(
        seen={"table": '"Shop"."Seen Messages"', **columns, "retention": "7d"},
        payments={"kind": "business"},
        prints={"kind": "fingerprints"},
        broken={"table": "payments", "message_id": "idempotency_kee"},
        gone={"table": "no_such_table"},
    )
    assert dedup.eosctl("check", "--table", "seen", key.upper()).data[0]["processed"] is True
    assert [one["processed"] for one in dedup.eosctl("check", "--table", "payments", "pay-1", "pay-2").data] == [
        True,
        False,
    ]
    assert dedup.eosctl("check", "--table", "prints", "AB").data[0]["processed"] is True
    assert dedup.eosctl("check", "--table", "seen", "no-uuid").errors == ("bad_message_id",)
    broken = dedup.eosctl("status", "--table", "broken")
    assert (broken.code, broken.errors) == (2, ("unknown_column",))
    assert "It has id, idempotency_key, amount, created_at" in broken.messages
    assert dedup.eosctl("status", "--table", "gone").errors == ("unknown_table",)
    assert dedup.eosctl("check", "x").errors == ("which_dedup",)
    refused = dedup.eosctl("purge", "--table", "payments", "--older-than", "7d")
    assert (refused.code, refused.errors, dedup.count(table="payments")) == (7, ("business_table",), 1)


def test_a_table_that_no_profile_maps_is_taken_with_the_columns_that_it_has(dedup: Dedup) -> None:
    dedup.sql("CREATE TABLE mine (message_id BIGINT, consumer_group TEXT, created_at TIMESTAMPTZ DEFAULT now(), "
              "PRIMARY KEY (consumer_group, message_id))")  # fmt: skip
    dedup.sql("INSERT INTO mine VALUES (7, 'a'), (7, 'b'), (8, 'a')")
    found = dedup.eosctl("check", "--table", "mine", "07", "9").data
    assert [(one["id"], one["processed"], one["consumer_group"]) for one in found] == [
        ("7", True, "a"), ("7", True, "b"), ("9", False, None)]  # fmt: skip
    only_b = dedup.eosctl("check", "--table", "mine", "7", "8", "--group", "b").data
    assert [(one["id"], one["processed"]) for one in only_b] == [("7", True), ("8", False)]


# --- status ---


def test_status_counts_what_is_past_the_window_and_forecasts_the_size(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(2_400, days=10)
    dedup.map_tables(orders={"table": "processed_messages", "retention": "5d"})
    (found,) = dedup.eosctl("status").data
    assert (found["rows"], found["exact"], found["retention_ms"]) == (2_400, True, 5 * DAY_MS)
    assert found["expired_rows"] == pytest.approx(1_200, abs=2)
    assert found["rows_per_hour"] == pytest.approx(10, abs=0.2)
    assert found["forecast_bytes"] == pytest.approx(found["size_bytes"] / 2, rel=0.05)
    assert found["time_index"] == "processed_messages_processed_at_idx"
    dedup.sql(
        "SET LOCAL enable_seqscan = off; SELECT FROM processed_messages WHERE processed_at < now() - interval '9 d'"
    )
    wait_until(lambda: dedup.eosctl("status").data[0]["time_index_scans"] > 0)
    dedup.sql("DROP INDEX processed_messages_processed_at_idx")
    answer = dedup.eosctl("status")
    assert answer.data[0]["time_index"] is None
    assert set(answer.warnings) == {"no_time_index", "entries_past_window"}
    assert 'CREATE INDEX CONCURRENTLY ON "public"."processed_messages" ("processed_at");' in answer.messages


def test_beyond_a_million_rows_statistics_answer_unless_exact(dedup: Dedup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "ESTIMATE_FROM_ROWS", 10_000)
    monkeypatch.setattr(purge, "COUNT_AT_MOST", 10_000)
    dedup.make_table()
    dedup.sql("ALTER TABLE processed_messages SET (autovacuum_enabled = false)")
    dedup.fill(20_000, days=10)
    dedup.sql("ANALYZE processed_messages")
    dedup.sql('DELETE FROM processed_messages WHERE "offset"::int <= 100')
    dedup.map_tables(orders={"table": "processed_messages", "retention": "5d"})
    (estimated,), (exact,) = dedup.eosctl("status").data, dedup.eosctl("status", "--exact").data
    assert (estimated["exact"], exact["exact"], exact["rows"]) == (False, True, 19_900)
    assert estimated["rows"] != exact["rows"]
    assert estimated["rows"] == pytest.approx(exact["rows"], rel=0.05)
    assert estimated["expired_rows"] == pytest.approx(exact["expired_rows"], rel=0.1)
    assert estimated["oldest_at"] == exact["oldest_at"]
    at_least = dedup.eosctl("purge", "--older-than", "1d", "--dry-run").data["plan"]["steps"][0]
    assert (at_least["exactly"], at_least["expired_rows"]) == (False, 10_000)
    counted = dedup.eosctl("purge", "--older-than", "1d", "--dry-run", "--exact").data["plan"]["steps"][0]
    assert (counted["exactly"], counted["expired_rows"]) == (True, pytest.approx(17_900, abs=5))


# --- check ---


def test_a_record_is_looked_up_by_each_rule(dedup: Dedup, topic: str) -> None:
    import hashlib

    dedup.produce(topic, ages_days=[0], headers=[("message-id", b"m-77"), ("idempotency-key", b"pay-77")])
    dedup.produce(topic, ages_days=[0])
    dedup.make_table()
    dedup.sql("INSERT INTO processed_messages VALUES ('m-77', now(), 0, '0'), ('0-1', now(), 0, '1')")
    record = ("--topic", topic, "--partition", "0", "--offset")
    found = {one["rule"]: one for one in dedup.eosctl("check", *record, "0").data}
    ids = {rule: one["id"] for rule, one in found.items()}
    digest = hashlib.sha256(b"keyvalue").hexdigest()
    assert ids == {"message-id": "m-77", "idempotency-key": "pay-77", "partition-offset": "0-0",
                   "topic-partition-offset": f"{topic}-0-0", "fingerprint": digest}  # fmt: skip
    assert [rule for rule, one in found.items() if one["processed"]] == ["message-id"]
    assert [rule for rule, one in found.items() if one["in_use"]] == ["message-id"]
    bare = {one["rule"]: one for one in dedup.eosctl("check", *record, "1").data}
    assert (bare["message-id"]["id"], bare["message-id"]["processed"]) == (None, None)
    assert (bare["partition-offset"]["processed"], bare["partition-offset"]["in_use"]) == (True, True)
    assert dedup.eosctl("check", *record, "2").errors == ("unknown_offset",)
    assert dedup.eosctl("check", "--topic", topic, "--partition", "9", "--offset", "0").errors == ("unknown_partition",)
    assert dedup.eosctl("check", "--topic", topic, "--partition", "0").errors == ("bad_parameter",)
    assert dedup.eosctl("check", "--topic", "no-such", "--partition", "0", "--offset", "0").errors == ("unknown_topic",)


def test_a_file_of_ids_takes_one_round_trip_for_each_ten_thousand(dedup: Dedup, tmp_path: Any) -> None:
    dedup.make_table()
    dedup.fill(25_000, days=1)
    file = tmp_path / "ids.txt"
    file.write_text("\n".join(f"m-{n}" for n in range(24_000, 49_000)) + "\n\n", encoding="utf-8")
    live = dedup.gateways()
    asked, trips = live.database.query, []

    def query(name: str, *args: Any, **more: Any) -> Any:
        trips.append(name)
        return asked(name, *args, **more)

    live.database.query = query  # type: ignore[method-assign]
    params = check.DedupCheckParams(from_file=file)
    answer = check.report(check.observe(live, params), params)
    live.close()
    assert trips.count("dedup_check") == 3
    assert [one.processed for one in answer.data].count(True) == 1_001
    assert answer.data[0].id == "m-24000"
    assert dedup.eosctl("check", "--from-file", str(tmp_path / "none")).errors == ("file_not_read",)
    file.write_bytes(b"\xff\xfe")
    assert dedup.eosctl("check", "--from-file", str(file)).errors == ("file_not_read",)
    file.write_text("\n")
    assert dedup.eosctl("check", "--from-file", str(file)).errors == ("no_ids",)
    assert dedup.eosctl("check").errors == ("bad_parameter",)


# --- window ---


def test_the_window_is_held_against_topic_and_dead_letter_topic(dedup: Dedup, make_topic: Callable[..., str]) -> None:
    topic, dead = make_topic(retention_ms=str(10 * DAY_MS)), make_topic(retention_ms=str(40 * DAY_MS))
    dedup.produce(topic, ages_days=[9, 8, 7, 6, 1, 0])
    dedup.make_table()
    dedup.fill(100, days=5)
    named = ("--topic", topic, "--dead-letter-topic", dead)
    untouched = dedup.eosctl("window", *named)
    assert (untouched.code, {one["verdict"] for one in untouched.data}) == (0, {"safe"})
    week = {one["path"]: one for one in dedup.eosctl("window", *named, "--ttl", "7d").data}
    assert (week["manual reset"]["verdict"], week["manual reset"]["needed_ms"]) == ("unsafe", 10 * DAY_MS)
    assert week["manual reset"]["records_twice"] == 3
    assert (week["dead-letter replay"]["verdict"], week["dead-letter replay"]["needed_ms"]) == ("unsafe", 40 * DAY_MS)
    assert week["consumer restart"]["verdict"] == "safe"
    long = dedup.eosctl("window", *named, "--ttl", "40d")
    assert (long.code, {one["verdict"] for one in long.data}) == (0, {"safe"})
    dedup.sql("DELETE FROM processed_messages WHERE processed_at < now() - interval '4 days'")
    wait_until(lambda: dedup.eosctl("window", *named).data[0]["coverage_ms"])
    gap = dedup.eosctl("window", *named, "--ttl", "40d")
    reset = next(one for one in gap.data if one["path"] == "manual reset")
    assert (gap.code, gap.errors, reset["verdict"], reset["records_twice"]) == (3, ("window_too_short",), "unsafe", 4)


def test_a_topic_kept_for_ever_is_never_covered_and_found_dead_letters_count(
    dedup: Dedup, make_topic: Callable[..., str]
) -> None:
    from confluent_kafka.admin import NewTopic

    topic = make_topic(retention_ms="-1")
    admin = clients.librdkafka_admin(dedup.lab)
    admin.create_topics([NewTopic(f"{topic}-dlt", 1, 1)])[f"{topic}-dlt"].result(LIMIT_S)
    dedup.make_table()
    try:
        wait_until(lambda: f"{topic}-dlt" in admin.list_topics(timeout=LIMIT_S).topics)
        found = {one["path"]: one for one in dedup.eosctl("window", "--topic", topic, "--ttl", "100d").data}
    finally:
        admin.delete_topics([f"{topic}-dlt"])[f"{topic}-dlt"].result(LIMIT_S)
    assert (found["manual reset"]["needed_ms"], found["manual reset"]["verdict"]) == (None, "unsafe")
    assert (found["dead-letter replay"]["topic"], found["dead-letter replay"]["verdict"]) == (f"{topic}-dlt", "safe")
    assert found["dead-letter replay"]["needed_ms"] == 30 * DAY_MS


def test_without_kafka_or_topics_the_window_says_what_it_does_not_know(dedup: Dedup) -> None:
    dedup.make_table()
    params = window.DedupWindowParams(ttl=2 * HOUR_MS)
    live = dedup.gateways()
    live._kafka = {}
    answer = window.report(window.observe(live, params), params)
    live.close()
    verdicts = [one.verdict.value for one in answer.data]
    assert (verdicts, answer.exit_code) == (["safe", "safe", "unknown", "unknown"], 0)
    assert [one.code for one in answer.warnings] == ["topics_not_seen"]
    assert dedup.eosctl("window", "--group", "nobody-reads").errors == ("unknown_group",)
    assert dedup.eosctl("window", "--topic", "no-such-topic").errors == ("unknown_topic",)
