"""The crash test's rules: the plan of faults comes from the seed, every effect is counted, no blind test passes."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import Refused, UsageError
from eosctl.domain.proof.counting import Effect, Tally, count, message
from eosctl.domain.proof.faults import FEWEST, KINDS, MOST, Fault, draw, draw_own, parse_kinds, wires
from eosctl.domain.proof.stories import Course
from eosctl.domain.proof.verdict import broken_promises, verdict
from eosctl.domain.strategies.scaffolding import offered, scaffold
from eosctl.operations.verify import _QUICK, VerifyParams, run
from eosctl.ports.verify import Observed, Trial

NAMES = st.sampled_from(offered("python"))
PROMISES = ("exactly once", "at least once", "at most once")
KINDS_DRAWN = st.lists(st.sampled_from(KINDS), min_size=1, unique=True)
GOOD = Tally(10, 10, 0, 0, 0, 0, 0, 3, True)


def effect(number: int) -> Effect:
    sent = message(number)
    return Effect(sent["id"], sent["account"], sent["amount"])


@given(NAMES, st.integers(1, 60), KINDS_DRAWN, st.integers(0, 2**31))
def test_the_same_seed_draws_the_same_faults(name, crashes, kinds, seed) -> None:  # type: ignore[no-untyped-def]
    programs = [one for one in scaffold(name, "python").programs if one.role != "api"]
    wired = wires(scaffold(name, "python").files, programs)
    drawn = draw(name, programs, crashes=crashes, kinds=kinds, seed=seed, wired=wired)
    assert drawn == draw(name, programs, crashes=crashes, kinds=kinds, seed=seed, wired=wired)
    assert len(drawn) in (crashes, 0)
    order = [one.file for one in programs]
    assert [order.index(one.program) for one in drawn] == sorted(order.index(one.program) for one in drawn)
    for one in drawn:
        assert FEWEST <= one.after_messages <= MOST
        assert one.kind in kinds
        assert (one.passes >= 1) == (one.kind in ("kill", "lost-ack"))
        assert (one.point != "") == (one.kind in ("kill", "lost-ack", "cut", "slow", "disk-full"))
    places = [(one.kind, one.program, one.point) for one in drawn]
    times = {places.count(one) for one in places}
    assert not times or max(times) - min(times) <= 1


def test_another_seed_draws_other_faults() -> None:
    programs = scaffold("dedup-table", "python").programs
    drawn = {draw("dedup-table", programs, crashes=25, kinds=("kill",), seed=seed) for seed in range(20)}
    assert len(drawn) == 20


@given(st.integers(1, 60), st.data())
def test_every_effect_is_counted(messages: int, data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, messages - 1), max_size=150))
    tally = count(map(effect, numbers), messages=messages, restarts=2)
    assert tally.unique_processed == len(set(numbers))
    assert tally.duplicates == len(numbers) - len(set(numbers))
    assert tally.missed == messages - len(set(numbers))
    assert tally.exactly_once == (sorted(numbers) == list(range(messages)))
    assert (tally.corrupted, tally.restarts) == (0, 2)


@given(st.integers(11, 60), st.integers(0, 2**20))
def test_order_is_that_of_each_account(messages: int, seed: int) -> None:
    by_account = sorted(range(messages), key=lambda number: (number % 10, number))
    assert count(map(effect, by_account), messages=messages, restarts=0).out_of_order == 0
    again = [*by_account, *by_account]  # a repeat that comes late is a duplicate, and no disorder
    assert count(map(effect, again), messages=messages, restarts=0).out_of_order == 0
    first = Random(seed).randrange(messages - 10)
    swapped = [number for number in range(messages) if number != first] + [first]
    assert count(map(effect, swapped), messages=messages, restarts=0).out_of_order == 1
    assert count(map(effect, swapped), messages=messages, restarts=0, keyed_by_id=True).out_of_order == 0


@pytest.mark.parametrize("strange", [Effect("m1", "a1", 3), Effect("m1", "a2", 2), Effect("x", "a1", 2)])
def test_an_effect_with_other_content_is_corrupted(strange: Effect) -> None:
    tally = count([effect(0), strange], messages=2, restarts=0)
    assert (tally.corrupted, tally.missed, tally.exactly_once) == (1, 1, False)


@pytest.mark.parametrize("fault", ["duplicates", "missed", "corrupted", "aborted_seen", "out_of_order"])
@pytest.mark.parametrize("promise", PROMISES)
def test_each_promise_is_judged_by_itself(promise: str, fault: str) -> None:
    allowed = {
        "exactly once": set(),
        "at least once": {"duplicates", "out_of_order"},
        "at most once": {"missed", "out_of_order"},
    }
    broken = broken_promises(replace(GOOD, **{fault: 2}), promise)
    assert broken == (() if fault in allowed[promise] else (f"2 {fault.replace('_', ' ')}",))


@given(st.sampled_from(PROMISES), *(st.tuples(*(st.integers(0, 2) for _ in range(4))) for _ in range(2)))
def test_a_blind_test_never_passes(promise, ours, control) -> None:  # type: ignore[no-untyped-def]
    fields = ("duplicates", "missed", "corrupted", "out_of_order")
    tally, broken = (replace(GOOD, **dict(zip(fields, one, strict=True))) for one in (ours, control))
    said = verdict(tally, broken, promise)
    assert (said == "fail") == bool(broken_promises(tally, promise))
    assert said != "pass" or broken_promises(broken, promise)
    assert verdict(tally, GOOD, promise) in ("fail", "inconclusive")


def test_faults_are_named() -> None:
    assert parse_kinds("rebalance, kill") == ("kill", "rebalance")
    for wrong, code in (("kil", "unknown_fault"), (",", "no_fault")):
        with pytest.raises(UsageError) as raised:
            parse_kinds(wrong)
        assert raised.value.code == code


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({}, "which_strategy"),
        ({"strategy": "dedup-table", "all": True}, "which_strategy"),
        ({"strategy": "dedup-tabel"}, "unknown_strategy"),
        ({"strategy": "outbox-cdc", "cdc_password": "sesame"}, "secret_in_clear"),
        ({"strategy": "dedup-table", "faults": "sleep"}, "unknown_fault"),
        ({"strategy": "dedup-table", "faults": "disk-full"}, "faults_not_allowed"),
        ({"strategy": "dedup-table", "faults": "kill,database-kill"}, "faults_not_allowed"),
        ({"strategy": "dedup-table", "crash_points": "after-efect"}, "unknown_crash_point"),
        ({"strategy": "dedup-table", "report": "proof.pdf"}, "bad_report"),
        ({"strategy": "dedup-table", "group": "orders"}, "only_exec"),
        ({"strategy": "kafka-transactions", "faults": "duplicate"}, "fault_does_not_fit"),
        ({"strategy": "dedup-table", "exec": "true"}, "which_strategy"),
        ({"exec": "true", "id": "headers"}, "bad_id"),
        ({"exec": "true", "faults": "kill,connect-kill", "allow_faults": True}, "fault_does_not_fit"),
        ({"strategy": "outbox-polling", "faults": "connect-kill", "allow_faults": True}, "fault_does_not_fit"),
        ({"strategy": "dedup-table", "faults": "connect-kill"}, "faults_not_allowed"),
        ({"exec": "true", "crash_points": "before-effect"}, "unknown_crash_point"),
        ({"exec": "true", "check_sql": "q.sql", "check_http": "http://x"}, "which_check"),
        ({"exec": "true", "check_sql": "no-such-file.sql"}, "file_not_read"),
    ],
)
def test_a_wrong_wish_is_refused_before_anything_is_made(wish: dict[str, object], code: str) -> None:
    with pytest.raises((UsageError, Refused)) as raised:
        run(None, VerifyParams.model_validate(wish))  # type: ignore[arg-type]
    assert raised.value.code == code


@pytest.mark.parametrize("name", offered("python"))
def test_a_quick_run_comes_to_every_place(name: str) -> None:
    programs = [one for one in scaffold(name, "python").programs if one.role != "api"]
    drawn = draw(name, programs, crashes=_QUICK[1], kinds=("kill",), seed=1)
    places = {(one.file, point) for one in programs for point in one.crash_points}
    assert {(one.program, one.point) for one in drawn} == places


def test_every_place_of_a_program_can_be_listed() -> None:
    listed = run(None, VerifyParams(strategy="dedup-table", crash_points="list")).data  # type: ignore[arg-type]
    places = [point for one in scaffold("dedup-table", "python").programs for point in one.crash_points]
    assert [one.crash_point for one in listed] == places
    everywhere = run(None, VerifyParams(crash_points="list")).data  # type: ignore[arg-type]
    assert len({one.strategy for one in everywhere}) == len(offered("python"))
    own = run(None, VerifyParams(exec="true", crash_points="list")).data  # type: ignore[arg-type]
    assert "before-offset-commit" in [one.crash_point for one in own]


def test_kills_come_only_where_they_are_wanted() -> None:
    programs = scaffold("dedup-table", "python").programs
    drawn = draw("dedup-table", programs, crashes=5, kinds=("kill",), seed=1, points=("after-database-commit",))
    assert {one.point for one in drawn} == {"after-database-commit"}


def test_a_proxy_knows_what_each_program_says() -> None:
    for name in offered("python"):
        made = scaffold(name, "python")
        for file, found in wires(made.files, [one for one in made.programs if one.role != "api"]).items():
            assert found or name == "at-most-once" or file in ("reconciler.py",), (name, file)
    said = wires(scaffold("kafka-transactions", "python").files, scaffold("kafka-transactions", "python").programs)
    assert said == {"consumer.py": ("produce", "transaction-commit")}


@given(
    st.sets(st.sampled_from(["produce", "offset-commit", "transaction-commit", "database-commit"])),
    KINDS_DRAWN, st.integers(1, 40), st.integers(1, 4), st.integers(0, 2**31),
)  # fmt: skip
def test_an_own_program_is_hit_only_where_it_was_seen(passed, kinds, crashes, instances, seed) -> None:  # type: ignore[no-untyped-def]
    def drawn() -> tuple[Fault, ...]:
        return draw_own(sorted(passed), crashes=crashes, kinds=kinds, instances=instances, seed=seed)

    faults = drawn()
    assert faults == drawn()
    for one in faults:
        name = one.point.removeprefix("before-").removeprefix("after-")
        assert name in {*passed, "anywhere", "", "kafka", "database"}
        assert one.kind != "pause" or not one.point.startswith("after-")
        assert 1 <= one.instance <= instances
    assert len(faults) == crashes or set(kinds) <= {"lost-ack", "connect-kill"}


class NoServers:
    """Gateways whose crash test finds what it is told to, one round after the other."""

    def __init__(self, rounds: list[tuple[int, int]], times_ms: list[int]) -> None:
        self.clock, self.verify = self, self
        self._rounds, self._times_ms = rounds, times_ms
        self.faults: list[tuple[Fault, ...]] = []

    def target(self, needs: tuple[str, ...]) -> dict[str, str]:
        return {}

    def consent(self, confirm: str) -> None:
        assert confirm == ""

    def monotonic_ms(self) -> int:
        return self._times_ms.pop(0)

    def tidy(self) -> tuple[str, ...]:
        return ()

    def side_by_side(self, trials: tuple[Trial, ...]) -> tuple[Observed, ...]:
        self.faults.append(trials[0].faults)
        sent = [effect(number) for number in range(trials[0].messages)]
        return tuple(Observed((*sent, *sent[:doubled]), 1, Course()) for doubled in self._rounds.pop(0))


@pytest.mark.parametrize(
    ("found", "times_ms", "verdict", "rounds"),
    [
        ([(0, 3)], [0, 1_500], "pass", 1),
        ([(0, 3), (0, 2)], [0, 500, 2_000], "pass", 2),
        ([(0, 3), (1, 2)], [0, 500], "fail", 2),
        ([(0, 0)], [0], "inconclusive", 1),
    ],
)
def test_rounds_go_on_with_the_next_seed_until_the_time_is_over_or_something_is_found(
    found: list[tuple[int, int]], times_ms: list[int], verdict: str, rounds: int
) -> None:
    gateways = NoServers(found, times_ms)
    params = VerifyParams(strategy="dedup-table", messages=100, crashes=3, seed=5, duration=1_000)
    proof = run(gateways, params).data  # type: ignore[arg-type]
    assert (proof.verdict, proof.rounds, proof.seed) == (verdict, rounds, 4 + rounds)
    assert len(set(gateways.faults)) == rounds
    assert (found, times_ms) == ([], [])
