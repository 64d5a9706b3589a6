"""`--processed-in` with a table of stored offsets, on real servers: what the consumer reads by itself is not sent."""

import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from confluent_kafka import Consumer, Producer, TopicPartition
from fixtures.dead_letters import DeadLetters, result_of, spring
from fixtures.lab import LIMIT_S

from eosctl.lab import clients

_TABLE = ("CREATE TABLE consumer_offsets (topic text, partition int, consumer_group text, committed_offset bigint, "
          "PRIMARY KEY (topic, partition, consumer_group))")  # fmt: skip
_GROUP = "orders-service"
_LONG_AGO_MS = 3_600_000


@pytest.fixture
def stored(dead_letters: DeadLetters, database: str) -> DeadLetters:
    """Twelve records in three partitions of the origin, and an empty table of stored offsets."""
    dead_letters.dsn = database
    _produce(dead_letters, *(({"topic": dead_letters.topic, "value": b"%d" % one, "key": b"k-%d" % one,
                               "partition": one % 3}) for one in range(12)))  # fmt: skip
    _sql(dead_letters, _TABLE)
    return dead_letters


def _produce(dead_letters: DeadLetters, *records: dict[str, Any]) -> None:
    producer = Producer(clients.librdkafka_settings(dead_letters.lab))
    for one in records:
        producer.produce(**one)
    assert producer.flush(LIMIT_S) == 0


