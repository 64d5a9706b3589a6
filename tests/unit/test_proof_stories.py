"""Checks and stories of a crash test: each thing that went wrong is told with the fault that lay between."""

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from fixtures.pages import parsed
from hypothesis import given
from hypothesis import strategies as st

from eosctl.domain.proof.chapters import Chapter, Part, ProofDocument
from eosctl.domain.proof.checks import OutboxFacts, Position, checks
from eosctl.domain.proof.counting import Effect, count, known, message
from eosctl.domain.proof.faults import Fault, Happened
from eosctl.domain.proof.stories import Course, Ran, Sent, marks, stories
from eosctl.proof.curve import Curve
from eosctl.render.documents import DocumentFiles
from eosctl.render.proof_page import html_page, markdown

KILLED = Happened(Fault("kill", "consumer.py", 20, "after-effect", 20), 500)
COURSE = Course(
    sent=(Sent(0, 50, 10), Sent(50, 50, 400)),
    ran=(Ran("consumer.py", "1", 1, 100, 500, "killed"), Ran("consumer.py", "1", 2, 600, 2_000, "asked")),
    history=(KILLED, Happened(Fault("pause", "consumer.py", 30), None)),
)


def effect(number: int, at_ms: int | None = None) -> Effect:
    return known(f"m{number}", at_ms=at_ms)


def held(found, name: str) -> str:  # type: ignore[no-untyped-def]
    (one,) = [check for check in found if name in check.check]
    return str(one.held)


def test_a_duplicate_is_told_with_both_processes_and_the_fault_between() -> None:
    effects = [effect(number, 300) for number in range(100)] + [effect(60, 900)]
    (one,) = stories(COURSE, effects, messages=100)
    assert (one.id, one.what, one.sent_ms) == ("m60", "duplicate", 400)
    assert [handled.by for handled in one.handled] == ["consumer.py run 1", "consumer.py run 2"]
    assert one.between == ("kill (after-effect) at 500ms",)
    assert "between: kill (after-effect) at 500ms" in one.told


def test_a_missed_message_is_told_with_the_fault_between_its_neighbours() -> None:
    effects = [effect(number, 300 if number < 30 else 900) for number in range(100) if number != 32]
    (one,) = stories(COURSE, effects, messages=100)
    assert (one.id, one.what, one.handled) == ("m32", "missed", ())
    assert one.between == ("kill (after-effect) at 500ms",)


def test_what_was_aborted_or_changed_is_told_too() -> None:
    effects = [effect(0, 200), Effect("m1", "a1", 99, 700), Effect("aborted-m1", "a1", 2, 300)]
    told = {one.what: one for one in stories(COURSE, effects, messages=2)}
    assert set(told) == {"corrupted", "aborted"}
    assert told["aborted"].told.startswith("aborted-m1 was sent in an aborted transaction")
    tally = count(effects, messages=2, restarts=0)
    assert (tally.aborted_seen, tally.corrupted, tally.exactly_once) == (1, 1, False)


@given(st.lists(st.integers(0, 40), max_size=120))
def test_there_is_a_story_for_all_that_went_wrong_and_for_nothing_else(numbers: list[int]) -> None:
    effects = [effect(one) for one in numbers]
    told = stories(Course(), effects, messages=41)
    assert {one.id for one in told if one.what == "missed"} == {f"m{one}" for one in range(41)} - {
        e.id for e in effects
    }
    doubled = {one.id for one in effects if effects.count(one) > 1}
    assert {one.id for one in told if one.what == "duplicate"} == doubled
    assert len(told) == len({one.id for one in told})


@pytest.mark.parametrize(
    ("positions", "missed", "verdict"),
    [
        ((Position(0, 60, 60), Position(1, 40, 40)), 0, "yes"),
        ((Position(0, 60, 60), Position(1, 40, 40)), 2, "no"),
        ((Position(0, 60, 60), Position(1, 30, 40)), 0, "no"),
        ((Position(0, 60, 60), Position(1, 30, 40)), 10, "yes"),
    ],
)
def test_positions_and_effects_must_say_the_same(positions: tuple[Position, ...], missed: int, verdict: str) -> None:
    tally = count([effect(number) for number in range(missed, 100)], messages=100, restarts=0)
    found = checks(tally, "exactly once", ordered=True, positions=positions)
    assert held(found, "offsets and effects") == verdict
    assert held(found, "acknowledged") == ("no" if missed else "yes")


