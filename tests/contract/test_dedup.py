"""Dedup tables on a real PostgreSQL and Kafka: every command, every kind of table, and what is refused."""

import signal
import subprocess
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from fixtures.dedup import DAY_MS, HOUR_MS, Dedup
from fixtures.lab import LIMIT_S, wait_until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import conninfo

from eosctl.core.errors import Refused, UsageError
from eosctl.domain.steps.dedup import PurgeRows
from eosctl.lab import clients
from eosctl.operations.dedup import check, purge, status, window
from eosctl.runtime.purging import run_purge


def produce(dedup: Dedup, topic: str, *, ages_days: Sequence[float], headers: Any = None) -> None:
    """Records of these ages, one after another."""
    import time

    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": dedup.lab.bootstrap_servers})
    for age in ages_days:
        at = round((time.time() - age * 86_400) * 1_000)
        producer.produce(topic, b"value", b"key", headers=headers, timestamp=at, partition=0)
    assert producer.flush(LIMIT_S) == 0


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

    produce(dedup, topic, ages_days=[0], headers=[("message-id", b"m-77"), ("idempotency-key", b"pay-77")])
    produce(dedup, topic, ages_days=[0])
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
    produce(dedup, topic, ages_days=[9, 8, 7, 6, 1, 0])
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


# --- purge ---


def test_a_ttl_below_the_longest_path_is_refused_with_path_and_records(
    dedup: Dedup, make_topic: Callable[..., str]
) -> None:
    topic = make_topic(retention_ms=str(20 * DAY_MS))
    produce(dedup, topic, ages_days=[15, 12, 3])
    dedup.make_table()
    dedup.fill(2_000, days=20)
    refused = dedup.eosctl("purge", "--older-than", "10d", "--topic", topic)
    assert (refused.code, refused.errors, dedup.count()) == (7, ("ttl_too_short",), 2_000)
    assert f"manual reset of {topic} needs entries 20d (2 records now in it)" in refused.messages.replace("A m", "m")
    assert "--older-than 20d" in refused.messages
    hour = dedup.eosctl("purge", "--older-than", "30m")
    assert (hour.code, hour.errors) == (7, ("ttl_too_short",))
    accepted = dedup.eosctl("purge", "--older-than", "10d", "--topic", topic, "--accept-duplicates", "--vacuum")
    assert accepted.code == 0
    assert accepted.data["result"]["deleted"] == pytest.approx(1_000, abs=2)
    assert "duplicates_accepted" in accepted.warnings
    assert dedup.eosctl("purge", "--older-than", "20d", "--topic", topic).code == 0


