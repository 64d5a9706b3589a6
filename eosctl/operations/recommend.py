"""`recommend`: from answers (or from a person at the terminal) to a strategy, with all that belongs to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eosctl.core.errors import Notice, UsageError
from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report, Section
from eosctl.core.yaml_problems import yaml_problem
from eosctl.domain.strategies.drawing import draw
from eosctl.domain.strategies.observation import Observed, answers_of, differences
from eosctl.domain.strategies.recommendation import Recommendation, recommendation
from eosctl.domain.strategies.tree import Question, checked_answers, decision_tree
from eosctl.domain.strategies.walk import question_after, suggested_transport, walk
from eosctl.ports import Gateways
from eosctl.ports.interview import BACK, SKIP, InterviewGateway, Prompt


class RecommendParams(Params):
    """The answers, as far as they are known."""

    answer: tuple[str, ...] = param((), help="An answer, KEY=VALUE; repeatable", metavar="KEY=VALUE")
    answers: Path | None = param(None, help="A YAML or JSON file of answers", complete="file")
    inspect: str | None = param(
        None, help="Look at a running group first, and fill in what can be seen", metavar="GROUP", complete="group"
    )


@dataclass(frozen=True)
class RecommendSnapshot:
    """The answers that are known, and what a look at the group said."""

    answers: Mapping[str, str]
    given: Mapping[str, str]
    observed: tuple[Observed, ...] = ()
    notices: tuple[Notice, ...] = ()
    not_asked: frozenset[str] = field(default_factory=frozenset)


def observe(gateways: Gateways, params: RecommendParams) -> RecommendSnapshot:
    """Answers from file, flags, the live group and the person at the terminal; given goes before seen."""
    from_file = checked_answers(_file(params.answers), str(params.answers)) if params.answers else {}
    given = {**from_file, **checked_answers(_pairs(params.answer), "--answer")}
    observed: tuple[Observed, ...] = ()
    notices: tuple[Notice, ...] = ()
    if params.inspect:
        from eosctl.operations.inspecting import look_at

        observed, notices = look_at(gateways, params.inspect)
    known = {**answers_of(observed), **given}
    if (not known or walk(decision_tree(), known).missing) and gateways.interview.available():
        known = interview(gateways.interview, known)
    return RecommendSnapshot(known, given, observed, notices)


def interview(person: InterviewGateway, known: Mapping[str, str]) -> dict[str, str]:
    """Asks what matters and is not known, one question at a time; going back forgets the answer before."""
    tree = decision_tree()
    answers, history = dict(known), list[str]()
    skipped: set[str] = set()
    while question := question_after(tree, answers, frozenset(skipped)):
        answer = person.ask(_prompt(question, answers, first=not history))
        if answer == BACK:
            last = history.pop()
            answers.pop(last, None)
            skipped.discard(last)
            continue
        history.append(question.key)
        if answer == SKIP:
            skipped.add(question.key)
        else:
            answers[question.key] = answer
    return answers


def report(snapshot: RecommendSnapshot, params: RecommendParams) -> Report:
    """The recommendation. Raises UsageError (`missing_answer`) with the question and its answers."""
    tree = decision_tree()
    walked = walk(tree, snapshot.answers)
    if walked.missing:
        raise _missing(tree.questions[walked.missing[0]], snapshot.observed)
    found = recommendation(tree, walked, snapshot.answers)
    found = replace(
        found,
        observed=snapshot.observed,
        differs=differences(snapshot.observed, found.strategies, snapshot.given) if snapshot.observed else (),
    )
    assumed = tuple(
        Notice("answer_assumed", f"{key} was not answered; {key}={value} was assumed.", f"Give --answer {key}=...")
        for key, value in walked.assumed.items()
    )
    from_observation = tuple(Notice("differs", one) for one in found.differs)
    tree_text = draw(tree, "text", walked.path, found.strategies)
    return Report(
        found,
        Recommendation,
        warnings=(*snapshot.notices, *assumed, *from_observation),
        sections=tuple(_sections(found, tree_text)),
        summary=f"Prove it: {' && '.join(found.verify)}",
    )


def _sections(found: Recommendation, tree_text: str) -> list[Section]:
    head = [
        ("strategy", " + ".join(found.strategies)),
        ("why", found.why),
        ("guarantee", " ".join(found.guarantees)),
        ("scope", found.scope),
        ("overhead", found.overhead),
        ("complexity", found.complexity),
        ("when", found.when),
    ]
    sections = [Section("Recommendation", [{"": name, "what": value} for name, value in head])]
    if found.observed:
        sections.append(Section("Seen", [{"what": one.what, "seen": one.seen} for one in found.observed]))
    sections.append(Section("The way through the tree", text=tree_text, prose=True))
    sections.append(Section("Order of writes", text=_numbered(found.order_of_writes), prose=True))
    sections.append(Section("When a process dies", found.crash_points))
    for part in found.parts:
        sections.append(Section(f"Configuration for {part.strategy}", text=_configuration(part)))
    if found.advice:
        sections.append(Section("Advice", text=_numbered(found.advice), prose=True))
    sections.append(Section("Why not", found.why_not))
    sections.append(Section("Watch it", text="\n".join(f"  {one}" for one in found.watch)))
    return sections


def _configuration(part: Any) -> str:
    lines = []
    for side in ("producer", "consumer"):
        values = getattr(part, side)
        lines += [f"  # {side}", *(f"  {key}={value}" for key, value in values.items())] if values else []
    if part.ddl:
        lines += ["", *(f"  {line}" for line in part.ddl.splitlines())]
    if part.window:
        lines += ["", f"  Window: {part.window}"]
    return "\n".join(lines)


def _numbered(lines: tuple[str, ...]) -> str:
    return "\n".join(f"  {number}. {line}" for number, line in enumerate(lines, 1))


def _prompt(question: Question, answers: Mapping[str, str], *, first: bool) -> Prompt:
    note = ""
    if question.key == "outbox_transport" and (suggestion := suggested_transport(answers)):
        note = f"What you said so far speaks for {suggestion}."
    return Prompt(question.ask, question.explain, question.answers, note, optional=question.optional, first=first)


def _missing(question: Question, observed: Sequence[Observed]) -> UsageError:
    """The question with its answers, and what a look at the group could say and what not."""
    choices = " ".join(f"{answer}: {means}." for answer, means in question.answers.items())
    if observed:
        choices += f" It can't be seen. What was seen: {'; '.join(f'{one.what}: {one.seen}' for one in observed)}."
    return UsageError(
        "missing_answer",
        f"{question.key} is not answered: {question.ask}",
        why=choices,
        hint=f"Give --answer {question.key}={'|'.join(question.answers)}, or run it on a terminal.",
    )


def _pairs(pairs: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(
                "bad_answer", f"--answer {pair!r} is not KEY=VALUE.", hint="For example writes_to_kafka=yes."
            )
        if found.get(key.strip(), value.strip()) != value.strip():
            raise UsageError("bad_answer", f"--answer {key.strip()} is given twice, and not the same.")
        found[key.strip()] = value.strip()
    return found


def _file(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            "answers_not_read", f"{path} can't be read: {error.strerror}.", hint="Check the path and who may read it."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(
            "bad_answers_file", f"{path} is not YAML: {yaml_problem(error)}.",
            hint="It is a mapping of questions to answers, for example writes_to_kafka: yes",
        ) from None  # fmt: skip
    if not isinstance(data, dict):
        raise UsageError(
            "bad_answers_file", f"{path} holds no answers.", why="It is a mapping of questions to answers.",
            hint="For example: writes_to_kafka: yes",
        )  # fmt: skip
    return data


OPERATION = Query(
    name="recommend",
    summary="Find the strategy that fits, by questions or by answers",
    params=RecommendParams,
    result=Recommendation,
    needs=("kafka", "database"),
    listing=False,
    observe=observe,
    report=report,
    details=(
        "Walks the decision tree (`eosctl strategy tree`). On a terminal it asks; without one a missing answer is an "
        "error that lists the question. Servers are only used with --inspect."
    ),
    examples=(
        Example("eosctl recommend", "On a terminal: one question after the other."),
        Example(
            "eosctl recommend --answer writes_to_kafka=no --answer writes_to_database=yes "
            "--answer offsets_in_same_transaction=no",
            "From answers, without asking.",
        ),
        Example("eosctl recommend --inspect orders -o json", "Look at a running group first."),
    ),
)
