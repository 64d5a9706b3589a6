"""What verify prints: a pass, a broken promise, a blind test, all strategies, and somebody's own consumer."""

from dataclasses import replace

import pytest
from fixtures.golden import Golden

from eosctl.core.errors import Notice
from eosctl.domain.proof.checks import Position
from eosctl.domain.proof.counting import Effect, known
from eosctl.domain.proof.faults import Fault, Happened, draw, draw_own, wires
from eosctl.domain.proof.stories import Course, Ran, Sent
from eosctl.domain.strategies.scaffolding import scaffold
from eosctl.operations.proving import StrategyProof, judged, told
from eosctl.operations.proving_own import OwnProof, judged_own, told_own
from eosctl.operations.verify import CONNECT_HINT, VerifyParams, run
from eosctl.ports.verify import Observed, OwnTrial, Trial

MESSAGES = 100


def effects(*, doubled: int = 0, missed: int = 0, prefix: str = "m") -> tuple[Effect, ...]:
    every = [known(f"{prefix}{number}", prefix, 200 + 10 * number) for number in range(missed, MESSAGES)]
    return (*every, *(replace(one, at_ms=2_000) for one in every[:doubled]))


def course(faults: tuple[Fault, ...], program: str) -> Course:
    history = tuple(Happened(one, None if number == 2 else 1_500 * number) for number, one in enumerate(faults))
    ran = (Ran(program, "1", 1, 100, 1_500, "killed"), Ran(program, "1", 2, 1_600, 4_000, "asked"))
    return Course((Sent(0, MESSAGES, 20),), ran, history)


def proof(name: str, ours: tuple[Effect, ...], control: tuple[Effect, ...]) -> StrategyProof:
    made = scaffold(name, "python")
    kinds = ("kill", "pause", "lost-ack")
    faults = draw(name, made.programs, crashes=3, kinds=kinds, seed=7, wired=wires(made.files, made.programs))
    trials = tuple(Trial(made, files, MESSAGES, faults) for files in (made.files, made.broken()))
    positions = (Position(0, 60, 60), Position(1, 40, 40))
    seen = tuple(Observed(one, 2, course(faults, "consumer.py"), positions) for one in (ours, control))
    return judged(made, trials, seen, seed=7)


def own(found: tuple[Effect, ...]) -> OwnProof:
    passed = ("database-commit", "offset-commit")
    faults = draw_own(passed, crashes=3, kinds=("kill", "pause"), instances=2, seed=7)
    trial = OwnTrial(command="python consumer.py", instances=2, messages=MESSAGES, crashes=3, draw=lambda _: faults,
                     counted="sql")  # fmt: skip
    seen = Observed(found, 1, course(faults, "your program"), (Position(0, 100, 100),), prefix="v1-", seen=passed)
    return judged_own(trial, seen, promise="exactly once", ordered=False, seed=7)


PASSED = proof("dedup-table", effects(), effects(doubled=4))
FAILED = proof("at-least-once", effects(missed=2, doubled=3), effects(missed=5))
LEFT_OUT = (Notice("not_verified", "outbox-cdc was left out. No Kafka Connect was named.", CONNECT_HINT),)
BLIND = proof("kafka-transactions", effects(), effects())


@pytest.mark.parametrize(("case", "one"), [("pass", PASSED), ("fail", FAILED), ("inconclusive", BLIND)])
def test_one_strategy(golden: Golden, case: str, one: StrategyProof) -> None:
    assert one.verdict == case
    report = told((one,), one=True)
    assert int(report.exit_code) == (0 if case == "pass" else 3)
    golden.report("verify", case, report)


def test_all_strategies(golden: Golden) -> None:
    report = told((PASSED, FAILED, replace(BLIND, seed=7)), one=False, left_out=LEFT_OUT)
    assert [one.code for one in report.warnings] == ["not_verified"]
    golden.report("verify", "all", report)


@pytest.mark.parametrize(
    ("case", "found", "code"),
    [("own-pass", effects(prefix="v1-"), 0), ("own-fail", effects(prefix="v1-", doubled=2, missed=1), 3)],
)
def test_somebodys_own_consumer(golden: Golden, case: str, found: tuple[Effect, ...], code: int) -> None:
    one = own(found)
    report = told_own(one, left=("topic eosctl-verify-x-in",) if code else ())
    assert (one.verdict, int(report.exit_code)) == ("fail" if code else "pass", code)
    golden.report("verify", case, report)


def test_an_undisturbed_run_proves_nothing() -> None:
    one = own(effects(prefix="v1-"))
    quiet = tuple(Happened(came.fault, None) for came in one.history)
    trial = OwnTrial(command="x", instances=1, messages=MESSAGES, crashes=3, draw=lambda _: (), counted="topic")
    seen = Observed(effects(prefix="v1-"), 0, Course(history=quiet), prefix="v1-")
    judged_quiet = judged_own(trial, seen, promise="exactly once", ordered=False, seed=7)
    assert judged_quiet.verdict == "inconclusive"
    assert int(told_own(judged_quiet).exit_code) == 3


def test_the_list_of_places(golden: Golden) -> None:
    params = VerifyParams(strategy="dedup-table", crash_points="list")
    golden.report("verify", "crash-points", run(None, params))  # type: ignore[arg-type]
