"""A replay that is killed again and again: every record is in the target exactly once. The control shows duplicates."""

import random

import pytest
from fixtures.dead_letters import DeadLetters, result_of

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
