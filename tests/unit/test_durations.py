"""Durations, times and sizes: what people write is what is meant, and nothing is guessed."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.durations import (
    format_duration_ms,
    format_size_bytes,
    format_time,
    parse_duration_ms,
    parse_time,
)
from eosctl.core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("250ms", 250),
        ("30s", 30_000),
        ("15m", 900_000),
        ("1h30m", 5_400_000),
        ("7d", 604_800_000),
        ("0s", 0),
        ("1.5h", 5_400_000),
        ("2w", 1_209_600_000),
        (" 1h 30m ", 5_400_000),
    ],
)
def test_a_duration_is_read_as_written(text: str, ms: int) -> None:
    assert parse_duration_ms(text) == ms


@pytest.mark.parametrize("text", ["", "15", "-5m", "five minutes", "5 parsecs", "m", "1h30", "5m!"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_duration_ms(text)
    assert caught.value.code == "bad_duration"
    assert "15m" in caught.value.hint


@given(st.integers(min_value=0, max_value=10**12))
def test_a_formatted_duration_reads_back_to_its_two_largest_units(ms: int) -> None:
    back = parse_duration_ms(format_duration_ms(ms))
    assert back <= ms + 50
    assert ms - back <= ms / 24 + 1_000


def test_durations_are_short() -> None:
    assert [format_duration_ms(ms) for ms in (0, 999, 1_200, 60_000, 3_661_000, 273_600_000, -5_000)] == [
        "0ms",
        "999ms",
        "1.2s",
        "1m",
        "1h 1m",
        "3d 4h",
        "-5s",
    ]


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        parse_time("2026-03-01T12:00:00")
    assert caught.value.code == "time_without_zone"
    assert "2026-03-01T12:00:00Z" in caught.value.hint


def test_times_are_kept_in_utc() -> None:
    assert parse_time("2026-03-01T13:00:00+01:00") == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert format_time(parse_time("2026-03-01T13:00:00+01:00")) == "2026-03-01T12:00:00.000Z"


@given(st.integers(min_value=0, max_value=10**17))
def test_a_size_has_at_most_four_digits_before_its_point(size: int) -> None:
    words = format_size_bytes(size)
    assert float(words.split()[0]) < 1_024


def test_sizes_use_binary_units() -> None:
    assert [format_size_bytes(size) for size in (0, 1_023, 1_536, 3 * 1_024**3)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "3.0 GiB",
    ]