def test_outbox_and_topic_must_hold_the_same() -> None:
    tally = count([effect(number) for number in range(10)], messages=10, restarts=0)
    for facts, verdict in (
        (OutboxFacts(10, 0, 0), "yes"),
        (OutboxFacts(10, 1, 0), "no"),
        (OutboxFacts(10, 0, 1), "no"),
    ):
        assert held(checks(tally, "exactly once", ordered=True, outbox=facts), "outbox") == verdict
    assert [one for one in checks(tally, "exactly once", ordered=True) if "outbox" in one.check] == []


def test_what_is_not_promised_is_told_as_that() -> None:
    tally = count([effect(1), effect(1), effect(0)], messages=4, restarts=0)
    found = checks(tally, "at least once", ordered=True)
    assert (held(found, "twice"), held(found, "acknowledged")) == ("not promised", "no")
    assert held(checks(tally, "at most once", ordered=True), "acknowledged") == "not promised"


def test_an_effect_came_at_the_first_look_that_saw_it() -> None:
    looks = iter([(100, 0), (200, 3), (300, 3), (400, 5)])
    now, counted = 0, 0

    def look() -> None:
        nonlocal now, counted
        now, counted = next(looks)
        curve.look(at_once=True)

    curve = Curve(lambda: counted, lambda: now)
    for _ in range(4):
        look()
    assert [one.at_ms for one in curve.timed(map(effect, range(6)))] == [200, 200, 200, 400, 400, None]


@given(st.lists(st.integers(0, 10_000), max_size=400))
def test_marks_grow_to_the_number_of_effects(times: list[int]) -> None:
    found = marks([effect(number, at) for number, at in enumerate(times)])
    assert [one.effects for one in found] == sorted(one.effects for one in found)
    assert len(found) <= 61
    assert not times or (found[-1].effects, found[-1].at_ms) == (len(times), max(times))


def chapter(name: str) -> Chapter:
    effects = [effect(number, 300) for number in range(100)] + [effect(60, 900)]
    tally = count(effects, messages=100, restarts=1)
    kept = checks(tally, "exactly once", ordered=True, positions=(Position(0, 100, 100),))
    part = Part(name, "Says <so>.", tally, kept, COURSE, marks(effects), stories(COURSE, effects, messages=100))
    return Chapter(name, "fail", "1 duplicate", (part,))


def test_the_page_is_one_file_with_a_drawing_and_the_stories() -> None:
    page = html_page("Crash test", [chapter("dedup-table"), chapter("<script>alert(1)</script>")])
    assert "<script>" not in page
    parsed(page)
    assert not re.search(r"(src|href)=", page), "a report needs nothing else"
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(drawing)
    assert page.count("<svg") == 2
    assert "1: kill (after-effect) at 500ms" in page
    assert "had an effect at 900ms by consumer.py run 2" in page
    assert "too late" in page


def test_the_markdown_has_the_same_tables() -> None:
    text = markdown("Crash test", [chapter("dedup-table")])
    assert "| nothing is done twice | no | 1 surplus effect |" in text
    assert message(60)["id"] in text


def test_a_report_is_written_by_its_ending(tmp_path: Path) -> None:
    wish = ProofDocument(tmp_path / "x.html", "Crash test", data=("a", 1), chapters=(chapter("dedup-table"),))
    for ending in (".html", ".md", ".json"):
        DocumentFiles().write(replace(wish, path=tmp_path / f"x{ending}"))
    page, text, data = ((tmp_path / f"x{ending}").read_text(encoding="utf-8") for ending in (".html", ".md", ".json"))
    assert page == html_page("Crash test", wish.chapters) + "\n"
    assert text == markdown("Crash test", wish.chapters) + "\n"
    assert json.loads(data) == {"schema": "eosctl.verify/v1", "data": ["a", 1]}
