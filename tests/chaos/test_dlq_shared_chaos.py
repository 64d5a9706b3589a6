"""A replay shared by several processes that are killed and join: every record once. Blind members double some."""

import json
import os
import signal
import subprocess

import psutil
import pytest
from confluent_kafka import Producer
from fixtures.dead_letters import DeadLetters, Members, result_of, spring
from fixtures.lab import LIMIT_S, wait_until

from eosctl.lab import clients

_RECORDS = 1_500
_POINTS = ("produced", "reserved", "before-offsets", "before-commit", "during-commit")


def _write_twice(dead_letters: DeadLetters) -> None:
    """Each dead letter lies in two partitions: only the ledger tells that they are one."""
    producer = Producer({**clients.librdkafka_settings(dead_letters.lab), "linger.ms": 5})
    for number in range(_RECORDS):
        for partition in (number % 3, (number + 1) % 3):
            producer.produce(dead_letters.dead, b"%d" % number, b"key-%d" % (number % 40), partition,
                             headers=spring(dead_letters.topic, number % 3, number))  # fmt: skip
        producer.poll(0)
    assert producer.flush(LIMIT_S) == 0


def _sum_of(member: "subprocess.Popen[str]") -> dict[str, int]:
    output, errors = member.communicate(timeout=300)
    assert member.returncode == 0, output + errors
    found: dict[str, int] = json.loads(output)["data"]["result"]["outcomes"]
    return found


def _each_once(dead_letters: DeadLetters) -> None:
    numbers = dead_letters.numbers()
    assert set(numbers) == set(range(_RECORDS))
    assert set(numbers.values()) == {1}


def test_two_members_are_killed_and_one_joins_and_every_record_is_replayed_once(
    dead_letters: DeadLetters, members: Members
) -> None:
    _write_twice(dead_letters)
    doomed = [members.begin(point="reserved", after=4), members.begin(point="before-commit", after=5)]
    steady = members.begin()
    members.open(3)
    for one in doomed:
        _, errors = one.communicate(timeout=300)
        assert one.returncode == -9, errors
    late = members.begin()
    whole = {"replayed": _RECORDS, "skipped:run": _RECORDS}
    assert [_sum_of(one) for one in (steady, late)] == [whole, whole]
    _each_once(dead_letters)
    again = dead_letters.replay("--shared")
    assert json.loads(again.stdout)["data"]["plan"]["observed"]["expected"] == {"skipped:window": 2 * _RECORDS}


@pytest.mark.slow
@pytest.mark.parametrize("point", _POINTS)
def test_a_member_killed_at_a_named_point_loses_and_doubles_nothing(
    dead_letters: DeadLetters, members: Members, point: str
) -> None:
    _write_twice(dead_letters)
    doomed = members.begin(point=point, after=120 if point == "produced" else 5)
    steady = members.begin()
    members.open(2)
    _, errors = doomed.communicate(timeout=300)
    assert doomed.returncode == -9, errors
    assert _sum_of(steady) == {"replayed": _RECORDS, "skipped:run": _RECORDS}
    _each_once(dead_letters)


@pytest.mark.slow
def test_a_member_that_froze_and_wakes_up_doubles_nothing(dead_letters: DeadLetters, members: Members) -> None:
    """The group has dealt its partitions to the other one, and its transaction has timed out."""
    _write_twice(dead_letters)
    frozen, steady = members.begin(point="reserved", after=4, mode="frozen"), members.begin()
    members.open(2)
    wait_until(lambda: psutil.Process(frozen.pid).status() == psutil.STATUS_STOPPED, limit_s=90)
    whole = {"replayed": _RECORDS, "skipped:run": _RECORDS}
    assert _sum_of(steady) == whole
    os.kill(frozen.pid, signal.SIGCONT)
    assert _sum_of(frozen) == whole
    _each_once(dead_letters)


def test_the_control_of_members_that_do_not_read_the_ledger_doubles_records(
    dead_letters: DeadLetters, members: Members
) -> None:
    _write_twice(dead_letters)
    both = [members.begin(mode="blind") for _ in range(2)]
    members.open(2)
    for one in both:
        output, errors = one.communicate(timeout=300)
        assert one.returncode == 0, output + errors
    assert max(dead_letters.numbers().values()) > 1, "nothing was doubled, so the chaos test proves nothing"


def test_a_limit_holds_for_all_members_together(dead_letters: DeadLetters, members: Members) -> None:
    _write_twice(dead_letters)
    both = [members.begin("--limit", "333") for _ in range(2)]
    members.open(2)
    sums = [_sum_of(one) for one in both]
    assert [one["replayed"] for one in sums] == [333, 333]
    assert sum(dead_letters.numbers().values()) == 333
    assert result_of(dead_letters.replay("--shared", "--no-scan"))["outcomes"]["replayed"] == _RECORDS - 333
    _each_once(dead_letters)
