"""The measurement's arithmetic: ratios and intervals, advice, what two runs say of each other."""

import json
import random
from math import exp
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import UsageError
from eosctl.core.plain import plain
from eosctl.domain.bench.comparing import compared, rows_in
from eosctl.domain.bench.costs import CostRow, advice_of, rounded, rows_of, words_of
from eosctl.domain.bench.measuring import BenchWish, Measure, Observation
from eosctl.domain.bench.ratios import paired, percentile, student_t, unpaired
from eosctl.operations.bench import compare

POSITIVE = st.floats(1e-3, 1e6)
PAIRS = st.lists(st.tuples(POSITIVE, POSITIVE), min_size=2, max_size=20)


@given(PAIRS)
def test_an_interval_holds_its_ratio_and_turns_round_with_its_twins(pairs: list[tuple[float, float]]) -> None:
    one, other = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    there, back = paired(one, other), paired(other, one)
    assert there.low is not None
    assert there.high is not None
    assert there.low <= there.value * (1 + 1e-9)
    assert there.value <= there.high * (1 + 1e-9)
    assert there.value * back.value == pytest.approx(1)


@given(PAIRS, st.floats(0.01, 100))
def test_a_faster_clock_changes_a_ratio_by_its_factor_alone(pairs: list[tuple[float, float]], factor: float) -> None:
    one, other = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert paired([each * factor for each in one], other).value == pytest.approx(paired(one, other).value * factor)
    assert paired([each * factor for each in one], [each * factor for each in other]).value == pytest.approx(
        paired(one, other).value
    )


@given(st.lists(POSITIVE, min_size=2, max_size=20))
def test_twins_that_are_the_same_have_no_overhead_and_no_doubt(values: list[float]) -> None:
    ratio = paired(values, values)
    assert (ratio.value, ratio.low, ratio.high) == (1, 1, 1)
    assert not ratio.is_certain


def test_noise_that_hits_both_twins_cancels_out() -> None:
    moods = [1.0, 3.0, 0.5, 2.0]
    ratio = paired([4 * mood for mood in moods], [2 * mood for mood in moods])
    assert (ratio.value, ratio.low, ratio.high) == (pytest.approx(2), pytest.approx(2), pytest.approx(2))
    assert ratio.is_certain


@pytest.mark.parametrize("rounds", [3, 5, 9])
def test_the_interval_holds_the_truth_in_95_of_100_runs(rounds: int) -> None:
    dice, held, held_apart, runs = random.Random(rounds), 0, 0, 3_000
    for _ in range(runs):
        one = [2 * exp(dice.gauss(0, 0.3)) for _ in range(rounds)]
        other = [exp(dice.gauss(0, 0.3)) for _ in range(rounds)]
        together, apart = paired(one, other), unpaired(one, other)
        held += (together.low or 9) <= 2 <= (together.high or 0)
        held_apart += (apart.low or 9) <= 2 <= (apart.high or 0)
    assert held / runs == pytest.approx(0.95, abs=0.015)
    assert held_apart / runs >= 0.94


def test_one_round_has_a_ratio_and_no_interval() -> None:
    assert (paired([3], [2]).value, paired([3], [2]).low) == (pytest.approx(1.5), None)
    assert unpaired([3], [2, 4]).low is None


def test_students_t_falls_to_the_normal_distributions() -> None:
    values = [student_t(freedom) for freedom in range(1, 200)]
    assert values == sorted(values, reverse=True)
    assert student_t(0) == student_t(1) == 12.706
    assert student_t(100_000) == pytest.approx(1.96, abs=0.001)


@given(st.lists(POSITIVE, min_size=1, max_size=50), st.floats(0, 100))
def test_a_percentile_was_really_seen(values: list[float], percent: float) -> None:
    assert percentile(values, percent) in values
    assert percentile(values, 0) == min(values)
    assert percentile(values, 100) == max(values)


@given(st.floats(1e-6, 1e9))
def test_rounding_keeps_three_digits(value: float) -> None:
    assert rounded(value) == pytest.approx(value, rel=0.005)


def _row(area: str, what: str, measure: Measure, plain_: float, measured: float) -> CostRow:
    (row,) = rows_of([Observation(area, what, measure, "twin", (plain_, plain_), (measured, measured))])
    return row


def test_the_advice_names_the_first_size_from_which_on_the_overhead_stays_small() -> None:
    sizes = [("1 record", 0.1), ("10 records", 0.95), ("100 records", 0.8), ("1,000 records", 0.97)]
    rows = [_row("produce", f"{name} a transaction", "throughput", 1_000, 1_000 * ratio) for name, ratio in sizes]
    (said,) = advice_of(rows)
    assert "from 1,000 records a transaction on (3 % less)" in said
    (none,) = advice_of(rows[:1])
    assert none.startswith("No transaction size that was measured")
    assert "90 % less" in none
    assert advice_of([]) == ()


