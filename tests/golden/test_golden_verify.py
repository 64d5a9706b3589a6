"""What verify prints: a pass, a broken promise, a blind test, and all strategies."""

from dataclasses import replace

import pytest
from fixtures.golden import Golden

from eosctl.domain.proof.counting import Effect, message
from eosctl.domain.proof.faults import draw
from eosctl.domain.strategies.scaffolding import scaffold
from eosctl.operations.verify import StrategyProof, judged, told
from eosctl.ports.verify import Happened, Observed, Trial

MESSAGES = 100


def effects(*, doubled: int = 0, missed: int = 0) -> tuple[Effect, ...]:
    sent = [message(number) for number in range(missed, MESSAGES)]
    every = [Effect(one["id"], one["account"], one["amount"]) for one in sent]
    return (*every, *every[:doubled])


def proof(name: str, ours: tuple[Effect, ...], control: tuple[Effect, ...]) -> StrategyProof:
    made = scaffold(name, "python")
    faults = draw(name, made.programs, crashes=3, kinds=("kill", "pause"), seed=7)
    trials = tuple(Trial(made, files, MESSAGES, faults) for files in (made.files, made.broken()))
    history = tuple(Happened(one, None if number == 2 else 1_500 * number) for number, one in enumerate(faults))
    seen = tuple(Observed(one, 2, history) for one in (ours, control))
    return judged(made, trials, seen, seed=7)


PASSED = proof("dedup-table", effects(), effects(doubled=4))
FAILED = proof("at-least-once", effects(missed=2, doubled=3), effects(missed=5))
BLIND = proof("kafka-transactions", effects(), effects())


@pytest.mark.parametrize(("case", "one"), [("pass", PASSED), ("fail", FAILED), ("inconclusive", BLIND)])
def test_one_strategy(golden: Golden, case: str, one: StrategyProof) -> None:
    assert one.verdict == case
    report = told((one,), one=True)
    assert int(report.exit_code) == (0 if case == "pass" else 3)
    golden.report("verify", case, report)


def test_all_strategies(golden: Golden) -> None:
    report = told((PASSED, FAILED, replace(BLIND, seed=7)), one=False, everything=True)
    assert [one.code for one in report.warnings] == ["not_verified"]
    golden.report("verify", "all", report)
