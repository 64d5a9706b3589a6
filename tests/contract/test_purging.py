"""The purge engine on a real PostgreSQL: whole batches, the server's clock, limits, and who it waits for."""

import threading
from typing import Any

import psycopg
import pytest
from fixtures.dedup import DAY_MS, HOUR_MS, Dedup
from fixtures.lab import wait_until

from eosctl.core.errors import OperationFailed, PartlyDone
from eosctl.core.exit_codes import ExitCode
from eosctl.domain.purging import PurgeTarget, PurgeWish
from eosctl.domain.tables import TableName
from eosctl.runtime.purging import PurgeTally, run_purge

TARGET = PurgeTarget(table=TableName("processed_messages"), time_column="processed_at")


def purge(dedup: Dedup, gateways: Any = None, **wish: Any) -> PurgeTally:
    live = gateways or dedup.gateways()
    try:
        return run_purge(live, TARGET, PurgeWish(age_ms=wish.pop("age_ms", 7 * DAY_MS), **wish))
    finally:
        live.close()


def test_what_is_older_goes_in_whole_batches_and_what_is_younger_stays(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(3_000, days=10)
    tally = purge(dedup, batch_size=400)
    assert (tally.ended_by, tally.deleted, tally.batches) == ("done", 3_000 - dedup.count(), 3)
    assert 880 <= tally.deleted <= 900
    assert dedup.count("processed_at < now() - interval '7 days 1 minute'") == 0
    assert purge(dedup).deleted == 0


def test_the_servers_clock_decides_whatever_this_machine_believes(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(1_000, days=1)
    live = dedup.gateways(options="-c TimeZone=Pacific/Kiritimati")

    class Ahead:
        """A client whose clock is a month ahead."""

        def now_ms(self) -> int:
            return live_clock.now_ms() + 30 * DAY_MS

        def __getattr__(self, name: str) -> Any:
            return getattr(live_clock, name)

    live_clock = live.clock
    live.clock = Ahead()  # type: ignore[assignment]
    assert purge(dedup, live, age_ms=2 * HOUR_MS).deleted == pytest.approx(916, abs=2)
    assert dedup.count("processed_at > now() - interval '119 minutes'") == pytest.approx(84, abs=2)


def test_a_time_column_without_a_zone_is_read_as_utc_in_any_session(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.sql("ALTER TABLE processed_messages ALTER processed_at DROP DEFAULT, ALTER processed_at TYPE timestamp "
              "USING processed_at AT TIME ZONE 'UTC'")  # fmt: skip
    dedup.sql("INSERT INTO processed_messages SELECT n::text, now() AT TIME ZONE 'UTC' - make_interval(hours => n), "
              "0, '0' FROM generate_series(0, 9) AS n")  # fmt: skip
    live = dedup.gateways(options="-c TimeZone=America/New_York")
    assert purge(dedup, live, age_ms=5 * HOUR_MS - 60_000).deleted == 5


def test_max_rows_is_an_exact_limit(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(2_000, days=100)
    tally = purge(dedup, batch_size=300, max_rows=700)
    assert (tally.deleted, tally.ended_by, dedup.count()) == (700, "max_rows", 1_300)
    assert dedup.sql('SELECT min("offset"::int) FROM processed_messages') == [(701,)], "the oldest go first"


def test_a_row_that_comes_late_with_an_old_time_goes_too(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(500, days=100)
    live = dedup.gateways()
    asked = live.database.query
    batches = 0

    def query(name: str, *args: Any, **more: Any) -> Any:
        nonlocal batches
        batches += name == "purge_batch"
        if name == "purge_batch" and batches == 3:
            dedup.sql("INSERT INTO processed_messages VALUES ('late', now() - interval '1 year', 0, '0')")
        return asked(name, *args, **more)

    live.database.query = query  # type: ignore[method-assign]
    assert purge(dedup, live, batch_size=100).ended_by == "done"
    assert dedup.count("processed_at < now() - interval '8 days'") == 0


def test_a_row_that_somebody_refreshes_meanwhile_is_kept(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(10, days=100)
    with psycopg.connect(dedup.dsn) as holder:
        holder.execute("UPDATE processed_messages SET processed_at = now() WHERE message_id = 'm-3'")
        done: list[PurgeTally] = []
        thread = threading.Thread(target=lambda: done.append(purge(dedup, lock_timeout_ms=20_000)))
        thread.start()
        try:
            wait_until(lambda: dedup.sql("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"))
        finally:
            holder.commit()
            thread.join()
    assert done[0].ended_by == "done"
    assert dedup.sql("SELECT message_id FROM processed_messages WHERE processed_at < now() - interval '7 days'") == []
    assert dedup.count("message_id = 'm-3'") == 1


def test_it_waits_for_an_older_snapshot_and_names_its_owner_when_it_waits_too_long(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(100, days=100)
    with psycopg.connect(dedup.dsn, application_name="a long report") as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT 1")
        with pytest.raises(OperationFailed) as caught:
            purge(dedup, max_wait_ms=300)
        assert caught.value.code == "purge_held_up"
        assert "a long report" in caught.value.why
        assert dedup.count() == 100
    assert purge(dedup, max_wait_ms=20_000).deleted > 90


def test_it_waits_while_a_replica_lags_and_goes_on_when_it_has_caught_up(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(500, days=100)
    live = dedup.gateways()
    asked, looks = live.database.query, 0

    def query(name: str, *args: Any, **more: Any) -> Any:
        nonlocal looks
        found = asked(name, *args, **more)
        if name != "purge_obstacles":
            return found
        looks += 1
        lag_ms = 90_000 if looks < 4 else 10
        if looks < 4:
            assert dedup.count() == 500, "nothing is deleted while it waits"
        return [{**found[0], "replica_lag_ms": lag_ms, "replica": "standby"}]

    live.database.query = query  # type: ignore[method-assign]
    tally = purge(dedup, live, max_replica_lag_ms=10_000)
    assert (tally.ended_by, looks >= 4, tally.waited_ms > 0) == ("done", True, True)
    stuck = dedup.gateways()
    again = stuck.database.query
    stuck.database.query = lambda name, *args, **more: (  # type: ignore[method-assign]
        [{"replica_lag_ms": 90_000, "replica": "standby", "snapshot_since": None}]
        if name == "purge_obstacles"
        else again(name, *args, **more)
    )
    with pytest.raises(OperationFailed) as caught:
        purge(dedup, stuck, max_wait_ms=100)
    assert "standby is 1m 30s behind" in caught.value.why


def test_a_batch_that_can_not_get_its_locks_comes_again_smaller_and_then_gives_up(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(2_000, days=100)
    with psycopg.connect(dedup.dsn) as holder:
        holder.execute("SELECT FROM processed_messages WHERE message_id = 'm-1500' FOR UPDATE")
        with pytest.raises(PartlyDone) as caught:
            purge(dedup, batch_size=1_000, lock_timeout_ms=50)
    error = caught.value
    assert (error.exit_code, error.code, error.done["deleted"]) == (
        ExitCode.PARTLY_DONE,
        "db_timeout",
        2_000 - dedup.count(),
    )
    assert 1_400 <= error.done["deleted"] < 1_500, "whole batches up to the locked row"
    assert error.done["timeouts"] >= 5


def test_a_database_that_goes_away_between_batches_leaves_whole_batches_and_says_how_many(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(1_000, days=100)
    live = dedup.gateways()
    asked = live.database.query
    batches = 0

    def query(name: str, *args: Any, **more: Any) -> Any:
        nonlocal batches
        if name == "purge_batch":
            batches += 1
            if batches == 3:
                dedup.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'eosctl' "
                          "AND datname = current_database()")  # fmt: skip
        return asked(name, *args, **more)

    live.database.query = query  # type: ignore[method-assign]
    with pytest.raises(PartlyDone) as caught:
        purge(dedup, live, batch_size=100)
    assert (caught.value.code, caught.value.done["deleted"]) == ("database_unreachable", 200)
    assert dedup.count() == 800
    assert purge(dedup).ended_by == "done", "a second run goes on"
    assert dedup.count("processed_at < now() - interval '7 days 1 minute'") == 0


def test_a_slow_batch_shrinks_and_the_rate_holds(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.fill(2_000, days=100)
    dedup.sql("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
              "$$ BEGIN PERFORM pg_sleep(0.0005); RETURN OLD; END $$")  # fmt: skip
    dedup.sql("CREATE TRIGGER slow BEFORE DELETE ON processed_messages FOR EACH ROW EXECUTE FUNCTION slow()")
    tally = purge(dedup, batch_size=1_000, target_batch_ms=100)
    assert tally.deleted == 1_860
    assert tally.batches > 4
    assert tally.batch_rows < 400
    dedup.sql("DROP TRIGGER slow ON processed_messages")
    dedup.sql("TRUNCATE processed_messages")
    dedup.fill(600, days=1_000)
    assert purge(dedup, rate_per_s=300).took_ms >= 900
