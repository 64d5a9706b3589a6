"""The live view's page as lines: it fits, it keeps the last answer with its age, it says what it could not show."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import Notice
from eosctl.core.report import Report
from eosctl.render.live import LiveView
from eosctl.render.output import Format


@dataclass(frozen=True)
class Row:
    """A row to draw."""

    topic: str
    blocked_records: int


@given(width=st.integers(20, 200), height=st.integers(3, 60), rows=st.integers(0, 80))
def test_the_page_always_fits(width: int, height: int, rows: int) -> None:
    view = LiveView("txn.blocked", Format.TABLE, "2s", colour=False)
    view.show(_report(rows))
    view.fail(Notice("unreachable", "No broker answers at a-host-with-a-long-name.example:9092.", "Look at it."))
    page = [line.plain for line in view.page(width, height)]
    assert len(page) <= height
    assert all(len(line) <= width for line in page)


def test_an_error_keeps_the_last_answer_and_says_how_old_it_is() -> None:
    now = [100.0]
    view = LiveView("txn.blocked", Format.TABLE, "2s", colour=False, clock=lambda: now[0])
    view.show(_report(1))
    assert "ago" not in _text(view)
    now[0] = 142.0
    view.fail(Notice("unreachable", "No broker answers."))
    assert "seen 42s ago" in _text(view)
    assert "orders-0" in _text(view)
    assert "Error: No broker answers." in _text(view)
    view.show(_report(1))
    assert "Error" not in _text(view)


def test_a_slow_look_says_how_long_it_takes() -> None:
    now = [100.0]
    view = LiveView("status", Format.TABLE, "2s", colour=False, clock=lambda: now[0])
    view.looking()
    assert "looking for" not in _text(view)
    now[0] = 107.0
    assert "looking for 7s" in _text(view)


def test_what_does_not_fit_is_counted() -> None:
    view = LiveView("txn.blocked", Format.TABLE, "2s", colour=False)
    view.show(_report(100))
    shown = [line.plain for line in view.page(80, 20)]
    rows = sum("orders-" in line for line in shown)
    [more] = [line for line in shown if "more lines" in line]
    assert int(more.split()[1]) == 100 - rows


def _report(rows: int) -> Report:
    return Report(tuple(Row(f"orders-{number}", number) for number in range(rows)), Row, summary="That is all.")


def _text(view: LiveView) -> str:
    return "\n".join(line.plain for line in view.page(100, 24))
