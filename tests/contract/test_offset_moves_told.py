"""What a move costs, what a table remembers, what is kept before it is skipped, and consumers that resume."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer
from fixtures.lab import LIMIT_S, wait_until
from fixtures.offsets import Offsets

from eosctl.lab import clients

MEANS_LAST = {"offsets": {"o": {"table": "consumer_offsets", "offset_means": "last_processed"}}}


def moves(answer: Any) -> dict[int, Any]:
    """The first step's moves by partition."""
    return {one["partition"]: one for one in answer.data["plan"]["steps"][0]["moves"]}


def test_markers_and_aborted_records_are_not_counted(offsets: Offsets) -> None:
    producer = clients.transactional_producer(offsets.lab, f"{offsets.group}-tx", 60_000)
    for end in (producer.abort_transaction, producer.commit_transaction):
        producer.begin_transaction()
        for _ in range(5):
            producer.produce(offsets.topic, b"12345", partition=0)
        producer.flush(LIMIT_S)
        end(LIMIT_S)
    offsets.commit({0: 22, 1: 10})
    words = ("offsets", "reset", offsets.group, "--all-topics", "--to-offset", "8", "--dry-run")
    looked = moves(offsets.eosctl(*words))
    again = looked[0]["again"]
    assert (again["offsets"], again["sampled"], again["records"], again["size_bytes"]) == (14, 14, 7, 27)
    assert (looked[1]["again"]["records"], looked[1]["again"]["last_ms"]) == (2, 1_009_000)
    counted = moves(offsets.eosctl(*words, "--sample", "0"))[0]["again"]
    assert (counted["offsets"], counted["records"]) == (14, None)


def test_what_a_dedup_table_has_forgotten_is_counted(offsets: Offsets, tmp_path: Path) -> None:
    offsets.sql("CREATE TABLE seen (message_id text PRIMARY KEY, processed_at timestamptz, partition int, "
                '"offset" bigint)')  # fmt: skip
    offsets.map_tables(tmp_path, dedup={"d": {"table": "seen", "topics": [offsets.topic]}})
    words = ("offsets", "reset", offsets.group, "--all-topics", "--to-earliest", "--dry-run")

    def told() -> list[str]:
        warnings = offsets.eosctl(*words).data["plan"]["warnings"]
        return [one["message"] for one in warnings if one["code"].startswith("dedup")]

    assert told() == ["public.seen is empty: it remembers none of these records."]
    offsets.sql("INSERT INTO seen VALUES ('a', to_timestamp(1003))")
    assert told()[0].startswith("6 of 10 records are older than what public.seen remembers (back to 1970")
    offsets.sql("INSERT INTO seen VALUES ('b', to_timestamp(1))")
    assert told()[0].startswith("public.seen remembers all that comes again")
    offsets.sql("ALTER TABLE seen ALTER processed_at TYPE timestamp")
    assert told()[0].startswith("Whether the dedup table d remembers")


def test_skipped_records_are_kept_in_a_file(offsets: Offsets, tmp_path: Path) -> None:
    file = tmp_path / "skipped.jsonl"
    words = ("offsets", "reset", offsets.group, "--all-topics", "--to-latest", "--save-skipped", str(file), "--yes")
    moved = offsets.eosctl(*words)
    assert (moved.code, offsets.in_kafka()) == (0, {0: 10, 1: 10})
    head, *lines = map(json.loads, file.read_text().splitlines())
    assert head["schema"] == "eosctl.skipped/v1"
    kept = sorted((one["partition"], one["offset"], one["value"], one["timestamp_ms"]) for one in lines)
    assert kept == [(partition, number, str(number), 1_000_000 + number * 1_000)
                    for partition, start in ((0, 4), (1, 6)) for number in range(start, 10)]  # fmt: skip
    assert offsets.eosctl(*words).errors == ("file_exists",)
    assert offsets.eosctl("undo", moved.data["journal_id"], "--yes").code == 0
    assert (offsets.in_kafka(), file.exists()) == ({0: 4, 1: 6}, True)


def test_skipped_records_are_kept_in_a_topic_before_the_move(offsets: Offsets, make_topic: Any, tmp_path: Path) -> None:
    kept, saved = make_topic(1), str(tmp_path / "plan.json")
    words = ("offsets", "reset", offsets.group, "--topic", f"{offsets.topic}:1", "--to-latest", "--save-skipped")
    assert offsets.eosctl(*words, offsets.topic, "--yes").errors == ("same_topic",)
    assert offsets.eosctl(*words, f"{kept}x", "--yes").errors == ("unknown_topic",)
    assert offsets.eosctl(*words, kept, "--plan-out", saved).code == 0
    assert offsets.eosctl("apply", saved, "--yes").code == 0
    assert offsets.eosctl("apply", saved, "--yes").code == 0  # all is done: nothing is kept twice
    consumer = Consumer({"bootstrap.servers": offsets.lab.bootstrap_servers, "group.id": f"{kept}-r",
                         "auto.offset.reset": "earliest", "enable.partition.eof": True})  # fmt: skip
    consumer.subscribe([kept])
    found: list[Any] = []
    try:
        while (message := consumer.poll(LIMIT_S)) is not None and message.error() is None:
            found.append((message.value(), dict(message.headers())["eosctl-source"]))
    finally:
        consumer.close()
    assert found == [(str(one).encode(), f"{offsets.topic}:1:{one}".encode()) for one in range(6, 10)]


