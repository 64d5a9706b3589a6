"""Charts and documents: what is drawn is the data, pages need nothing else, and a series stays small."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from fixtures.pages import charts_in, line_points, parsed
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.charts import (
    PERCENTILES,
    Bar,
    BarChart,
    Bars,
    Chart,
    Distribution,
    Lane,
    Line,
    LineChart,
    Span,
    TimeLine,
    curve_of,
)
from eosctl.core.documents import PLOTS, REPORTS, Document, require_file
from eosctl.core.errors import UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.core.report import Report, Section
from eosctl.domain.pace import MOST_POINTS, Pace, progress_line, rate_line
from eosctl.render.charts import stacked, svg_of
from eosctl.render.documents import DocumentFiles, html_of
from eosctl.runtime.filing import filed

HOSTILE = "<script>alert(1)</script> & \"quoted\" 'name'"
CHARTS: tuple[Chart, ...] = (
    LineChart("Progress", "seconds", "records", (Line(HOSTILE, ((0, 0), (1, 800), (2.5, 3_000))),)),
    Distribution("Latency", "ms", (curve_of("plain", range(1, 101)), curve_of("transactional", range(5, 500)))),
    BarChart("Overhead", "times", ("1", "10", HOSTILE), (Bars("p50", (Bar(5, 4, 7), None, Bar(1))),)),
    TimeLine(HOSTILE, (Lane("consumer.py", (Span(0, 4, "runs"), Span(4, 4, "kill"))), Lane(HOSTILE, ()))),
    LineChart("empty", "s", "r", (Line("nothing", ()),)),
    LineChart("one point", "s", "r", (Line("one", ((0, 0),)),)),
    BarChart("empty", "times", (), ()),
)


@dataclass(frozen=True)
class Row:
    name: str
    took_ms: int


@pytest.mark.parametrize("chart", CHARTS, ids=lambda one: f"{type(one).__name__}-{one.title[:9]}")
def test_a_chart_is_one_self_contained_drawing_and_always_the_same(chart: Chart) -> None:
    text = svg_of(chart)
    assert svg_of(chart) == text
    page = parsed(html_of(Document(Path("x.html"), HOSTILE, HOSTILE, charts=(chart, chart))))
    assert len(charts_in(page)) == 2
    assert chart.title in charts_in(page)[0].attrib["aria-label"]


def test_a_line_has_the_points_of_its_data() -> None:
    page = parsed(html_of(Document(Path("x.html"), "t", charts=CHARTS[:1])))
    assert line_points(charts_in(page)[0]) == [3]


def test_bars_show_their_intervals() -> None:
    assert svg_of(CHARTS[2]).count('class="ci"') == 1


def test_a_page_holds_rows_with_units_and_escapes_what_it_shows() -> None:
    rows = (Row(HOSTILE, 90_000),)
    page = parsed(html_of(Document(Path("x.html"), "Title", "Said.", (Section("Rows", rows, Row, note=HOSTILE),))))
    words = [one.text for one in page.iter("{http://www.w3.org/1999/xhtml}td")]
    assert words == [HOSTILE, "1m 30s"]


def test_several_charts_are_one_svg_file_below_each_other() -> None:
    whole = ElementTree.fromstring(stacked(CHARTS[:3]))
    tops = [int(one.attrib["y"]) for one in whole]
    assert tops == [0, 400, 800]
    assert whole.attrib["height"] == "1200"


@pytest.mark.parametrize(
    ("ending", "begins"), [(".html", b"<!DOCTYPE html>"), (".md", b"# T"), (".json", b"{"), (".svg", b"<svg"),
                           (".png", b"\x89PNG")],
)  # fmt: skip
def test_a_document_is_written_by_its_ending(tmp_path: Path, ending: str, begins: bytes) -> None:
    path = tmp_path / f"report{ending}"
    DocumentFiles().write(Document(path, "T", "Said.", charts=CHARTS[:2], data=Row("a", 5)))
    assert path.read_bytes().startswith(begins)
    if ending == ".json":
        assert json.loads(path.read_text()) == {"name": "a", "took_ms": 5}
    if ending == ".md":
        assert "| took ms | 5ms" in path.read_text()


def test_a_file_that_could_not_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    require_file(None, REPORTS)
    require_file(tmp_path / "x.svg", PLOTS)
    with pytest.raises(UsageError, match="no ending") as raised:
        require_file(tmp_path / "x.svg", REPORTS)
    assert raised.value.hint == "Give FILE.md, FILE.json or FILE.html."
    with pytest.raises(UsageError, match="no folder"):
        require_file(tmp_path / "missing" / "x.md", REPORTS)


class _Files:
    documents = DocumentFiles()


def test_what_was_done_is_told_even_when_its_file_can_not_be_written(tmp_path: Path) -> None:
    gateways: Any = _Files()
    folder = tmp_path / "x.md"
    folder.mkdir()
    report = filed(gateways, Report(Row("a", 1), documents=(Document(folder, "T", data=Row("a", 1)),)))
    assert (report.exit_code, report.errors[0].code, report.data.name) == (ExitCode.FAILED, "report_not_written", "a")
    worse = filed(gateways, Report([], exit_code=ExitCode.PROBLEM, documents=(Document(folder, "T"),)))
    assert worse.exit_code is ExitCode.PROBLEM


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 1_000)), max_size=2_000))
def test_a_series_stays_small_keeps_its_ends_and_never_falls(steps: list[tuple[int, int]]) -> None:
    pace, at, done = Pace(), 0, 0
    for later, more in steps:
        at, done = at + later, done + more
        pace.note(at, done)
    assert len(pace.points) <= MOST_POINTS
    assert pace.points[0] == (0, 0)
    assert pace.points[-1] == (at, done)
    assert pace.points == sorted(pace.points)
    assert len(pace.points) >= min(len(steps), 2)


def test_a_long_series_is_thinned_evenly() -> None:
    pace = Pace()
    for number in range(1, 100_001):
        pace.note(number * 10, number)
    assert MOST_POINTS // 4 < len(pace.points) <= MOST_POINTS
    gaps = [then[0] - first[0] for first, then in zip(pace.points[1:-2], pace.points[2:-1], strict=True)]
    assert max(gaps) <= 4 * min(gaps)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 1_000)), min_size=1, max_size=100))
def test_rates_add_up_to_what_was_done(steps: list[tuple[int, int]]) -> None:
    pace, at, done = Pace(), 0, 0
    for later, more in steps:
        at, done = at + later, done + more
        pace.note(at, done)
    moments = sorted(dict(pace.points).items())
    rates = rate_line("x", pace.points).points
    added = sum(rate * (then[0] - first[0]) / 1_000
                for (_, rate), first, then in zip(rates, moments, moments[1:], strict=False))  # fmt: skip
    assert added == pytest.approx(done - moments[0][1])
    assert progress_line("x", pace.points).points[-1] == (at / 1_000, done)


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=300))
def test_a_curve_rises_and_ends_within_what_was_seen(values: list[float]) -> None:
    curve = curve_of("x", values)
    assert len(curve.values) == len(PERCENTILES)
    assert list(curve.values) == sorted(curve.values)
    assert set(curve.values) <= set(values)
