"""Purging a dedup table on a real PostgreSQL: what is refused, what is left after a kill, and never a young entry."""

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
from eosctl.operations.dedup import purge
from eosctl.runtime.purging import run_purge


def test_a_ttl_below_the_longest_path_is_refused_with_path_and_records(
    dedup: Dedup, make_topic: Callable[..., str]
) -> None:
    topic = make_topic(retention_ms=str(20 * DAY_MS))
    dedup.produce(topic, ages_days=[15, 12, 3])
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
