"""The decision tree and its texts: every leaf is reached, every walk is answered, every text is there."""

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import UsageError
from eosctl.domain.strategies.catalogue import NAMES, strategies
from eosctl.domain.strategies.drawing import FORMATS, draw
from eosctl.domain.strategies.packaged import packaged
from eosctl.domain.strategies.recommendation import recommendation
from eosctl.domain.strategies.tree import checked_answers, decision_tree
from eosctl.domain.strategies.walk import Step, question_after, suggested_transport, walk

TREE = decision_tree()
EFFECTS = ("writes_to_kafka", "writes_to_database", "calls_external_api", "database_is_source_of_truth")


def no_to_all(**answers: str) -> dict[str, str]:
    return {**dict.fromkeys(EFFECTS, "no"), **answers}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"writes_to_kafka": "yes"}, ("kafka-transactions",)),
        ({"writes_to_database": "yes", "offsets_in_same_transaction": "yes"}, ("stored-offsets",)),
        ({"writes_to_database": "yes", "offsets_in_same_transaction": "no"}, ("dedup-table",)),
        ({"calls_external_api": "yes", "api_idempotency_keys": "yes"}, ("external-idempotency-keys",)),
        ({"calls_external_api": "yes", "api_idempotency_keys": "no"}, ("reservation-compensation",)),
        ({"database_is_source_of_truth": "yes", "outbox_transport": "polling"}, ("outbox-polling",)),
        ({"database_is_source_of_truth": "yes", "outbox_transport": "cdc"}, ("outbox-cdc",)),
        ({}, ("at-least-once",)),
        ({"loss_tolerated": "yes"}, ("at-most-once",)),
        ({"writes_to_database": "yes", "naturally_idempotent": "yes"}, ("natural-idempotency",)),
        (
            {"writes_to_kafka": "yes", "writes_to_database": "yes", "offsets_in_same_transaction": "no"},
            ("dedup-table", "outbox-polling"),
        ),
        (
            {"writes_to_database": "yes", "offsets_in_same_transaction": "no", "calls_external_api": "yes",
             "api_idempotency_keys": "yes"},
            ("dedup-table", "external-idempotency-keys"),
        ),
        (
            {"writes_to_kafka": "yes", "calls_external_api": "yes", "api_idempotency_keys": "no"},
            ("kafka-transactions", "reservation-compensation"),
        ),
    ],
)  # fmt: skip
def test_answers_lead_to_the_strategy(answers: dict[str, str], expected: tuple[str, ...]) -> None:
    assert walk(TREE, no_to_all(**answers)).strategies == expected


def test_every_leaf_of_the_tree_is_reached_and_every_target_exists() -> None:
    reached = {walk(TREE, answers).strategies for answers in _every_walk()}
    assert {one for names in reached for one in names} >= set(TREE.leaves())
    assert set(TREE.leaves()) <= set(NAMES)
    for node in TREE.nodes.values():
        assert set(node.branches) == set(TREE.questions[node.key].answers)
        for target in node.branches.values():
            assert bool(target.question) != bool(target.strategy)
            assert not target.question or target.question in TREE.nodes


def test_every_walk_has_its_texts_and_several_effects_have_a_composition() -> None:
    for answers in _every_walk():
        found = recommendation(TREE, walk(TREE, answers), answers)
        assert found.strategy == found.strategies[0]
        assert all((found.why, found.order_of_writes, found.crash_points, found.verify))
        assert {one.strategy for one in found.why_not} | set(found.strategies) == set(NAMES)
        if found.composition:
            assert len(walk(TREE, answers).effects) > 1
            assert found.why.endswith(
                next(one["why"] for one in TREE.texts["compositions"]
                     if tuple(one["effects"]) == walk(TREE, answers).effects)
            )  # fmt: skip


@given(
    st.fixed_dictionaries({}, optional={key: st.sampled_from(list(one.answers)) for key, one in TREE.questions.items()})
)
def test_any_answers_lead_to_strategies_or_to_a_question_that_is_open(answers: dict[str, str]) -> None:
    walked = walk(TREE, answers)
    assert bool(walked.strategies) != bool(walked.missing)
    assert all(one in TREE.questions and one not in answers for one in walked.missing)
    if walked.strategies:
        recommendation(TREE, walked, answers)


