"""A replay that is killed again and again: every record is in the target exactly once. The control shows duplicates."""

import json
import os
import random
import signal

import pytest
from confluent_kafka.admin import NewTopic
from fixtures.dead_letters import DeadLetters, result_of
from fixtures.lab import LIMIT_S, wait_until

from eosctl.lab import clients, engine, kafka
from eosctl.lab.state import LabState, known_state

_RECORDS = 3_000
_KILLED = -9
POINTS = ("produced", "before-offsets", "before-commit", "during-commit")


@pytest.mark.parametrize("point", POINTS)
def test_a_replay_killed_at_a_named_point_loses_and_doubles_nothing(dead_letters: DeadLetters, point: str) -> None:
    dead_letters.write(_RECORDS)
    after = 700 if point == "produced" else 3
    killed = dead_letters.replay("--batch", "300", "--no-scan", driver=(point, after, "real"))
    assert killed.returncode == _KILLED, killed.stderr
    last = dead_letters.replay("--batch", "300", "--no-scan")
    assert last.returncode == 0, last.stdout + last.stderr
    numbers = dead_letters.numbers()
    assert set(numbers) == set(range(_RECORDS))
    assert set(numbers.values()) == {1}
    result = result_of(last)
    assert (result["read"], result["replayed"], result["resumed"]) == (_RECORDS, _RECORDS, True)


def _killed_again_and_again(dead_letters: DeadLetters, kills: int) -> None:
    dead_letters.write(_RECORDS)
    chance = random.Random(11)
    for _ in range(kills):
        point = chance.choice(POINTS)
        after = chance.randrange(1, 400) if point == "produced" else chance.randrange(1, 3)
        dead_letters.replay("--batch", "60", "--no-scan", driver=(point, after, "real"))
    last = dead_letters.replay("--batch", "300", "--no-scan")
    assert last.returncode == 0, last.stdout + last.stderr
    numbers = dead_letters.numbers()
    assert set(numbers) == set(range(_RECORDS))
    assert set(numbers.values()) == {1}


def test_a_replay_killed_at_random_points_loses_and_doubles_nothing(dead_letters: DeadLetters) -> None:
    _killed_again_and_again(dead_letters, 6)


@pytest.mark.slow
def test_a_replay_killed_thirty_times_loses_and_doubles_nothing(dead_letters: DeadLetters) -> None:
    _killed_again_and_again(dead_letters, 30)


def test_the_control_without_transactions_doubles_records(dead_letters: DeadLetters) -> None:
    dead_letters.write(_RECORDS)
    killed = dead_letters.replay("--batch", "300", "--no-scan", driver=("produced", 700, "plain"))
    assert killed.returncode == _KILLED, killed.stderr
    dead_letters.replay("--batch", "300", "--no-scan", driver=("never", 0, "plain"))
    assert max(dead_letters.numbers().values()) > 1, "nothing was doubled, so the chaos test proves nothing"


def _has_begun(dead_letters: DeadLetters) -> bool:
    """Whether a record is in the target; read_uncommitted, for a replay is at work."""
    return sum(clients.ends(dead_letters.lab, dead_letters.topic, range(3), committed=False).values()) > 0


def test_a_second_copy_of_the_job_fences_the_first_and_goes_on(dead_letters: DeadLetters) -> None:
    dead_letters.write(_RECORDS)
    first = dead_letters.begin("--batch", "50", "--rate", "200", "--no-scan")
    wait_until(lambda: _has_begun(dead_letters), limit_s=60)
    second = dead_letters.replay("--batch", "300", "--no-scan")
    try:
        output, errors = first.communicate(timeout=300)
    finally:
        first.kill()
    assert first.returncode == 5, output + errors
    assert json.loads(output)["errors"][0]["code"] == "job_taken_over"
    assert not errors
    assert second.returncode == 0, second.stdout + second.stderr
    numbers = dead_letters.numbers()
    assert set(numbers) == set(range(_RECORDS))
    assert set(numbers.values()) == {1}
    result = result_of(second)
    assert (result["read"], result["replayed"], result["resumed"]) == (_RECORDS, _RECORDS, True)


def test_a_replay_outlives_its_broker(breakable_lab: LabState) -> None:
    admin = clients.librdkafka_admin(breakable_lab)
    for made in admin.create_topics([NewTopic("orders", 3, 1), NewTopic("orders-dlt", 3, 1)]).values():
        made.result(LIMIT_S)
    dead_letters = DeadLetters(breakable_lab, "orders", "orders-dlt")
    dead_letters.write(_RECORDS)
    replay = dead_letters.begin("--batch", "50", "--rate", "600", "--no-scan", "--timeout", "15s")
    wait_until(lambda: _has_begun(dead_letters), limit_s=60)
    broker = breakable_lab.process("broker-1")
    assert broker is not None
    os.kill(broker.pid, signal.SIGKILL)
    wait_until(lambda: not engine.is_up(known_state(breakable_lab.name)))
    engine.record_process(breakable_lab, kafka.start_broker(breakable_lab, 1))
    kafka.wait_for_cluster(breakable_lab)
    try:
        output, errors = replay.communicate(timeout=300)
    finally:
        replay.kill()
    if replay.returncode:
        last = dead_letters.replay("--batch", "300", "--no-scan")
        assert last.returncode == 0, output + errors + last.stdout + last.stderr
    numbers = dead_letters.numbers()
    assert set(numbers) == set(range(_RECORDS))
    assert set(numbers.values()) == {1}
