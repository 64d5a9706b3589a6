"""The rules of a purge: the batch stays within its limits, shrinks when slow, grows back; a rate is kept."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import UsageError
from eosctl.domain.purging import SMALLEST_BATCH, PurgeWish, first_batch, rest_ms, rows_allowed, until_time

NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


@given(st.integers(1, 100_000), st.lists(st.integers(0, 10_000), max_size=50), st.integers(1, 1_000))
def test_a_batch_never_leaves_its_limits(largest: int, times_ms: list[int], target_ms: int) -> None:
    size = first_batch(PurgeWish(age_ms=1, batch_size=largest))
    for took_ms in times_ms:
        before, size = size, size.after(took_ms, target_ms)
        assert min(SMALLEST_BATCH, largest) <= size.rows <= largest
        assert size.rows <= before.rows if took_ms > target_ms else size.rows >= before.rows


def test_a_slow_batch_shrinks_in_proportion_and_grows_back() -> None:
    size = first_batch(PurgeWish(age_ms=1)).after(400, 200)
    assert size.rows == 5_000
    assert size.after(10_000, 200).rows == 1_250
    for _ in range(4):
        size = size.after(10, 200)
    assert size.rows == 10_000
    assert size.after_timeout().rows == 2_500


@given(st.integers(1, 10_000), st.integers(0, 10_000), st.integers(0, 5_000))
def test_a_rate_is_kept_and_a_pause_is_the_least(rate: int, deleted: int, took_ms: int) -> None:
    wish = PurgeWish(age_ms=1, rate_per_s=rate, pause_ms=50)
    assert rest_ms(wish, deleted, took_ms) >= max(50, deleted * 1_000 // rate - took_ms)
    assert first_batch(wish).rows <= rate


@given(st.integers(1, 1_000), st.lists(st.integers(0, 300), max_size=30))
def test_max_rows_is_never_passed(max_rows: int, found: list[int]) -> None:
    wish, deleted = PurgeWish(age_ms=1, max_rows=max_rows), 0
    for one in found:
        allowed = rows_allowed(first_batch(wish), wish, deleted)
        if not allowed:
            break
        deleted += min(one, allowed)
    assert deleted <= max_rows


def test_until_is_the_next_such_time_of_the_wall_clock() -> None:
    assert until_time("13:00", NOON) == NOON.replace(hour=13, minute=0, second=0)
    assert until_time("06:30", NOON).day == 2
    assert until_time("12:00", NOON).day == 2
    for wrong in ("25:00", "6", "noon", ""):
        with pytest.raises(UsageError):
            until_time(wrong, NOON)
