"""Six formats of one answer: same rows, units for people, raw numbers for scripts."""

import csv
import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import Notice
from eosctl.core.exit_codes import ExitCode
from eosctl.core.report import Report, Section, column
from eosctl.render.cells import Shown
from eosctl.render.output import Canvas, Format, render
from eosctl.render.terminal import terminal_table


@dataclass(frozen=True)
class Row:
    topic: str
    age_ms: int
    size_bytes: int
    seen_at: datetime
    groups: tuple[str, ...]
    note: str | None
    secret_number: int = field(metadata=column(wide=True))


ROWS = (
    Row("orders", 90_061_000, 1_536, datetime(2026, 3, 1, 12, tzinfo=UTC), ("a", "b"), None, 7),
    Row("pipe|line", 250, 10, datetime(2026, 3, 1, 13, tzinfo=UTC), (), "two\nlines", 8),
)
REPORT = Report(ROWS, Row, exit_code=ExitCode.PROBLEM, warnings=(Notice("w", "Mind."),))


def test_a_table_speaks_to_people() -> None:
    text = render("x.y", REPORT, Format.TABLE, Canvas())
    assert text.splitlines()[0].split() == ["TOPIC", "AGE", "SIZE", "SEEN", "AT", "GROUPS", "NOTE"]
    assert "1d 1h" in text
    assert "1.5 KiB" in text
    assert "2026-03-01T12:00:00.000Z" in text


def test_wide_shows_more_columns() -> None:
    assert "SECRET NUMBER" in render("x.y", REPORT, Format.WIDE, Canvas())
    assert "SECRET NUMBER" not in render("x.y", REPORT, Format.TABLE, Canvas())


def test_json_and_yaml_hold_the_same_envelope_with_raw_values() -> None:
    envelope = json.loads(render("x.y", REPORT, Format.JSON, Canvas()))
    assert envelope == yaml.safe_load(render("x.y", REPORT, Format.YAML, Canvas()))
    assert (envelope["status"], envelope["exit_code"], envelope["operation"]) == ("problem", 3, "x.y")
    assert envelope["data"][0] == {
        "topic": "orders", "age_ms": 90_061_000, "size_bytes": 1_536, "seen_at": "2026-03-01T12:00:00.000Z",
        "groups": ["a", "b"], "note": None, "secret_number": 7,
    }  # fmt: skip


def test_csv_reads_back() -> None:
    read = list(csv.DictReader(io.StringIO(render("x.y", REPORT, Format.CSV, Canvas()))))
    assert [row["topic"] for row in read] == ["orders", "pipe|line"]
    assert read[0]["age_ms"] == "90061000"
    assert read[1]["note"] == "two\nlines"
    assert json.loads(read[0]["groups"]) == ["a", "b"]


def test_csv_of_an_object_lists_what_is_in_it() -> None:
    inside = Report({"verdict": "problem", "rows": ROWS}, Row, listing=ROWS)
    assert render("x.y", inside, Format.CSV, Canvas()) == render("x.y", REPORT, Format.CSV, Canvas())
    empty = render("x.y", Report({"verdict": "ok"}, Row, listing=()), Format.CSV, Canvas())
    assert (empty.count("\n"), empty.startswith("topic,age_ms")) == (0, True)


def test_markdown_keeps_its_columns_whatever_the_cells_hold() -> None:
    lines = render("x.y", REPORT, Format.MARKDOWN, Canvas()).splitlines()
    assert len(lines) == 4
    assert {line.replace("\\|", "").count("|") for line in lines} == {7}


def test_no_rows_still_have_their_head() -> None:
    assert render("x.y", Report((), Row), Format.TABLE, Canvas()).split()[0] == "TOPIC"
    assert render("x.y", Report((), Row), Format.CSV, Canvas()).startswith("topic,age_ms")
    assert json.loads(render("x.y", Report((), Row), Format.JSON, Canvas()))["data"] == []


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_table_is_never_wider_than_the_terminal(width: int) -> None:
    text = render("x.y", REPORT, Format.TABLE, Canvas(width=width, terminal=True))
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text


@given(
    st.lists(st.lists(st.lists(st.text("abc:-", min_size=1, max_size=20), max_size=5), min_size=3, max_size=3),
             min_size=1, max_size=3),
    st.integers(20, 120),
)  # fmt: skip
def test_no_word_is_torn_and_no_line_too_long(cells: list[list[list[str]]], width: int) -> None:
    shown = (Shown("a", "first heading", False), Shown("b", "second", True), Shown("c", "third", False))
    text = terminal_table(shown, [[" ".join(words) for words in row] for row in cells], width, colour=False)
    assert max(map(len, text.splitlines())) <= width
    seen = set(text.split())
    long = max((len(word) for row in cells for words in row for word in words), default=0)
    if long <= width - len("FIRST HEADING  "):
        assert {word for row in cells for words in row for word in words} <= seen
    assert {"FIRST", "HEADING", "SECOND", "THIRD"} <= seen


@pytest.mark.parametrize("width", [20, 35, 60])
def test_the_headings_of_no_rows_are_whole(width: int) -> None:
    shown = tuple(Shown(name, name, True) for name in ("last stable", "high watermark", "producer id", "verdict"))
    lines = terminal_table(shown, [], width, colour=False).splitlines()
    assert max(map(len, lines)) <= width
    assert all(any(one.heading.upper() in " ".join(line.split()) for line in lines) for one in shown)


def test_colour_only_where_it_is_asked_for() -> None:
    verdict = Report(({"verdict": "hanging"},))
    assert "\x1b[" in render("x.y", verdict, Format.TABLE, Canvas(terminal=True, colour=True))
    assert "\x1b[" not in render("x.y", verdict, Format.TABLE, Canvas())


def test_sections_are_for_people_and_data_for_scripts() -> None:
    report = Report(
        {"areas": 1}, sections=(Section("First", ROWS, Row, note="A note."), Section("Second", text="words"))
    )
    text = render("x.y", report, Format.TABLE, Canvas())
    assert text.startswith("First\n")
    assert text.endswith("Second\nwords")
    assert json.loads(render("x.y", report, Format.JSON, Canvas()))["data"] == {"areas": 1}
