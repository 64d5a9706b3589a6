"""The decision tree as values: questions, nodes, leaves. `tree.yaml` holds it; this reads and checks it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.domain.strategies.packaged import packaged

Answers = Mapping[str, str]
_SAME = {"y": "yes", "true": "yes", "n": "no", "false": "no"}


@dataclass(frozen=True)
class Question:
    """One question. `answers` maps each answer to what it means; `asked_when` holds alternatives of earlier answers."""

    key: str
    ask: str
    explain: str
    answers: Mapping[str, str]
    optional: bool = False
    before: str = ""
    asked_when: tuple[Answers, ...] = ()

    def is_asked(self, given: Answers) -> bool:
        """Whether earlier answers make this question matter."""
        return not self.asked_when or any(holds(one, given) for one in self.asked_when)


@dataclass(frozen=True)
class Target:
    """Where a branch leads: to another question or to a strategy; the other one is ""."""

    question: str = ""
    strategy: str = ""


@dataclass(frozen=True)
class Node:
    """A question's place in the tree. `effect` names what a yes adds to the consumer's effects, "" for follow-ups."""

    key: str
    effect: str
    branches: Mapping[str, Target]


@dataclass(frozen=True)
class Tree:
    """The whole of `tree.yaml`; `texts` holds its why, why_not, compositions and advice as they are."""

    start: str
    nodes: Mapping[str, Node]
    questions: Mapping[str, Question]
    texts: Mapping[str, Any]

    def leaves(self) -> tuple[str, ...]:
        """Every strategy that some path reaches, in the tree's order."""
        return tuple(dict.fromkeys(target.strategy for target in self._targets() if target.strategy))

    def _targets(self) -> Iterator[Target]:
        for node in self.nodes.values():
            yield from node.branches.values()

    def in_order(self) -> tuple[Question, ...]:
        """Every question in the order in which a person is asked: a `before` question precedes its own."""
        early = {key: [one for one in self.questions.values() if one.before == key] for key in self.questions}
        ordered: list[Question] = []
        for one in self.questions.values():
            if not one.before:
                ordered += [*early[one.key], one]
        return tuple(ordered)


def holds(condition: Answers, given: Answers) -> bool:
    """Whether every answer that the condition names was given so."""
    return all(given.get(key) == value for key, value in condition.items())


@cache
def decision_tree() -> Tree:
    """The tree that the package ships."""
    data = packaged("tree.yaml")
    questions = {key: _question(key, one) for key, one in data["questions"].items()}
    nodes = {key: _node(key, one) for key, one in data["nodes"].items()}
    return Tree(
        data["start"], nodes, questions, {key: data[key] for key in ("why", "why_not", "compositions", "advice")}
    )


def checked_answers(given: Mapping[str, Any], source: str) -> dict[str, str]:
    """Answers in their canonical words. Raises UsageError (`unknown_question`, `bad_answer`) naming `source`."""
    questions = decision_tree().questions
    checked = {}
    for key, value in given.items():
        if key not in questions:
            hint = did_you_mean(str(key), questions) or f"The questions are: {', '.join(questions)}."
            raise UsageError("unknown_question", f"{source}: there is no question {key!r}.", hint=hint)
        word = ("yes" if value else "no") if isinstance(value, bool) else str(value).strip().lower()
        choices = questions[key].answers
        word = word if word in choices else _SAME.get(word, word)
        if word not in choices:
            raise UsageError(
                "bad_answer",
                f"{source}: {key} can't be {value!r}.",
                why=f"{questions[key].ask} The answers are {' and '.join(choices)}.",
                hint=f"For example {key}={next(iter(choices))}.",
            )
        checked[key] = word
    return checked


def _question(key: str, data: Mapping[str, Any]) -> Question:
    return Question(**{**data, "key": key, "asked_when": tuple(data.get("asked_when", ()))})


def _node(key: str, data: Mapping[str, Any]) -> Node:
    branches = {answer: Target(**target) for answer, target in data.items() if answer != "effect"}
    return Node(key, data.get("effect", ""), branches)
