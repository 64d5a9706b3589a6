"""Offsets in both stores on real servers: shown, moved as Kafka's own tool moves them, resumed from, taken back."""

import csv
import io
from collections.abc import Callable

import psycopg
import pytest
from confluent_kafka import Consumer
from fixtures.lab import LIMIT_S, wait_until
from fixtures.offsets import Offsets

from eosctl.lab import kafka

BOTH = ("--store", "both", "--yes")
TOOL = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"


def test_both_stores_are_shown_with_lag_and_agree(offsets: Offsets) -> None:
    shown = offsets.eosctl("offsets", "show", offsets.group, "--store", "both", "--times")
    assert shown.code == 0
    rows = [(one["partition"], one["kafka_offset"], one["table_offset"], one["lag_records"]) for one in shown.data]
    assert rows == [(0, 4, 4, 6), (1, 6, 6, 4)]
    assert [one["record_at"] for one in shown.data] == ["1970-01-01T00:16:44.000Z", "1970-01-01T00:16:46.000Z"]
    assert offsets.eosctl("offsets", "diff", offsets.group).code == 0


def test_drift_is_named_and_ends_with_3(offsets: Offsets) -> None:
    offsets.sql("UPDATE consumer_offsets SET committed_offset = committed_offset - 1")
    diff = offsets.eosctl("offsets", "diff", offsets.group)
    assert (diff.code, diff.warnings) == (3, ("off_by_one",))
    assert {one["drift"] for one in diff.data} == {"off by one"}
    offsets.commit({0: 99})
    assert next(one["drift"] for one in offsets.eosctl("offsets", "diff", offsets.group).data) == "out of range"
    assert offsets.eosctl("offsets", "show", offsets.group).code == 3


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (("--to-earliest",), ("--to-earliest",)),
        (("--to-latest",), ("--to-latest",)),
        (("--to-current",), ("--to-current",)),
        (("--to-offset", "7"), ("--to-offset", "7")),
        (("--to-offset", "99"), ("--to-offset", "99")),
        (("--shift-by", "-5"), ("--shift-by", "-5")),
        (("--to-datetime", "1970-01-01T00:16:43Z"), ("--to-datetime", "1970-01-01T00:16:43.000Z")),
        (("--to-datetime", "2020-01-01T00:00:00Z"), ("--to-datetime", "2020-01-01T00:00:00.000Z")),
        (("--by-duration", "5d"), ("--by-duration", "P5D")),
    ],
)
def test_every_form_gives_what_kafkas_tool_gives(
    offsets: Offsets, ours: tuple[str, ...], theirs: tuple[str, ...]
) -> None:
    said = kafka.run_tool(offsets.lab, TOOL, "--bootstrap-server", offsets.lab.bootstrap_servers, "--group",
                          offsets.group, "--reset-offsets", "--topic", offsets.topic, "--dry-run", "--export",
                          *theirs)  # fmt: skip
    expected = {int(row[-2]): int(row[-1]) for row in csv.reader(io.StringIO(said)) if offsets.topic in row}
    assert len(expected) == 2
    assert offsets.eosctl("offsets", "reset", offsets.group, "--topic", offsets.topic, *ours, "--yes").code == 0
    assert offsets.in_kafka() == expected


def test_a_move_of_both_is_resumed_from_and_undone(offsets: Offsets) -> None:
    moved = offsets.eosctl("offsets", "seek", offsets.group, f"{offsets.topic}:0=1", f"{offsets.topic}:1=8", *BOTH)
    assert moved.code == 0
    assert {"processed_again", "skipped"} <= set(moved.warnings)
    assert (offsets.in_kafka(), offsets.in_table()) == ({0: 1, 1: 8}, {0: 1, 1: 8})
    assert offsets.first_read() == {0: 1, 1: 8}
    assert offsets.eosctl("undo", moved.data["journal_id"], "--yes").code == 0
    assert (offsets.in_kafka(), offsets.in_table()) == ({0: 4, 1: 6}, {0: 4, 1: 6})


def test_an_undo_is_refused_when_the_group_moved_on(offsets: Offsets) -> None:
    moved = offsets.eosctl("offsets", "reset", offsets.group, "--all-topics", "--to-earliest", "--yes")
    offsets.commit({0: 2})
    assert offsets.eosctl("undo", moved.data["journal_id"], "--yes").code == 4
    assert offsets.in_kafka() == {0: 2, 1: 0}


def test_one_store_is_copied_onto_the_other_and_a_group_cloned(offsets: Offsets) -> None:
    offsets.sql("UPDATE consumer_offsets SET committed_offset = 9")
    words = ("offsets", "reset", offsets.group, "--all-topics", "--to-store", "db", "--yes")
    assert offsets.eosctl(*words).code == 0
    assert offsets.in_kafka() == {0: 9, 1: 9}
    assert offsets.in_table() == {0: 9, 1: 9}
    clone = f"{offsets.group}-clone"
    words = ("offsets", "reset", clone, "--all-topics", "--to-group", offsets.group, "--allow-new", "--yes")
    assert offsets.eosctl(*words).code == 0
    assert offsets.in_kafka(clone) == {0: 9, 1: 9}


