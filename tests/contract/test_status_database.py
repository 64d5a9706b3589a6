"""The database's lines of `status`, on real PostgreSQL: quiet, then each with a real problem."""

from collections.abc import Iterator

import psycopg
import pytest
from fixtures.offsets import Offsets

SLOT = "status_test_slot"


@pytest.fixture
def slot(offsets: Offsets) -> Iterator[str]:
    """A replication slot that nobody reads, dropped afterwards."""
    name = f"{SLOT}_{offsets.group.removeprefix('g-')}"
    with psycopg.connect(offsets.dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (name,))
        yield name
        connection.execute("SELECT pg_drop_replication_slot(%s)", (name,))


def areas(offsets: Offsets) -> dict[str, tuple[str, str]]:
    answer = offsets.eosctl("status")
    return {one["area"]: (one["verdict"], one["finding"]) for one in answer.data["areas"]}


def test_tables_that_are_not_there_are_no_problem(offsets: Offsets) -> None:
    seen = areas(offsets)
    assert [seen[name][0] for name in ("dedup", "outbox")] == ["ok", "ok"]
    assert "slots" in seen


def test_each_area_of_the_database_names_its_problem(offsets: Offsets, slot: str) -> None:
    assert offsets.eosctl("dedup", "init", "--yes").code == 0
    assert offsets.eosctl("outbox", "init", "--yes").code == 0
    quiet = areas(offsets)
    assert quiet["dedup"] == ("ok", "public.processed_messages: 0 entries")
    assert quiet["outbox"] == ("ok", "public.outbox: nothing pending")
    assert quiet["slots"][0] == "problem"
    assert slot in quiet["slots"][1]
    offsets.sql("INSERT INTO outbox (aggregate_type, aggregate_id, event_type, payload, retry_count) "
                "VALUES ('order', '1', 'made', '{}', 10)")  # fmt: skip
    for (index,) in offsets.sql("SELECT indexname FROM pg_indexes WHERE tablename = 'processed_messages' AND "
                                "indexdef NOT LIKE '%%UNIQUE%%'"):  # fmt: skip
        offsets.sql(f'DROP INDEX "{index}"')
    bad = areas(offsets)
    assert (bad["dedup"][0], bad["outbox"][0]) == ("problem", "problem")
    assert "no index on its time column" in bad["dedup"][1]
    assert "1 event has used up all retries" in bad["outbox"][1]


def test_a_database_that_does_not_answer_hides_no_area_of_kafka(offsets: Offsets) -> None:
    offsets.env["EOSCTL_DSN"] = "postgresql://postgres@127.0.0.1:1/postgres"
    seen = areas(offsets)
    assert {seen[name][0] for name in ("dedup", "outbox", "slots")} == {"unknown"}
    assert seen["brokers"][0] == "ok"
