"""The answer of `recommend`: from a walk through the tree to a strategy (or several) and all that belongs to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eosctl.domain.strategies.catalogue import NAMES, CrashPoint, Strategy, crash_point, strategies
from eosctl.domain.strategies.tree import Answers, Tree, holds
from eosctl.domain.strategies.walk import Step, Walk

_COSTS = ("none", "low", "medium", "high")


@dataclass(frozen=True)
class Rejected:
    """A strategy that is not the answer, and why."""

    strategy: str
    reason: str


@dataclass(frozen=True)
class Part:
    """One strategy of the answer and what is to be set up for it."""

    strategy: str
    title: str
    guarantee: str
    producer: Mapping[str, str]
    consumer: Mapping[str, str]
    ddl: str
    window: str


@dataclass(frozen=True)
class Recommendation:
    """What `recommend` says. `strategy` is the first of `strategies`; more than one is a `composition`.

    `order_of_writes` and `crash_points` are the composition's own when there is one. `assumed` are answers that
    nobody gave. `observed` and `differs` come from a look at a running group.
    """

    strategy: str
    strategies: tuple[str, ...]
    composition: bool
    why: str
    scope: str
    overhead: str
    complexity: str
    when: str
    guarantees: tuple[str, ...]
    order_of_writes: tuple[str, ...]
    crash_points: tuple[CrashPoint, ...]
    parts: tuple[Part, ...]
    why_not: tuple[Rejected, ...]
    advice: tuple[str, ...]
    watch: tuple[str, ...]
    verify: tuple[str, ...]
    answers: Mapping[str, str]
    assumed: Mapping[str, str]
    path: tuple[Step, ...]
    observed: tuple[Any, ...] = ()
    differs: tuple[str, ...] = field(default=())


def recommendation(tree: Tree, walked: Walk, given: Answers) -> Recommendation:
    """The full answer for a walk that reached its end (`walked.strategies` is not empty)."""
    chosen = strategies(walked.strategies)
    answers = {**walked.assumed, **given}
    together = _composition(tree, walked.effects)
    reasons = [tree.texts["why"][one.name] for one in chosen]
    return Recommendation(
        strategy=chosen[0].name,
        strategies=walked.strategies,
        composition=len(chosen) > 1,
        why=" ".join([*reasons, together["why"]] if together else reasons),
        scope=", ".join(dict.fromkeys(one.scope for one in chosen)),
        overhead=_worst([one.overhead for one in chosen]),
        complexity=_worst([one.complexity for one in chosen]),
        when=" ".join(one.when for one in chosen),
        guarantees=tuple(f"{one.name}: {one.guarantee}." for one in chosen),
        order_of_writes=tuple(together["order"]) if together else chosen[0].steps,
        crash_points=tuple(map(crash_point, together["crashes"])) if together else chosen[0].crashes,
        parts=tuple(_part(one) for one in chosen),
        why_not=tuple(_rejected(tree, name, answers) for name in NAMES if name not in walked.strategies),
        advice=tuple(_advice(tree, walked.strategies, answers)),
        watch=tuple(dict.fromkeys(command for one in chosen for command in one.watch)),
        verify=tuple(one.verify for one in chosen),
        answers=dict(given),
        assumed=walked.assumed,
        path=walked.path + walked.further,
    )


def _composition(tree: Tree, effects: tuple[str, ...]) -> Mapping[str, Any]:
    """The composition's texts; {} for a consumer with one effect."""
    every = tree.texts["compositions"]
    return next((one for one in every if tuple(one["effects"]) == effects), {})


def _part(one: Strategy) -> Part:
    return Part(one.name, one.title, one.guarantee, one.producer, one.consumer, one.ddl.strip(), one.window)


def _rejected(tree: Tree, name: str, answers: Answers) -> Rejected:
    reasons = tree.texts["why_not"][name]
    return Rejected(name, next(one["says"] for one in reasons if holds(one.get("when", {}), answers)))


def _advice(tree: Tree, chosen: tuple[str, ...], answers: Answers) -> list[str]:
    return [
        str(one["says"])
        for one in tree.texts["advice"]
        if holds(one["when"], answers) and set(one["strategies"]) & set(chosen)
    ]


def _worst(costs: list[str]) -> str:
    """The highest of several costs; a longer wording (`low at run time`) counts by its first word."""
    return max(costs, key=lambda cost: _COSTS.index(cost.split()[0]))
