"""The confirmation policy: who is asked what, and when it is refused instead."""

import pytest

from eosctl.core.errors import Refused
from eosctl.core.plan import ExtraConfirmation, Plan
from eosctl.runtime.confirmation import Situation, questions

PLAN = Plan(operation="x.y", summary="Something", steps=())
RISKY = Plan(
    operation="x.y",
    summary="Something",
    steps=(),
    extra_confirmations=(ExtraConfirmation("It writes. Really?", "--allow-live"),),
)


def test_a_person_is_asked_once() -> None:
    assert [one.text for one in questions(PLAN, Situation(interactive=True, yes=False))] == ["Go on?"]


def test_yes_skips_the_question() -> None:
    assert questions(PLAN, Situation(interactive=False, yes=True)) == ()


def test_nobody_to_ask_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        questions(PLAN, Situation(interactive=False, yes=False))
    assert caught.value.code == "not_confirmed"


def test_yes_does_not_answer_an_extra_confirmation() -> None:
    with pytest.raises(Refused) as caught:
        questions(RISKY, Situation(interactive=False, yes=True))
    assert "--allow-live" in caught.value.hint
    asked = questions(RISKY, Situation(interactive=True, yes=True))
    assert [one.text for one in asked] == ["It writes. Really?"]


def test_a_protected_profile_wants_its_name_typed() -> None:
    protected = Situation(interactive=True, yes=True, profile="prod", protected=True)
    assert [one.expects for one in questions(PLAN, protected)] == ["prod"]


def test_a_protected_profile_takes_its_name_by_flag() -> None:
    assert questions(PLAN, Situation(interactive=False, yes=True, profile="prod", protected=True, confirm="prod")) == ()
    assert (
        questions(PLAN, Situation(interactive=False, yes=False, profile="prod", protected=True, confirm="prod")) == ()
    )


@pytest.mark.parametrize("confirm", ["", "staging"])
def test_a_protected_profile_refuses_without_its_name(confirm: str) -> None:
    with pytest.raises(Refused):
        questions(PLAN, Situation(interactive=False, yes=True, profile="prod", protected=True, confirm=confirm))
