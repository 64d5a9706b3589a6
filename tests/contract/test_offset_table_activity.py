"""A table whose rows changed within the last minute is left alone, by each kind of evidence, on real PostgreSQL."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from fixtures.offsets import Offsets

from eosctl.lab import postgres, processes
from eosctl.lab.state import LabState

RESET = ("--all-topics", "--store", "db", "--to-earliest", "--yes")
STAMPED = {"offsets": {"o": {"table": "consumer_offsets", "updated_at": "touched_at"}}}


@pytest.fixture(scope="module")
def tracking(lab: LabState, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of its own with `track_commit_timestamp`, which only a start can turn on; its connection string."""
    port = processes.free_port(set())
    dsn = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    folder = tmp_path_factory.mktemp("tracking")
    programs = lab.postgres_bin or postgres.postgres_bin("")
    state = replace(lab, folder=str(folder), ports={"postgres": port}, dsn=dsn, postgres_bin=programs)
    (folder / "logs").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(postgres._SETTINGS, "track_commit_timestamp", "on")
        process = postgres.start_postgres(state)
    yield dsn
    processes.end(process, limit_s=10)


@pytest.fixture
def tracked(lab: LabState, make_topic: Callable[..., str], tracking: str) -> Offsets:
    """A group in both stores, its rows written just now."""
    with psycopg.connect(tracking, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS consumer_offsets")
    return Offsets(lab, make_topic(2, retention_ms="-1"), tracking)


def test_commit_timestamps_tell_a_consumer_that_ran_within_the_minute(tracked: Offsets) -> None:
    before = tracked.in_table()
    refused = tracked.eosctl("offsets", "reset", tracked.group, *RESET)
    assert (refused.code, refused.errors, tracked.in_table()) == (7, ("table_active",), before)
    quiet = tracked.eosctl("offsets", "reset", tracked.group, *RESET, "--table-idle", "2s", "--wait-empty", "60s")
    assert (quiet.code, tracked.in_table()) == (0, {0: 0, 1: 0})
    assert "table_quiet" in quiet.warnings
    # a row that is where it shall be was put there by the move that stopped half way: done anew, it is no refusal
    again = tracked.eosctl("offsets", "reset", tracked.group, *RESET)
    assert again.code == 0
    own = ("offsets", "reset", tracked.group, "--all-topics", "--store", "db", "--to-latest", "--yes")
    assert tracked.eosctl(*own).errors == ("table_active",)
    assert tracked.eosctl(*own, "--table-idle", "0s").code == 0


def test_a_column_that_is_mapped_tells_it_too_and_is_written_by_a_move(offsets: Offsets, tmp_path: Path) -> None:
    offsets.sql("ALTER TABLE consumer_offsets ADD touched_at timestamptz NOT NULL DEFAULT now()")
    offsets.map_tables(tmp_path, **STAMPED)
    assert offsets.eosctl("offsets", "reset", offsets.group, *RESET).errors == ("table_active",)
    offsets.sql("UPDATE consumer_offsets SET touched_at = now() - interval '61 seconds'")
    moved = offsets.eosctl("offsets", "reset", offsets.group, *RESET)
    assert (moved.code, offsets.in_table()) == (0, {0: 0, 1: 0})
    assert "table_quiet" in moved.warnings
    [(age_s,)] = offsets.sql("SELECT max(extract(epoch FROM now() - touched_at))::float FROM consumer_offsets")
    assert age_s < 61
    offsets.sql("ALTER TABLE consumer_offsets ALTER touched_at TYPE timestamp")
    assert offsets.eosctl("offsets", "reset", offsets.group, *RESET).errors == ("bad_mapping",)


def test_without_either_the_rows_are_watched_and_the_plan_says_so(offsets: Offsets) -> None:
    words = ("offsets", "reset", offsets.group, "--all-topics", "--store", "db", "--dry-run")
    told = offsets.eosctl(*words, "--to-earliest")
    assert told.code == 0
    assert "table_watched" in told.warnings
    longer = offsets.eosctl(*words, "--to-earliest", "--table-idle", "3s", "--wait-empty", "60s")
    plan = longer.data["plan"]
    [watched] = [one["message"] for one in plan["warnings"] if one["code"] == "table_watched"]
    assert int(re.search(r"in (\d+)", watched).group(1)) >= 3  # type: ignore[union-attr]
