"""Replays with more to heed: a consumer's table, the order of origins, a canary, a list of what stayed."""

import json
from collections import defaultdict
from pathlib import Path

import psycopg
from confluent_kafka import Producer
from fixtures.dead_letters import DeadLetters, result_of, spring
from fixtures.lab import LIMIT_S, wait_until

from eosctl.lab import clients


def _canary(dead_letters: DeadLetters, *more: str) -> tuple[str, ...]:
    return ("--canary", "5", "--watch-group", dead_letters.group, "--no-scan", *more)


def test_what_the_consumers_table_holds_is_skipped_and_listed(
    dead_letters: DeadLetters, database: str, tmp_path: Path
) -> None:
    dead_letters.dsn = database
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE processed_messages (message_id text PRIMARY KEY, processed_at timestamptz, "
                           'partition int, "offset" text)')  # fmt: skip
        connection.execute("INSERT INTO processed_messages VALUES ('1-4', now(), 1, '4'), ('0-3', now(), 0, '3')")
    dead_letters.write(9)
    listed = tmp_path / "stayed.jsonl"
    words = ("--processed-in", "processed_messages", "--list", str(listed))
    planned = dead_letters.data("replay", dead_letters.dead, *words, "--dry-run")
    assert planned["plan"]["observed"]["expected"] == {"replayed": 7, "skipped:processed": 2}
    result = result_of(dead_letters.replay(*words))
    assert result["outcomes"] == {"replayed": 7, "skipped:processed": 2}
    assert sorted(dead_letters.numbers()) == [0, 1, 2, 5, 6, 7, 8]
    lines = [json.loads(line) for line in listed.read_text().splitlines()]
    assert {(one["origin_partition"], one["origin_offset"], one["outcome"]) for one in lines} == {
        (1, 4, "skipped:processed"), (0, 3, "skipped:processed")}  # fmt: skip
    assert len(lines) == 2
    unknown = dead_letters.replay("--processed-in", "no_such_table")
    assert (unknown.returncode, json.loads(unknown.stdout)["errors"][0]["code"]) == (2, "unknown_table")


def test_the_order_of_origins_holds_for_each_key_even_after_a_kill(dead_letters: DeadLetters) -> None:
    producer = Producer(clients.librdkafka_settings(dead_letters.lab))
    for number in reversed(range(600)):
        headers = spring(dead_letters.topic, number % 3, number)
        producer.produce(dead_letters.dead, b"%d" % number, b"key-%d" % (number % 30), number // 7 % 3, headers=headers)
    assert producer.flush(LIMIT_S) == 0
    words = ("--key-order", "origin", "--batch", "100")
    killed = dead_letters.replay(*words, "--no-scan", driver=("before-commit", 3, "real"))
    assert killed.returncode == -9, killed.stderr
    last = dead_letters.replay(*words, "--no-scan")
    assert last.returncode == 0, last.stdout + last.stderr
    assert (result_of(last)["resumed"], result_of(last)["read"], result_of(last)["replayed"]) == (True, 600, 600)
    by_key = defaultdict(list)
    for one in sorted(dead_letters.records(), key=lambda one: (one.partition.partition, one.offset)):
        by_key[one.key].append(int(one.value or b""))
    assert sum(map(len, by_key.values())) == 600
    assert all(numbers == sorted(numbers) for numbers in by_key.values())
    again = json.loads(dead_letters.replay(*words).stdout)["data"]
    assert again["plan"]["observed"]["expected"] == {"skipped:window": 600}


def test_a_canary_that_the_group_does_not_pass_halts_the_replay(dead_letters: DeadLetters) -> None:
    dead_letters.write(60)
    dead_letters.pass_to(0)
    done = dead_letters.replay(*_canary(dead_letters, "--watch-limit", "1s"))
    assert done.returncode == 3, done.stdout + done.stderr
    assert (result_of(done)["replayed"], result_of(done)["stopped"]) == (5, True)
    assert "has not passed" in result_of(done)["halted"]
    assert sum(dead_letters.numbers().values()) == 5


def test_a_canary_that_comes_back_halts_the_replay(dead_letters: DeadLetters) -> None:
    dead_letters.write(60)
    dead_letters.pass_to(0)
    replay = dead_letters.begin(*_canary(dead_letters))
    try:
        wait_until(
            lambda: sum(clients.ends(dead_letters.lab, dead_letters.topic, range(3), committed=True).values()) > 0,
            limit_s=60,
        )
        dead_letters.write(1, start=90)
        output, errors = replay.communicate(timeout=300)
    finally:
        replay.kill()
    assert replay.returncode == 3, output + errors
    assert "grew by 1" in json.loads(output)["data"]["result"]["halted"]
    assert sum(dead_letters.numbers().values()) == 5


def test_a_canary_that_is_passed_lets_the_rest_go(dead_letters: DeadLetters) -> None:
    dead_letters.write(60)
    dead_letters.pass_to(0)
    replay = dead_letters.begin(*_canary(dead_letters, "--batch", "20"))
    try:
        wait_until(
            lambda: sum(clients.ends(dead_letters.lab, dead_letters.topic, range(3), committed=True).values()) > 0,
            limit_s=60,
        )
        assert sum(clients.ends(dead_letters.lab, dead_letters.topic, range(3), committed=True).values()) < 20
        dead_letters.pass_to(10_000)
        output, errors = replay.communicate(timeout=300)
    finally:
        replay.kill()
    assert replay.returncode == 0, output + errors
    assert set(dead_letters.numbers()) == set(range(60))


def test_a_canary_without_a_group_or_with_one_that_does_not_read_is_refused(dead_letters: DeadLetters) -> None:
    dead_letters.write(3)
    for words, code in ((("--canary", "5"), "canary_and_group"),
                        (("--canary", "5", "--watch-group", "nobody"), "group_not_reading")):  # fmt: skip
        done = dead_letters.replay(*words)
        assert (done.returncode, json.loads(done.stdout)["errors"][0]["code"]) == (2, code)
