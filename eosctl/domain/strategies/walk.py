"""Walks the tree: which question comes next, which are missing, which strategies the answers lead to. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from eosctl.domain.strategies.tree import Answers, Question, Tree

_DEFAULT_TRANSPORT = "polling"


@dataclass(frozen=True)
class Step:
    """One question that was passed, and the answer that was taken."""

    question: str
    answer: str


@dataclass(frozen=True)
class Walk:
    """Where the answers lead.

    `path` is the way through the tree to the first strategy, `further` what lies behind it (for consumers that
    answer yes more than once); `effects` what the consumer touches; `missing` the questions without which no
    strategy can be named; `assumed` the answers that were not given and taken all the same.
    """

    path: tuple[Step, ...]
    further: tuple[Step, ...]
    effects: tuple[str, ...]
    strategies: tuple[str, ...]
    missing: tuple[str, ...] = ()
    assumed: Mapping[str, str] = field(default_factory=dict)


def walk(tree: Tree, given: Answers) -> Walk:
    """Goes to the first strategy, then on behind it as if that effect were not there, until the tree ends.

    The first path must be answered in full. Behind it an effect that was not asked for counts as absent, while the
    follow-up of a yes must be answered.
    """
    if given.get("loss_tolerated") == "yes":
        return Walk((), (), (), ("at-most-once",))
    answers, assumed = _with_transport(given)
    path, leaf, effect = _descend(tree, tree.start, answers)
    if not leaf:
        return Walk(tuple(path), (), (), (), missing=(_stuck(tree, path),), assumed=assumed)
    found, further = [(effect, leaf)], []
    while effect:
        effect_node = next(node for node in tree.nodes.values() if node.effect == effect)
        onward = effect_node.branches.get("no")
        if onward is None or not onward.question:
            break
        seen = {**_absent(tree, answers), **answers}
        steps, leaf, effect = _descend(tree, onward.question, seen)
        further += [one for one in steps if one.question in answers]
        if not leaf:
            return Walk(
                tuple(path), tuple(further), (), (), missing=(_stuck(tree, steps, onward.question),), assumed=assumed
            )
        if effect:
            found.append((effect, leaf))
    return _resolved(tuple(path), tuple(further), dict(found), answers, assumed)


def question_after(tree: Tree, given: Answers, skipped: frozenset[str] = frozenset()) -> Question | None:
    """The next question for a person, None when all that matter are answered."""
    for one in tree.in_order():
        if one.key not in given and one.key not in skipped and one.is_asked(given):
            return one
    return None


def suggested_transport(given: Answers) -> str:
    """What latency, throughput and the owner of Connect speak for: `cdc`, `polling`, or "" when they were not asked."""
    if not {"latency", "throughput", "runs_connect"} & set(given):
        return ""
    demanding = "tight" in given.get("latency", "") or given.get("throughput") == "high"
    return "cdc" if demanding and given.get("runs_connect") == "yes" else "polling"


def _with_transport(given: Answers) -> tuple[dict[str, str], dict[str, str]]:
    """Fills in the outbox's transport where neighbouring answers tell it, or where only the composition wants it."""
    answers = dict(given)
    suggestion = suggested_transport(given)
    implied = given.get("writes_to_kafka") == "yes" and given.get("writes_to_database") == "yes"
    wanted = given.get("database_is_source_of_truth") == "yes" or implied
    if not wanted or "outbox_transport" in given:
        return answers, {}
    if suggestion:
        answers["outbox_transport"] = suggestion
        return answers, {"outbox_transport": suggestion}
    if given.get("database_is_source_of_truth") != "yes":
        answers["outbox_transport"] = _DEFAULT_TRANSPORT
        return answers, {"outbox_transport": _DEFAULT_TRANSPORT}
    return answers, {}


def _descend(tree: Tree, start: str, answers: Answers) -> tuple[list[Step], str, str]:
    """(steps taken, strategy or "", effect of the last yes)."""
    steps: list[Step] = []
    key, effect = start, ""
    while key in answers:
        node, answer = tree.nodes[key], answers[key]
        steps.append(Step(key, answer))
        if node.effect:
            effect = node.effect if answer == "yes" else ""
        if effect in ("database", "api") and _repeats_are_harmless(answers):
            return steps, "natural-idempotency", effect
        target = node.branches[answer]
        if target.strategy:
            return steps, target.strategy, effect
        key = target.question
    return steps, "", effect


def _repeats_are_harmless(answers: Answers) -> bool:
    """A repeat that also publishes is not harmless: each event that goes out again is a second event."""
    publishes = "yes" in (answers.get("writes_to_kafka"), answers.get("database_is_source_of_truth"))
    return answers.get("naturally_idempotent") == "yes" and not publishes


def _absent(tree: Tree, answers: Answers) -> dict[str, str]:
    """A no for each effect that nobody was asked about."""
    return {node.key: "no" for node in tree.nodes.values() if node.effect and node.key not in answers}


def _stuck(tree: Tree, steps: list[Step], start: str = "") -> str:
    if not steps:
        return start or tree.start
    last = steps[-1]
    return tree.nodes[last.question].branches[last.answer].question


def _resolved(
    path: tuple[Step, ...],
    further: tuple[Step, ...],
    found: dict[str, str],
    answers: Answers,
    assumed: Mapping[str, str],
) -> Walk:
    """A consumer of Kafka that writes rows and topics sends its results through the outbox of its database."""
    if {"kafka", "database"} <= set(found):
        found.pop("kafka")
        found.setdefault("events", f"outbox-{answers['outbox_transport']}")
    if set(found) == {""} or not found:
        return Walk(path, further, (), tuple(found.values()), assumed=assumed)
    found.pop("", None)
    order = [effect for effect in ("kafka", "database", "api", "events") if effect in found]
    strategies = tuple(dict.fromkeys(found[effect] for effect in order))
    return Walk(path, further, tuple(order), strategies, assumed=assumed)