def test_offsets_of_a_topic_are_forgotten_in_both_stores_and_come_back(offsets: Offsets) -> None:
    gone = offsets.eosctl("offsets", "delete", offsets.group, "--topic", offsets.topic, *BOTH)
    assert gone.code == 0
    assert (offsets.in_kafka(), offsets.in_table()) == ({}, {})
    assert offsets.eosctl("undo", gone.data["journal_id"], "--yes").code == 0
    assert (offsets.in_kafka(), offsets.in_table()) == ({0: 4, 1: 6}, {0: 4, 1: 6})


def test_members_are_named_and_nothing_is_moved(offsets: Offsets) -> None:
    consumer = Consumer({"bootstrap.servers": offsets.lab.bootstrap_servers, "group.id": offsets.group,
                         "client.id": "worker-7", "enable.auto.commit": False})  # fmt: skip
    consumer.subscribe([offsets.topic])
    try:
        wait_until(lambda: (consumer.poll(0.2), consumer.assignment())[1], limit_s=60)
        refused = offsets.eosctl("offsets", "reset", offsets.group, "--all-topics", "--to-earliest", "--yes")
        assert (refused.code, refused.errors) == (7, ("group_active",))
    finally:
        consumer.close()
    assert offsets.in_kafka() == {0: 4, 1: 6}


def test_a_row_that_changes_after_the_plan_makes_it_stale(offsets: Offsets, tmp_path: object) -> None:
    saved = f"{tmp_path}/plan.json"
    words = ("offsets", "reset", offsets.group, "--all-topics", "--store", "db", "--to-earliest", "--plan-out", saved)
    assert offsets.eosctl(*words).code == 0
    offsets.sql("UPDATE consumer_offsets SET committed_offset = 7 WHERE partition = 1")
    assert offsets.eosctl("apply", saved, "--yes").code == 4
    assert offsets.in_table() == {0: 4, 1: 7}


def test_a_concurrent_consumer_of_the_table_is_not_overrun(offsets: Offsets, tmp_path: object) -> None:
    saved = f"{tmp_path}/plan.json"
    words = ("offsets", "reset", offsets.group, "--all-topics", "--store", "db", "--to-earliest", "--plan-out", saved)
    assert offsets.eosctl(*words).code == 0
    from concurrent.futures import ThreadPoolExecutor

    with psycopg.connect(offsets.dsn) as consumer, ThreadPoolExecutor(1) as pool:
        consumer.execute("UPDATE consumer_offsets SET committed_offset = 5 WHERE partition = 0")
        applied = pool.submit(offsets.eosctl_apart, "apply", saved, "--yes")
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'eosctl' AND wait_event_type = 'Lock'"
        wait_until(lambda: offsets.sql(waiting)[0][0] == 1, limit_s=LIMIT_S)
        consumer.commit()
        assert applied.result(60).code == 4
    assert offsets.in_table() == {0: 5, 1: 6}


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (lambda o: ("show", o.group[:-1]), 2, "unknown_group"),
        (lambda o: ("seek", o.group, "nonsense", "--yes"), 2, "bad_place"),
        (lambda o: ("seek", o.group, f"{o.topic}:0=1", f"{o.topic}:0=2", "--yes"), 2, "named_twice"),
        (lambda o: ("seek", o.group, f"{o.topic}:0=99", "--yes"), 2, "offset_out_of_range"),
        (lambda o: ("reset", o.group, "--topic", f"{o.topic}:7", "--to-latest", "--yes"), 2, "unknown_partition"),
        (lambda o: ("reset", o.group, "--all-topics", "--yes"), 2, "one_rule"),
        (lambda o: ("reset", o.group, "--to-latest", "--yes"), 2, "which_topics"),
        (lambda o: ("reset", o.group, "--all-topics", "--to-offset", "-1", "--yes"), 2, "bad_parameter"),
        (lambda o: ("reset", o.group, "--all-topics", "--to-datetime", "2026-01-01T00:00", "--yes"), 2,
         "time_without_zone"),
        (lambda o: ("reset", o.group, "--all-topics", "--to-datetime", "2999-01-01T00:00:00Z", "--yes"), 2,
         "time_in_future"),
    ],
)  # fmt: skip
def test_wrong_input_is_said_in_a_sentence(
    offsets: Offsets, words: Callable[[Offsets], tuple[str, ...]], code: int, error: str
) -> None:
    answer = offsets.eosctl("offsets", *words(offsets))
    assert (answer.code, answer.errors) == (code, (error,))
    assert offsets.in_kafka() == {0: 4, 1: 6}
