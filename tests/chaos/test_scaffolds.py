"""Each scaffold is killed at each of its named places, again and again, and comes out as it promises.

The control, the same program without what protects it, is killed in the same way and must be found out. Some Python
ones always, and every one of them once by `verify`'s reduced run of all; the rest, and Java by Maven and TypeScript by
Node, in the slow form.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from fixtures.lab import wait_until
from fixtures.scaffolds import KILLED, ScaffoldRun

from eosctl.domain.strategies.catalogue import NAMES
from eosctl.domain.strategies.scaffolding import LANGUAGES, Scaffold, offered, scaffold

_MESSAGES = 300
_ALWAYS = ("at-most-once", "kafka-transactions", "dedup-table", "external-idempotency-keys")
_MAIN = ("kafka-transactions", "dedup-table", "stored-offsets", "external-idempotency-keys")
_ONE_PROGRAM = tuple(
    name
    for name in offered("python")
    if [one.role for one in scaffold(name, "python").programs if one.role != "api"] in (["consumer"], ["producer"])
)
_BUILD_LIMIT_S = 1_800  # the Kafka client of Node may have to be compiled


def _cases(names: Sequence[str], always: Sequence[str] = NAMES, built: Sequence[str] = NAMES) -> list[Any]:
    """(language, name): the slow form unless it is Python and one of `always`; of the built languages only `built`."""
    slow = (pytest.mark.slow, pytest.mark.timeout(_BUILD_LIMIT_S))
    cases: list[Any] = [
        ("python", name) if name in always else pytest.param("python", name, marks=pytest.mark.slow) for name in names
    ]
    return cases + [
        pytest.param(language, name, marks=slow)
        for language in LANGUAGES
        if language != "python"
        for name in names
        if name in built
    ]


def test_every_strategy_has_a_scaffold_in_every_language() -> None:
    assert [language for language in LANGUAGES if set(offered(language)) != set(NAMES)] == []


@pytest.mark.parametrize(("language", "name"), _cases(_ONE_PROGRAM, always=_ALWAYS))
def test_a_killed_scaffold_keeps_its_promise(scaffold_run: ScaffoldRun, language: str, name: str) -> None:
    made = scaffold(name, language)
    scaffold_run.prepare(made, made.files, _MESSAGES)
    kills = _crashed_everywhere(scaffold_run, made)
    assert kills >= len(made.programs[-1].crash_points), scaffold_run.log()
    scaffold_run.finish(made.programs[-1].role)
    if made.promise != "at most once":
        assert scaffold_run.missed() == []
    if made.promise != "at least once":
        assert scaffold_run.doubled() == []
    if made.promise == "at most once":
        assert scaffold_run.missed(), "the kills should have cost messages"
    if made.promise == "at least once":
        assert scaffold_run.doubled(), "the kills should have doubled messages"


@pytest.mark.parametrize(("language", "name"), _cases(_ONE_PROGRAM, always=_ALWAYS[1:2], built=_MAIN))
def test_its_control_is_found_out(scaffold_run: ScaffoldRun, language: str, name: str) -> None:
    made = scaffold(name, language)
    scaffold_run.prepare(made, made.broken(), _MESSAGES)
    assert _crashed_everywhere(scaffold_run, made) > 0
    scaffold_run.finish(made.programs[-1].role)
    faults = {
        "at most once": scaffold_run.doubled,
        "at least once": scaffold_run.missed,
        "exactly once": lambda: scaffold_run.doubled() + scaffold_run.missed(),
    }
    assert faults[made.promise]() != [], f"{made.control.says}: nothing was seen"


def _crashed_everywhere(run: ScaffoldRun, made: Scaffold) -> int:
    """Kills the program at each of its places, the second and then the first time; how often it died there."""
    if any(one.role == "api" for one in made.programs):
        run.start_api()
    program = made.programs[-1]
    return sum(
        run.crash(program.role, point=point, occurrence=occurrence)
        for occurrence in (2, 1)
        for point in program.crash_points
    )


@pytest.mark.parametrize(("language", "name"), _cases(["reservation-compensation"]))
def test_reservations_are_settled_by_the_reconciler_whatever_died(
    scaffold_run: ScaffoldRun, language: str, name: str
) -> None:
    made = scaffold(name, language)
    scaffold_run.prepare(made, made.files, _MESSAGES)
    _crash_reservations(scaffold_run, made)
    assert scaffold_run.missed() == []
    assert scaffold_run.doubled() == []
    assert scaffold_run.sql("SELECT DISTINCT state FROM reservations") == [("confirmed",)]


def test_calling_again_for_a_known_reservation_is_found_out(scaffold_run: ScaffoldRun) -> None:
    made = scaffold("reservation-compensation", "python")
    scaffold_run.prepare(made, made.broken(), _MESSAGES)
    scaffold_run.start_api()
    for point in ("after-effect", "after-confirmation"):
        assert scaffold_run.crash("consumer", point=point, occurrence=7)
    consumer = scaffold_run.start("consumer")
    wait_until(lambda: scaffold_run.missed() == [], limit_s=60)
    scaffold_run.end(consumer)
    assert scaffold_run.doubled() != []


def _crash_reservations(run: ScaffoldRun, made: Scaffold) -> None:
    run.start_api()
    consumer, reconciler = made.programs[1:]
    for point in consumer.crash_points:
        occurrence = 1 if "offset" in point else 7
        assert run.crash(consumer.role, point=point, occurrence=occurrence), run.log()
    settling = run.start(reconciler.role, crash="reconciler-after-effect:1")
    wait_until(lambda: settling.poll() is not None, limit_s=60)
    assert settling.returncode == KILLED, run.log()
    again = [run.start(one.role) for one in (consumer, reconciler)]
    left = "SELECT count(*) FILTER (WHERE state = 'confirmed') FROM reservations"
    wait_until(lambda: run.sql(left) == [(_MESSAGES,)], limit_s=90)
    for process in again:
        run.end(process)


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize(("language", "name"), _cases(["outbox-polling"]))
def test_an_outbox_is_carried_over_whole_by_relays_that_die(
    scaffold_run: ScaffoldRun, language: str, name: str, broken: bool
) -> None:
    made = scaffold(name, language)
    scaffold_run.prepare(made, made.broken() if broken else made.files, _MESSAGES)
    scaffold_run.read_events()
    for point in made.programs[0].crash_points:
        scaffold_run.crash("service", point=point, occurrence=70)
    assert scaffold_run.start("service").wait(60) == 0, scaffold_run.log()
    died = [scaffold_run.crash("relay", point=one, occurrence=2) for one in made.programs[1].crash_points]
    assert any(died)
    relay = scaffold_run.start("relay")
    wait_until(lambda: scaffold_run.sql("SELECT count(*) FROM outbox WHERE published_at IS NULL") == [(0,)], limit_s=60)
    scaffold_run.end(relay)
    for point in made.programs[2].crash_points:
        scaffold_run.crash("consumer", point=point, occurrence=2)
    consumer = scaffold_run.start("consumer")
    wait_until(scaffold_run.all_done, limit_s=60)
    scaffold_run.end(consumer)
    assert scaffold_run.doubled() == []
    assert bool(scaffold_run.missed()) == broken
