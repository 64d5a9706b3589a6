"""A replay's progress as few points."""

from hypothesis import given
from hypothesis import strategies as st

from eosctl.domain.dlq.series import ProgressSeries


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 10_000)), min_size=1, max_size=600))
def test_few_points_tell_a_long_run_from_its_first_to_its_last_note(steps):
    series, at_ms, replayed = ProgressSeries(), 1_000, 0
    notes = []
    for wait, more in steps:
        at_ms, replayed = at_ms + wait, replayed + more
        notes.append((at_ms, replayed))
        series.note(at_ms, replayed)
    assert len(series.points) <= 120
    assert (series.points[0], series.points[-1]) == (notes[0], notes[-1])
    assert series.points == sorted(series.points)
    assert set(series.points) <= set(notes)


def test_a_steady_run_is_told_evenly():
    series = ProgressSeries()
    for second in range(10_000):
        series.note(second * 1_000, second)
    gaps = [later - at for (at, _), (later, _) in zip(series.points, series.points[1:], strict=False)]
    assert len(series.points) >= 50
    assert max(gaps) <= 4 * 10_000_000 // 60