def test_the_advice_by_time_says_what_it_costs_in_waiting_and_in_records() -> None:
    rows = [
        _row("produce", "10 ms a transaction", "throughput", 1_000, 500),
        _row("produce", "100 ms a transaction", "throughput", 20_000, 19_400),
        _row("produce", "100 ms a transaction", "p50", 5, 52),
    ]
    assert advice_of(rows) == (
        "Committed by time, 100 ms a transaction keeps it under 10 % (3 % less): 1,940 records at full speed. "
        "Half of the records then wait longer than 52 ms for the commit.",
    )


def test_the_advice_owns_up_to_its_doubts() -> None:
    seen = Observation("produce", "1 record a transaction", "throughput", "twin", (100, 100, 100), (50, 100, 190))
    (said,) = advice_of(rows_of([seen]))
    assert "can't rule out more" in said


def test_a_row_speaks_in_units_and_of_the_book_where_that_says_something() -> None:
    produced = words_of(_row("produce", "1 record a transaction", "p50", 0.5, 2_500))
    assert (produced.without, produced.with_it, produced.ratio) == ("0.5 ms", "2,500 ms", "5000")
    assert vars(produced)["book"] == "5 to 15-25 ms"
    assert "book" not in vars(words_of(_row("outbox", "outbox relay", "p50", 1, 4)))


def test_a_measure_without_a_round_is_left_out() -> None:
    assert rows_of([Observation("read", "x", "p50", "twin", (), ())]) == ()


def _run(**rounds: list[float]) -> list[dict[str, Any]]:
    found = [Observation("produce", what, "p50" if what.startswith("l") else "throughput", "twin",
                         tuple(1.0 for _ in values), tuple(values)) for what, values in rounds.items()]  # fmt: skip
    return [dict(plain(one)) for one in rows_of(found)]


def test_two_runs_say_worse_and_better_only_beyond_chance_and_tolerance() -> None:
    before = _run(
        rate=[100, 101, 99], fast=[100, 101, 99], late=[10, 10.1, 9.9], lucky=[10, 20, 5], some=[100, 101, 99]
    )
    after = _run(
        rate=[50, 51, 49], fast=[200, 201, 199], late=[20, 20.1, 19.9], lucky=[12, 30, 8], some=[105, 106, 104]
    )
    found = {one.what: one for one in compared(before, after, tolerance=0.1)}
    assert {what: one.verdict for what, one in found.items()} == {
        "rate": "worse", "fast": "better", "late": "worse", "lucky": "same", "some": "same"}  # fmt: skip
    assert found["rate"].change == pytest.approx(0.5, abs=0.01)
    strict = {one.what: one.verdict for one in compared(before, after, tolerance=0.0)}
    assert strict["some"] == "better"


def test_what_only_one_run_has_is_told() -> None:
    (one,) = compared(_run(rate=[1, 1]), [], tolerance=0.1)
    assert (one.verdict, one.before, one.after) == ("only in one", 1, None)


@given(st.lists(POSITIVE, min_size=2, max_size=9))
def test_a_run_is_the_same_as_itself(values: list[float]) -> None:
    run = _run(rate=values, late=values)
    assert {one.verdict for one in compared(run, run, tolerance=0)} == {"same"}


@pytest.mark.parametrize("text", ["[]", "{}", '{"data": 3}', '{"rows": [{"area": "x"}]}', "not json",
                                  '{"rows": [{"area": "a", "what": "b", "measure": "p50", "measured_rounds": [],'
                                  ' "ratio": 1}]}'])  # fmt: skip
def test_a_file_that_is_no_measurement_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        compare.observe(None, compare.BenchCompareParams(before=path, after=path))  # type: ignore[arg-type]
    assert raised.value.code == "not_a_bench"


def test_rows_are_read_from_the_commands_json_and_from_a_reports() -> None:
    rows = _run(rate=[1, 2])
    assert rows_in({"rows": rows}, "x") == tuple(rows)
    assert rows_in({"schema": "eosctl/v1", "data": {"applied": True, "result": {"rows": rows}}}, "x") == tuple(rows)


def test_the_estimate_grows_with_rounds_and_holds_every_cell() -> None:
    small = BenchWish(
        areas=("produce", "read", "consume", "outbox"), rounds=5, cell_ms=150, events=12, record_bytes=300
    )
    large = BenchWish(areas=small.areas, rounds=9, cell_ms=500, events=40, record_bytes=300)
    assert small.cells() == 10 + 3 + 4 + 1
    assert 60 < small.estimate_s() < large.estimate_s() < 400


def test_the_json_of_a_run_is_plain_data() -> None:
    assert json.loads(json.dumps(_run(rate=[1.5, 2])))[0]["measured_rounds"] == [1.5, 2]