def _letters(dead_letters: DeadLetters, numbers: Sequence[int], **other: Any) -> None:
    """Dead letters of the origin's records of these numbers, an hour old unless `other` says when."""
    old = {"timestamp": round(time.time() * 1_000) - _LONG_AGO_MS}
    _produce(dead_letters, *({"topic": dead_letters.dead, "value": b"%d" % one, "key": b"k-%d" % one,
                              "partition": 0, "headers": spring(dead_letters.topic, one % 3, one // 3),
                              **old, **other} for one in numbers))  # fmt: skip


def _sql(dead_letters: DeadLetters, statement: str, *args: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(dead_letters.dsn) as connection:
        cursor = connection.execute(statement, args or None)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []


def _store(dead_letters: DeadLetters, offsets: dict[int, int], group: str = _GROUP) -> None:
    for partition, offset in offsets.items():
        _sql(dead_letters, "INSERT INTO consumer_offsets VALUES (%s, %s, %s, %s) ON CONFLICT (topic, partition, "
             "consumer_group) DO UPDATE SET committed_offset = EXCLUDED.committed_offset",
             dead_letters.topic, partition, group, offset)  # fmt: skip


def _map(dead_letters: DeadLetters, folder: Path, monkeypatch: pytest.MonkeyPatch, **tables: Any) -> None:
    """From now on commands use a profile that maps these tables."""
    file = folder / "config" / "eosctl" / "config.yaml"
    file.parent.mkdir(parents=True)
    profile = {"bootstrap_servers": dead_letters.lab.bootstrap_servers, "tables": tables}
    file.write_text(yaml.safe_dump({"current": "p", "profiles": {"p": profile}}), encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("EOSCTL_PROFILE", "p")


def _planned(dead_letters: DeadLetters, *words: str) -> tuple[dict[str, int], dict[str, str]]:
    """What a plan expects, and its warnings by code."""
    data = dead_letters.data("replay", dead_letters.dead, *words, "--dry-run")
    plan = data["plan"]
    return plan["observed"]["expected"], {one["code"]: one["message"] for one in plan["warnings"]}


def _codes(dead_letters: DeadLetters, *words: str) -> tuple[int, list[str]]:
    done = dead_letters.replay(*words)
    return done.returncode, [one["code"] for one in json.loads(done.stdout)["errors"]]


def test_what_was_not_passed_is_skipped_and_what_was_passed_is_replayed_unless_claimed(
    stored: DeadLetters, tmp_path: Path
) -> None:
    _letters(stored, range(12))
    _store(stored, {0: 1, 1: 4})
    words = ("--processed-in", "consumer_offsets")
    claimed, told = _planned(stored, *words, "--passed-means", "processed")
    assert claimed == {"skipped:passed": 5, "skipped:ahead": 3, "replayed": 4}
    assert "5 dead letters" in told["passed_means_processed"]
    expected, told = _planned(stored, *words)
    assert expected == {"skipped:ahead": 3, "replayed": 9}
    assert told["offset_means"] == "public.consumer_offsets is read as next_to_read."
    assert "5 dead letters" in told["passed_is_no_proof"]
    assert told["offset_not_stored"].startswith("4 ")
    listed = tmp_path / "stayed.jsonl"
    done = stored.replay(*words, "--list", str(listed), "--report", str(tmp_path / "sum.md"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert (result_of(done)["outcomes"], result_of(done)["read"]) == (expected, 12)
    assert stored.numbers() == Counter([*range(12), 0, 1, 4, 7, 10, 2, 5, 8, 11])
    lines = [json.loads(line) for line in listed.read_text().splitlines()]
    assert [(one["origin_partition"], one["origin_offset"], one["outcome"]) for one in lines] == [
        (0, one, "skipped:ahead") for one in (1, 2, 3)]  # fmt: skip
    assert "skipped:ahead" in (tmp_path / "sum.md").read_text()


def test_the_last_processed_offset_in_columns_of_other_names_by_mapping_or_by_table(
    stored: DeadLetters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _sql(stored, "CREATE SCHEMA shop")
    _sql(stored, "CREATE TABLE shop.positions (who text, t varchar(200), p smallint, done bigint)")
    for partition, offset in ((0, 0), (1, 3), (2, None)):
        _sql(stored, "INSERT INTO shop.positions VALUES ('orders', %s, %s, %s)", stored.topic, partition, offset)
    for offset in (1, 2):
        _sql(stored, "INSERT INTO shop.positions VALUES ('twice', %s, 0, %s)", stored.topic, offset)
    _map(stored, tmp_path, monkeypatch, offsets={"orders": {
        "table": "shop.positions", "topic": "t", "partition": "p", "consumer_group": "who", "committed_offset": "done",
        "offset_means": "last_processed"}})  # fmt: skip
    _letters(stored, range(12))
    for table in ("orders", "shop.positions"):
        words = ("--processed-in", table, "--processed-group")
        expected, told = _planned(stored, *words, "orders")
        assert expected == {"skipped:ahead": 3, "replayed": 9}
        assert told["offset_means"] == "shop.positions is read as last_processed."
        # two numbers for one place say nothing
        assert _planned(stored, *words, "twice")[0] == {"replayed": 12}
    assert _planned(stored, "--processed-in", "orders")[1]["offset_not_stored"].startswith("12 ")
    shared = stored.replay("--processed-in", "orders", "--processed-group", "orders", "--shared", "--no-scan")
    assert shared.returncode == 0, shared.stdout + shared.stderr
    assert result_of(shared)["outcomes"] == {"skipped:ahead": 3, "replayed": 9}
    assert "passed_is_no_proof" in {one["code"] for one in json.loads(shared.stdout)["data"]["plan"]["warnings"]}


def test_what_the_consumer_may_be_at_is_held_with_its_key(stored: DeadLetters) -> None:
    _store(stored, {0: 1})
    now_ms = round(time.time() * 1_000)
    _letters(stored, [3], timestamp=now_ms, key=b"k-3")
    _letters(stored, [1], key=b"k-3")
    _letters(stored, [9, 2])
    done = stored.replay("--processed-in", "consumer_offsets")
    assert done.returncode == 3, done.stdout + done.stderr
    assert result_of(done)["outcomes"] == {"held:ahead": 1, "held:key": 1, "skipped:ahead": 1, "replayed": 1}
    copied = {one.offset: one.timestamp_ms for one in stored.records() if one.partition.partition == 0}[3]
    assert copied is not None
    _letters(stored, [9], timestamp=copied)
    expected, told = _planned(stored, "--processed-in", "consumer_offsets", "--offset-range", "0:4-5")
    assert expected == {"held:ahead": 1}, "a time that was copied from the origin tells nothing"
    assert told["ahead_or_at_it"].startswith("1 ")


def test_what_nobody_will_read_there_is_replayed(stored: DeadLetters) -> None:
    """Retention took it, the consumer would begin elsewhere, or another record lies at its place."""
    _store(stored, {0: 1, 1: 1})
    _letters(stored, [4], key=b"of-another-record")
    _letters(stored, [3, 6, 9])
    _letters(stored, [30])
    admin = clients.librdkafka_admin(stored.lab)
    for deleted in admin.delete_records([TopicPartition(stored.topic, 0, 2)]).values():
        deleted.result(LIMIT_S)
    expected, told = _planned(stored, "--processed-in", "consumer_offsets")
    assert (expected, told["ahead_and_gone"][:2]) == ({"replayed": 5}, "5 ")
    _store(stored, {0: 2})
    expected, told = _planned(stored, "--processed-in", "consumer_offsets")
    assert expected == {"replayed": 3, "skipped:ahead": 2}, "6 and 9 are there, and the consumer begins at 6"


def test_a_table_that_says_nothing_is_refused_by_name(
    stored: DeadLetters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = [("__connect.errors.topic", stored.topic.encode()), ("__connect.errors.partition", b"0"),
               ("__connect.errors.offset", b"1"), ("x-chosen", b"yes")]  # fmt: skip
    _letters(stored, [3], headers=headers)
    _letters(stored, [6])
    words = ("--processed-in", "consumer_offsets")
    _store(stored, {0: 1}, "only")
    assert _planned(stored, *words, "--header", "x-chosen=yes")[0] == {"skipped:ahead": 1, "filtered": 1}
    _store(stored, {0: 1}, "other")
    assert _codes(stored, *words) == (2, ["which_group"])
    assert "only, other" in stored.replay(*words).stdout
    assert _planned(stored, *words, "--key", "k-6")[0]["replayed"] == 1, "what is not selected needs no group"
    assert _codes(stored, *words, "--processed-group", "othr", "--no-scan") == (2, ["no_rows"])
    assert _planned(stored, *words, "--processed-group", "other")[0] == {"skipped:ahead": 2}
    assert _codes(stored, "--passed-means", "processed") == (2, ["processed_in_missing"])
    assert _codes(stored, "--processed-group", "other") == (2, ["processed_in_missing"])
    _sql(stored, "CREATE TABLE neither (a int)")
    _sql(stored, "CREATE TABLE processed (message_id text PRIMARY KEY, processed_at timestamptz)")
    assert _codes(stored, "--processed-in", "neither", "--no-scan") == (2, ["not_processed_table"])
    assert _codes(stored, "--processed-in", "processed", "--passed-means", "processed") == (2, ["no_stored_offsets"])
    assert _codes(stored, "--processed-in", "processed", "--processed-group", "g") == (2, ["no_group_column"])
    _map(stored, tmp_path, monkeypatch, offsets={"orders": {"table": "consumer_offsets"}}, dedup={"orders": {}})
    assert _codes(stored, "--processed-in", "orders") == (2, ["which_table"])
    stored.dsn = ""
    for name in [one for one in os.environ if one.startswith("PG")]:
        monkeypatch.delenv(name)
    assert _codes(stored, *words) == (2, ["no_database"])
    assert stored.records()[12:] == []


def _consume(stored: DeadLetters, *, failing: frozenset[int] = frozenset()) -> None:
    """The consumer: from its stored offset to the end of partition 0, effect and offset in one transaction.

    Records that fail are dead-lettered, as of an hour ago, and passed.
    """
    ((start,),) = _sql(stored, "SELECT committed_offset FROM consumer_offsets") or [(0,)]
    consumer = Consumer({**clients.librdkafka_settings(stored.lab), "group.id": "unused", "enable.auto.commit": False,
                         "enable.partition.eof": True})  # fmt: skip
    consumer.assign([TopicPartition(stored.topic, 0, start)])
    try:
        while (message := consumer.poll(LIMIT_S)) is not None and message.error() is None:
            at = message.offset() + 1
            if message.offset() in failing:
                _letters(stored, [int(message.value())])
            with psycopg.connect(stored.dsn) as connection:
                if message.offset() not in failing:
                    connection.execute("INSERT INTO effects VALUES (%s)", (int(message.value()),))
                connection.execute("INSERT INTO consumer_offsets VALUES (%s, 0, %s, %s) ON CONFLICT (topic, partition, "
                                   "consumer_group) DO UPDATE SET committed_offset = EXCLUDED.committed_offset",
                                   (stored.topic, _GROUP, at))  # fmt: skip
        assert message is not None
        assert message.error().name() == "_PARTITION_EOF"
    finally:
        consumer.close()


@pytest.mark.parametrize("asks", [True, False])
def test_after_a_rewind_the_dead_letters_that_come_again_by_themselves_are_processed_once(
    stored: DeadLetters, asks: bool
) -> None:
    """Without `--processed-in`, the control, the records that were set back over are processed twice."""
    _sql(stored, "CREATE TABLE effects (number int)")
    _consume(stored, failing=frozenset({1, 3}))
    _sql(stored, "UPDATE consumer_offsets SET committed_offset = 3")
    _sql(stored, "DELETE FROM effects WHERE number >= 9")
    done = stored.replay(*(("--processed-in", "consumer_offsets") if asks else ()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert result_of(done)["outcomes"] == ({"replayed": 1, "skipped:ahead": 1} if asks else {"replayed": 2})
    _consume(stored)
    effects = Counter(number for (number,) in _sql(stored, "SELECT number FROM effects"))
    assert effects == Counter({0: 1, 3: 1, 6: 1, 9: 1 if asks else 2})
