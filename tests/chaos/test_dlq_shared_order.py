"""A shared replay in the order of origins, and one behind a canary: one order, one wait, whatever member dies."""

import json
import subprocess
from collections import defaultdict

from confluent_kafka import Producer
from fixtures.dead_letters import DeadLetters, Members, result_of, spring
from fixtures.lab import LIMIT_S, wait_until

from eosctl.lab import clients

_RECORDS = 900


def _write_backwards(dead_letters: DeadLetters) -> None:
    """Keys of 30, each in one partition of the origin and in all three of the dead-letter topic, the newest first."""
    producer = Producer(clients.librdkafka_settings(dead_letters.lab))
    for number in reversed(range(_RECORDS)):
        headers = spring(dead_letters.topic, number % 3, number)
        producer.produce(dead_letters.dead, b"%d" % number, b"key-%d" % (number % 30), number // 7 % 3, headers=headers)
    assert producer.flush(LIMIT_S) == 0


def _keys_in_order(dead_letters: DeadLetters) -> list[bool]:
    by_key = defaultdict(list)
    for one in sorted(dead_letters.records(), key=lambda one: (one.partition.partition, one.offset)):
        by_key[one.key].append(int(one.value or b""))
    assert len(by_key) == 30
    return [numbers == sorted(numbers) for numbers in by_key.values()]


def _ended(member: "subprocess.Popen[str]", code: int) -> dict[str, object]:
    output, errors = member.communicate(timeout=300)
    assert member.returncode == code, output + errors
    found: dict[str, object] = json.loads(output)["data"]["result"]
    return found


def test_each_key_comes_in_the_order_of_its_origin_though_a_member_is_killed(
    dead_letters: DeadLetters, members: Members
) -> None:
    _write_backwards(dead_letters)
    words = ("--key-order", "origin")
    doomed, steady = members.begin(*words, point="before-commit", after=4), members.begin(*words)
    members.open(2)
    _, errors = doomed.communicate(timeout=300)
    assert doomed.returncode == -9, errors
    result = _ended(steady, 0)
    assert (result["read"], result["outcomes"]) == (_RECORDS, {"replayed": _RECORDS})
    assert set(dead_letters.numbers().values()) == {1}
    assert len(dead_letters.numbers()) == _RECORDS
    assert all(_keys_in_order(dead_letters))
    again = dead_letters.replay("--shared", *words)
    assert json.loads(again.stdout)["data"]["plan"]["observed"]["expected"] == {"skipped:window": _RECORDS}


def test_the_control_whose_members_share_partitions_and_not_origins_mixes_keys_up(
    dead_letters: DeadLetters, members: Members
) -> None:
    _write_backwards(dead_letters)
    both = [members.begin("--key-order", "origin", mode="laneless") for _ in range(2)]
    members.open(2)
    for one in both:
        _ended(one, 0)
    assert not all(_keys_in_order(dead_letters)), "every key came in order, so the chaos test proves nothing"


def _canary(dead_letters: DeadLetters, limit: str) -> tuple[str, ...]:
    return ("--canary", "5", "--watch-group", dead_letters.group, "--watch-limit", limit, "--batch", "20")


def test_the_first_records_hold_all_members_back_until_the_group_has_passed_them(
    dead_letters: DeadLetters, members: Members
) -> None:
    dead_letters.write(120)
    dead_letters.pass_to(0)
    both = [members.begin(*_canary(dead_letters, "2s")) for _ in range(2)]
    members.open(2)
    for one in both:
        result = _ended(one, 3)
        assert "has not passed" in str(result["halted"])
        assert result["replayed"] == 5
    assert sum(dead_letters.numbers().values()) == 5
    dead_letters.pass_to(10_000)
    both = [members.begin(*_canary(dead_letters, "60s")) for _ in range(2)]
    assert [_ended(one, 0)["replayed"] for one in both] == [120, 120]
    assert dead_letters.numbers() == dict.fromkeys(range(120), 1)


def test_who_takes_over_waits_for_what_the_dead_one_had_sent(dead_letters: DeadLetters, members: Members) -> None:
    dead_letters.write(60)
    dead_letters.pass_to(0)
    doomed = members.begin(*_canary(dead_letters, "120s"))
    members.open(1)
    ends = wait_until(lambda: _sent(dead_letters), limit_s=90)
    assert ends == 5
    doomed.kill()
    doomed.communicate()
    result = _ended(members.begin(*_canary(dead_letters, "2s")), 3)
    assert (result["replayed"], result["resumed"]) == (5, True)
    assert sum(dead_letters.numbers().values()) == 5
    dead_letters.pass_to(10_000)
    assert result_of(dead_letters.replay("--shared", "--no-scan", *_canary(dead_letters, "60s")))["replayed"] == 60
    assert dead_letters.numbers() == dict.fromkeys(range(60), 1)


def _sent(dead_letters: DeadLetters) -> int:
    """Records in the target; `records` waits until no transaction is open in it."""
    ends = clients.ends(dead_letters.lab, dead_letters.topic, range(3), committed=True)
    return len(dead_letters.records()) if any(ends.values()) else 0