def test_an_undo_is_forced_when_the_group_moved_on(offsets: Offsets) -> None:
    moved = offsets.eosctl(
        "offsets", "reset", offsets.group, "--all-topics", "--to-earliest", "--store", "both", "--yes"
    )
    offsets.commit({0: 2})
    offsets.sql("UPDATE consumer_offsets SET committed_offset = 3 WHERE partition = 1")
    assert offsets.eosctl("undo", moved.data["journal_id"], "--yes").code in (4, 5)
    forced = offsets.eosctl("undo", moved.data["journal_id"], "--force", "--yes")
    assert (forced.code, "moved_on" in forced.warnings) == (0, True)
    assert (offsets.in_kafka(), offsets.in_table()) == ({0: 4, 1: 6}, {0: 4, 1: 6})


def test_a_consumer_that_keeps_its_offsets_in_the_table_resumes_where_the_plan_said(offsets: Offsets) -> None:
    assert offsets.consume_by_table() == {0: [4, 5, 6, 7, 8, 9], 1: [6, 7, 8, 9]}
    words = ("offsets", "seek", offsets.group, f"{offsets.topic}:0=7", f"{offsets.topic}:1=9", "--store", "db", "--yes")
    assert offsets.eosctl(*words).code == 0
    assert offsets.consume_by_table() == {0: [7, 8, 9], 1: [9]}
    assert offsets.in_kafka() == {0: 4, 1: 6}


def test_a_table_of_last_processed_is_moved_by_one_less_and_never_to_minus_one(
    offsets: Offsets, tmp_path: Path
) -> None:
    offsets.map_tables(tmp_path, **MEANS_LAST)
    offsets.sql("UPDATE consumer_offsets SET committed_offset = committed_offset - 1")
    assert offsets.eosctl("offsets", "diff", offsets.group).code == 0
    words = (
        "offsets",
        "seek",
        offsets.group,
        f"{offsets.topic}:0=0",
        f"{offsets.topic}:1=8",
        "--store",
        "both",
        "--yes",
    )
    moved = offsets.eosctl(*words)
    assert (moved.code, "row_removed" in moved.warnings) == (0, True)
    assert (offsets.in_kafka(), offsets.in_table()) == ({0: 0, 1: 8}, {1: 7})
    assert offsets.consume_by_table(last_processed=True) == {0: list(range(10)), 1: [8, 9]}
    assert offsets.in_table() == {0: 9, 1: 9}


def test_undo_brings_a_removed_row_back(offsets: Offsets, tmp_path: Path) -> None:
    offsets.map_tables(tmp_path, **MEANS_LAST)
    words = ("offsets", "reset", offsets.group, "--all-topics", "--to-earliest", "--store", "db", "--yes")
    moved = offsets.eosctl(*words)
    assert (moved.code, offsets.in_table()) == (0, {})
    assert offsets.eosctl("undo", moved.data["journal_id"], "--yes").code == 0
    assert offsets.in_table() == {0: 4, 1: 6}


def test_a_group_in_two_mapped_tables_is_not_guessed_at(offsets: Offsets, tmp_path: Path) -> None:
    offsets.map_tables(tmp_path, offsets={"a": {"table": "consumer_offsets"}, "b": {"table": "more"}})
    offsets.sql("CREATE TABLE more (LIKE consumer_offsets)")
    words = ("offsets", "reset", offsets.group, "--all-topics", "--store", "db", "--to-earliest", "--dry-run")
    assert offsets.eosctl(*words).code == 0  # only one of them holds the group
    offsets.sql("INSERT INTO more SELECT * FROM consumer_offsets")
    refused = offsets.eosctl(*words)
    assert (refused.code, refused.errors) == (2, ("group_in_two_tables",))
    named = offsets.eosctl(*words, "--table", "a")
    assert (named.code, "group_in_two_tables" in named.warnings) == (0, True)
    offsets.sql("DELETE FROM more")
    bare = offsets.eosctl(*words[:4], "--store", "both", "--to-earliest", "--table", "b", "--dry-run")
    assert (bare.code, bare.errors) == (2, ("no_rows",))


@contextmanager
def member(offsets: Offsets) -> Iterator[Consumer]:
    """A real consumer that has joined the group."""
    consumer = Consumer({"bootstrap.servers": offsets.lab.bootstrap_servers, "group.id": offsets.group,
                         "enable.auto.commit": False})  # fmt: skip
    consumer.subscribe([offsets.topic])
    try:
        wait_until(lambda: (consumer.poll(0.2), consumer.assignment())[1], limit_s=60)
        yield consumer
    finally:
        consumer.close()


def test_wait_empty_waits_for_the_members_to_leave(offsets: Offsets) -> None:
    words = ("offsets", "reset", offsets.group, "--all-topics", "--to-earliest", "--yes", "--wait-empty")
    answers: list[Any] = []
    with member(offsets) as consumer:
        assert offsets.eosctl(*words, "600ms").errors == ("group_active",)
        waiting = threading.Thread(target=lambda: answers.append(offsets.eosctl_apart(*words, "60s")))
        waiting.start()
        for _ in range(15):
            consumer.poll(0.2)
        assert waiting.is_alive()
    waiting.join(90)
    assert (answers[0].code, offsets.in_kafka()) == (0, {0: 0, 1: 0})


def test_a_time_without_a_zone_takes_the_one_of_tz(offsets: Offsets) -> None:
    words = ("offsets", "reset", offsets.group, "--all-topics", "--to-datetime", "1970-01-01T01:16:43", "--yes")
    assert offsets.eosctl(*words, "--tz", "Europe/Vienna").code == 0
    assert offsets.in_kafka() == {0: 3, 1: 3}
    assert offsets.eosctl(*words, "--tz", "Europe/Nowhere").errors == ("bad_time",)