@given(st.data())
def test_a_person_who_answers_what_is_asked_always_gets_an_answer(data: st.DataObject) -> None:
    answers: dict[str, str] = {}
    while question := question_after(TREE, answers):
        answers[question.key] = data.draw(st.sampled_from(list(question.answers)))
    assert walk(TREE, answers).strategies


def test_a_missing_answer_is_named() -> None:
    assert walk(TREE, {}).missing == ("writes_to_kafka",)
    assert walk(TREE, {"writes_to_kafka": "no", "writes_to_database": "yes"}).missing == (
        "offsets_in_same_transaction",
    )


def test_latency_and_an_owner_of_connect_speak_for_cdc() -> None:
    assert suggested_transport({"latency": "tight", "runs_connect": "yes"}) == "cdc"
    assert suggested_transport({"latency": "tight", "runs_connect": "no"}) == "polling"
    assert suggested_transport({}) == ""


@pytest.mark.parametrize(
    ("answers", "code"),
    [({"writes_to_kafak": "yes"}, "unknown_question"), ({"writes_to_kafka": "maybe"}, "bad_answer"),
     ({"outbox_transport": True}, "bad_answer")],
)  # fmt: skip
def test_bad_answers_are_refused(answers: dict[str, object], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked_answers(answers, "answers.yaml")
    assert caught.value.code == code
    assert caught.value.hint


def test_yaml_booleans_are_answers() -> None:
    assert checked_answers({"writes_to_kafka": True, "writes_to_database": "N"}, "f") == {
        "writes_to_kafka": "yes",
        "writes_to_database": "no",
    }


@pytest.mark.parametrize("form", FORMATS)
def test_a_drawing_names_every_leaf_and_marks_the_way(form: str) -> None:
    plain = draw(TREE, form)
    assert all(leaf in plain for leaf in TREE.leaves())
    assert draw(TREE, form, [Step("writes_to_kafka", "yes")]) != plain


def test_every_strategy_is_told_in_full() -> None:
    for one in strategies():
        assert all((one.steps, one.crashes, one.limits, one.mistakes, one.diagram, one.watch)), one.name
        assert {"consumer killed", "answer of a commit lost", "zombie after a pause", "redelivery days later"} == set(
            one.survives
        )


def test_every_strategy_of_an_answer_and_no_other_is_marked_in_the_tree() -> None:
    compositions = 0
    for answers in _every_walk():
        walked = walk(TREE, answers)
        if walked.missing:
            continue
        compositions += len(walked.strategies) > 1
        drawn = draw(TREE, "text", walked.path, walked.strategies)
        marked = {line.split("[")[1].split("]")[0] for line in drawn.splitlines() if line.endswith("<== here")}
        assert marked == set(walked.strategies) & set(TREE.leaves()), answers
        assert all("══" in line for line in drawn.splitlines() if line.endswith("<== here"))
    assert compositions > 0


def _every_walk() -> list[dict[str, str]]:
    found = []
    for effects in product(("yes", "no"), repeat=len(EFFECTS)):
        for offsets, keys, transport in product(("yes", "no"), ("yes", "no"), ("polling", "cdc")):
            found.append(
                {
                    **dict(zip(EFFECTS, effects, strict=True)),
                    "offsets_in_same_transaction": offsets,
                    "api_idempotency_keys": keys,
                    "outbox_transport": transport,
                }
            )
    return found


def test_no_comma_cuts_a_text_in_two() -> None:
    """An unquoted comma in a YAML flow mapping ends the text and makes a key without a value of the rest."""
    for path in ("tree.yaml", "scaffolds/scaffolds.yaml", *(f"data/{name}.yaml" for name in NAMES)):
        assert list(_without_value(packaged(path))) == [], path


def _without_value(data: object) -> Iterator[str]:
    if isinstance(data, dict):
        yield from (str(key) for key, value in data.items() if value is None)
        for value in data.values():
            yield from _without_value(value)
    elif isinstance(data, list):
        for value in data:
            yield from _without_value(value)