def test_topics_that_are_named_and_can_not_be_seen_refuse_a_purge(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(100, days=40)
    away = {"EOSCTL_BOOTSTRAP_SERVER": "127.0.0.1:1", "EOSCTL_TIMEOUT": "1s"}
    refused = dedup.eosctl("purge", "--older-than", "30d", "--topic", "orders", env=away)
    assert (refused.code, refused.errors, dedup.count()) == (7, ("topics_not_seen",), 100)
    unnamed = dedup.eosctl("purge", "--older-than", "39d", env=away)
    assert (unnamed.code, unnamed.warnings) == (0, ("paths_not_seen", "topics_not_seen", "space_is_reused"))
    assert dedup.eosctl("purge", "--older-than", "30d", "--topic", "orders", "--accept-duplicates", env=away).code == 0


def test_dry_run_counts_and_deletes_nothing_and_max_rows_stops_early(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(1_000, days=10)
    counted = dedup.eosctl("purge", "--older-than", "5d", "--dry-run")
    assert counted.data["plan"]["steps"][0]["expired_rows"] == pytest.approx(500, abs=1)
    assert dedup.count() == 1_000
    part = dedup.eosctl("purge", "--older-than", "5d", "--max-rows", "120")
    assert (part.code, part.data["result"]["deleted"], part.data["result"]["left"]) == (0, 120, True)
    rest = dedup.eosctl("purge", "--older-than", "5d")
    assert (rest.data["result"]["deleted"], rest.data["result"]["left"]) == (pytest.approx(380, abs=1), False)
    assert rest.data["undo"] == ""


def test_expired_days_are_dropped_whole_and_what_lies_in_the_default_partition_by_rows(dedup: Dedup) -> None:
    dedup.eosctl("init", "--layout", "partitioned", "--days-ahead", "1")
    today = dedup.sql("SELECT (now() AT TIME ZONE 'UTC')::date")[0][0]
    for back in range(1, 6):
        day = today - timedelta(days=back)
        dedup.sql(f"CREATE TABLE day_{back} PARTITION OF processed_messages FOR VALUES FROM ('{day}') "
                  f"TO ('{day + timedelta(days=1)}')")  # fmt: skip
    dedup.sql(
        "INSERT INTO processed_messages SELECT 'd-' || n || '-' || m, (now() AT TIME ZONE 'UTC')::date - n, "
        "now() - make_interval(days => n), 0, '0' FROM generate_series(0, 9) AS n, generate_series(1, 10) AS m"
    )
    dedup.sql("INSERT INTO processed_messages VALUES ('late', (now() AT TIME ZONE 'UTC')::date - 5, now(), 0, '0')")
    purged = dedup.eosctl("purge", "--older-than", "2d")
    result = purged.data["result"]
    assert (purged.code, result["partitions_dropped"], result["deleted"]) == (0, 2, 40)
    left = {
        str(one[0])
        for one in dedup.sql(
            "SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = "
            "'processed_messages'::regclass AND inhrelid::regclass::text LIKE 'day%%'"
        )
    }
    assert left == {"day_1", "day_2", "day_5"}, "the fifth day got a young entry, the second is not over for two days"
    assert dedup.sql("SELECT to_regclass('day_4'), to_regclass('day_3')") == [(None, None)]
    assert dedup.count("message_id = 'late'") == 1
    assert dedup.count("processed_at > now() - interval '49 hours'") == 31, "three whole days and the late one"


def test_a_saved_plan_does_not_drop_a_day_into_which_a_young_entry_came(dedup: Dedup, tmp_path: Any) -> None:
    dedup.eosctl("init", "--layout", "partitioned", "--days-ahead", "0")
    day = dedup.sql("SELECT (now() AT TIME ZONE 'UTC')::date")[0][0] - timedelta(days=9)
    dedup.sql(f"CREATE TABLE old PARTITION OF processed_messages FOR VALUES FROM ('{day}') TO ('{day + timedelta(1)}')")
    dedup.sql("INSERT INTO processed_messages VALUES ('a', %s, now() - interval '9 days', 0, '0')", day)
    file = tmp_path / "plan.json"
    assert dedup.eosctl("purge", "--older-than", "2d", "--plan-out", str(file)).code == 0
    dedup.sql("INSERT INTO processed_messages VALUES ('b', %s, now(), 0, '0')", day)
    command = [*dedup.command("status")[:3], "apply", str(file), "--yes"]
    assert subprocess.run(command, env=dedup.env(), capture_output=True, check=False).returncode == 4
    assert dedup.count(table="old") == 2


@pytest.mark.parametrize(("words", "code", "error"), [
    (("--older-than", "soon"), 2, "bad_parameter"),
    (("--older-than", "0d"), 2, "bad_ttl"),
    (("--older-than=-7d",), 2, "bad_parameter"),
    (("--older-than", "7d", "--until", "25:99"), 2, "bad_until"),
    (("--older-than", "7d", "--batch-size", "0"), 2, "bad_parameter"),
    ((), 2, "bad_parameter"),
])  # fmt: skip
def test_bad_flags_are_named(dedup: Dedup, words: tuple[str, ...], code: int, error: str) -> None:
    dedup.make_table()
    answer = dedup.eosctl("purge", *words)
    assert (answer.code, answer.errors) == (code, (error,)), answer.messages


def test_tables_that_can_not_be_purged_are_refused_with_what_to_do(dedup: Dedup) -> None:
    dedup.sql("CREATE TABLE timeless (message_id TEXT PRIMARY KEY)")
    assert dedup.eosctl("purge", "--table", "timeless", "--older-than", "7d").errors == ("no_time_column",)
    dedup.sql("CREATE TABLE unindexed (message_id TEXT PRIMARY KEY, processed_at TIMESTAMPTZ)")
    unindexed = dedup.eosctl("purge", "--table", "unindexed", "--older-than", "7d")
    assert (unindexed.code, unindexed.errors) == (7, ("no_time_index",))
    assert 'CREATE INDEX CONCURRENTLY ON "public"."unindexed" ("processed_at");' in unindexed.messages
    dedup.sql("CREATE TABLE zoneless (message_id TEXT PRIMARY KEY, processed_at TIMESTAMP)")
    dedup.sql("CREATE INDEX ON zoneless (processed_at)")
    assert dedup.eosctl("purge", "--table", "zoneless", "--older-than", "7d").errors == ("time_without_zone",)
    dedup.sql("CREATE VIEW seen AS SELECT * FROM zoneless")
    assert dedup.eosctl("purge", "--table", "seen", "--older-than", "7d").errors == ("not_a_table",)
    assert dedup.eosctl("purge", "--table", "nowhere", "--older-than", "7d").errors == ("unknown_table",)


def test_a_user_without_delete_and_a_read_only_database_are_named_before_anything_is_done(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(100, days=20)
    user = f"reader_{uuid.uuid4().hex[:8]}"
    dedup.sql(f"CREATE ROLE {user} LOGIN")
    dedup.sql(f"GRANT SELECT ON processed_messages TO {user}")
    try:
        reader = {"EOSCTL_DSN": conninfo.make_conninfo(dedup.dsn, user=user)}
        refused = dedup.eosctl("purge", "--older-than", "7d", env=reader)
        assert (refused.code, refused.errors) == (1, ("db_privilege",))
        assert f'GRANT SELECT, DELETE ON "public"."processed_messages" TO {user}' in refused.messages
        frozen = {"EOSCTL_DSN": conninfo.make_conninfo(dedup.dsn, options="-c default_transaction_read_only=on")}
        assert dedup.eosctl("purge", "--older-than", "7d", env=frozen).errors == ("db_read_only",)
    finally:
        dedup.sql(f"DROP OWNED BY {user}")
        dedup.sql(f"DROP ROLE {user}")
    assert dedup.count() == 100


def _start_slow_purge(dedup: Dedup, batch: int = 500) -> "subprocess.Popen[str]":
    """A purge that rests after each batch, well under way when this returns."""
    command = dedup.command("purge", "--older-than", "7d", "--batch-size", str(batch), "--pause", "40ms")
    process = subprocess.Popen(command, env=dedup.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: dedup.count() < 39_000, limit_s=60)
    return process


def _gone_after_kill(dedup: Dedup, batch: int) -> int:
    """How many of 40,000 rows are gone after a purge of such batches was killed in the middle."""
    dedup.sql("TRUNCATE processed_messages")
    dedup.fill(40_000, days=1_000)
    process = _start_slow_purge(dedup, batch)
    process.kill()
    process.communicate(timeout=LIMIT_S)
    wait_until(lambda: not dedup.sql("SELECT FROM pg_stat_activity WHERE application_name = 'eosctl' "
                                     "AND datname = current_database()"))  # fmt: skip
    return 40_000 - dedup.count()


def test_killed_in_the_middle_it_leaves_whole_batches_deleted_and_a_second_run_goes_on(dedup: Dedup) -> None:
    dedup.make_table()
    control = _gone_after_kill(dedup, 333)
    assert control % 333 == 0
    assert control % 500 != 0, "the check below must be able to fail"
    gone = _gone_after_kill(dedup, 500)
    assert 0 < gone < 39_000
    assert gone % 500 == 0, "a batch is deleted whole or not at all"
    assert dedup.sql('SELECT min("offset"::int) FROM processed_messages') == [(gone + 1,)]
    again = dedup.eosctl("purge", "--older-than", "7d")
    assert (again.code, again.data["result"]["left"]) == (0, False)
    assert dedup.count("processed_at < now() - interval '7 days 1 hour'") == 0


def test_ctrl_c_ends_it_after_the_batch_and_a_lost_database_is_partly_done(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(40_000, days=1_000)
    process = _start_slow_purge(dedup)
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130, stdout
    assert '"ended_by": "stopped"' in stdout
    dedup.sql("TRUNCATE processed_messages")
    dedup.fill(40_000, days=1_000)
    process = _start_slow_purge(dedup)
    with psycopg.connect(dedup.dsn, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'eosctl' "
                      "AND datname = current_database()")  # fmt: skip
    stdout, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 5, stdout
    assert f"{40_000 - dedup.count():,} rows of public.processed_messages are gone" in stdout


def _fill_ages(dedup: Dedup, ages_s: Sequence[int]) -> None:
    dedup.sql("TRUNCATE processed_messages")
    dedup.sql("INSERT INTO processed_messages SELECT n::text, now() - make_interval(secs => age), 0, '0' "
              "FROM unnest(%s::int[]) WITH ORDINALITY AS u(age, n)", list(ages_s))  # fmt: skip


def _too_young(dedup: Dedup, ages_s: Sequence[int], ttl_s: int) -> list[int]:
    """Ages of entries that are gone although they were younger than the TTL (ten seconds for the test itself)."""
    left = {int(one[0]) for one in dedup.sql("SELECT message_id FROM processed_messages")}
    return [age for number, age in enumerate(ages_s, start=1) if number not in left and age <= ttl_s - 10]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ages_s=st.lists(st.integers(0, 20 * 86_400), min_size=1, max_size=30),
    ttl_s=st.integers(3_600, 15 * 86_400),
    skew_days=st.integers(-4_000, 4_000),
    batch=st.integers(1, 10),
)
def test_no_entry_younger_than_the_ttl_is_ever_deleted_whatever_the_clients_clock(
    dedup: Dedup, ages_s: list[int], ttl_s: int, skew_days: int, batch: int
) -> None:
    if dedup.sql("SELECT to_regclass('processed_messages')") == [(None,)]:
        dedup.make_table()
    _fill_ages(dedup, ages_s)
    live = dedup.gateways()
    live.clock = _Skewed(live.clock, skew_days * DAY_MS)  # type: ignore[assignment]
    params = purge.DedupPurgeParams(older_than=ttl_s * 1_000, batch_size=batch)
    try:
        for step in purge.plan(purge.observe(live, params), params).steps:
            assert isinstance(step, PurgeRows)
            run_purge(live, step.target, step.wish)
    finally:
        live.close()
    assert _too_young(dedup, ages_s, ttl_s) == []
    assert dedup.count(f"processed_at < now() - interval '{ttl_s + 60} s'") == 0


def test_the_control_a_purge_by_the_clients_clock_deletes_what_is_too_young(dedup: Dedup) -> None:
    dedup.make_table()
    _fill_ages(dedup, [3_600, 30 * 86_400])
    live = dedup.gateways()
    clock = _Skewed(live.clock, 10 * DAY_MS)
    dedup.sql("DELETE FROM processed_messages WHERE processed_at < %s", clock.now() - timedelta(days=7))
    assert _too_young(dedup, [3_600, 30 * 86_400], 7 * 86_400) == [3_600]


class _Skewed:
    """A client's clock that is off; durations on it are right."""

    def __init__(self, clock: Any, off_ms: int) -> None:
        self._clock = clock
        self._off_ms = off_ms

    def now(self) -> Any:
        return self._clock.now() + timedelta(milliseconds=self._off_ms)

    def now_ms(self) -> int:
        return int(self._clock.now_ms()) + self._off_ms

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clock, name)


def test_refusals_are_raised_by_the_pure_planner_too(dedup: Dedup) -> None:
    dedup.make_table()
    params = purge.DedupPurgeParams(older_than=HOUR_MS // 2)
    live = dedup.gateways()
    try:
        snapshot = purge.observe(live, params)
        with pytest.raises(Refused):
            purge.plan(snapshot, params)
        with pytest.raises(UsageError):
            purge.observe(live, purge.DedupPurgeParams(older_than=0))
    finally:
        live.close()
