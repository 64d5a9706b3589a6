"""Judges and tells a strategy's trial and its control's: what `verify STRATEGY` and `verify --all` answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eosctl.core.counts import counted
from eosctl.core.errors import Notice
from eosctl.core.exit_codes import ExitCode
from eosctl.core.report import Report, Section, column
from eosctl.domain.proof.chapters import Chapter, Part
from eosctl.domain.proof.checks import Check, checks
from eosctl.domain.proof.counting import Tally, count
from eosctl.domain.proof.faults import Happened
from eosctl.domain.proof.stories import Course, Mark, Ran, Sent, Story, marks, stories
from eosctl.domain.proof.verdict import UNORDERED, broken_promises, verdict
from eosctl.domain.strategies.scaffolding import Scaffold
from eosctl.ports.verify import Observed, Trial

NEEDS_CONNECT = ("outbox-cdc",)
_SHOWN_STORIES = 5


@dataclass(frozen=True)
class ControlProof(Tally):
    """The same program without what protects it: `without` says what was changed, `found` what that did."""

    without: str
    found: str
    checks: tuple[Check, ...]
    stories: tuple[Story, ...]
    history: tuple[Happened, ...]
    sent: tuple[Sent, ...]
    ran: tuple[Ran, ...]
    effects: tuple[Mark, ...]


@dataclass(frozen=True)
class StrategyProof:
    """One strategy's outcome, its control beside it. `broken` says which promise was not kept."""

    strategy: str
    promise: str
    verdict: str
    total_messages: int = field(metadata=column("messages"))
    unique_processed: int = field(metadata=column("unique"))
    duplicates: int
    missed: int
    corrupted: int = field(metadata=column(wide=True))
    aborted_seen: int = field(metadata=column(wide=True))
    out_of_order: int = field(metadata=column(wide=True))
    restarts: int
    exactly_once: bool = field(metadata=column(wide=True))
    control_found: str = field(metadata=column("control"))
    broken: str = field(metadata=column(wide=True))
    seed: int = field(metadata=column(wide=True))
    rounds: int = field(metadata=column(wide=True))
    checks: tuple[Check, ...] = field(metadata=column(hidden=True))
    stories: tuple[Story, ...] = field(metadata=column(hidden=True))
    control: ControlProof = field(metadata=column(hidden=True))
    history: tuple[Happened, ...] = field(metadata=column(hidden=True))
    sent: tuple[Sent, ...] = field(metadata=column(hidden=True))
    ran: tuple[Ran, ...] = field(metadata=column(hidden=True))
    effects: tuple[Mark, ...] = field(metadata=column(hidden=True))


def judged(made: Scaffold, trials: tuple[Trial, ...], observed: tuple[Observed, ...], *, seed: int) -> StrategyProof:
    """The strategy's run and its control's, counted and judged."""
    tally, control = (
        count(seen.effects, messages=trial.messages, restarts=seen.restarts, keyed_by_id=made.keyed_by_id)
        for trial, seen in zip(trials, observed, strict=True)
    )
    ordered = made.strategy not in UNORDERED
    told, beside = (evidence(one, seen, made.promise, ordered=ordered)
                    for one, seen in zip((tally, control), observed, strict=True))  # fmt: skip
    found = ", ".join(broken_promises(control, made.promise, ordered=ordered))
    broken = broken_promises(tally, made.promise, ordered=ordered) or unkept(told)
    return StrategyProof(
        strategy=made.strategy,
        promise=made.promise,
        verdict="fail" if broken else verdict(tally, control, made.promise, ordered=ordered),
        **vars(tally),
        control_found=found or "no fault",
        broken=", ".join(broken),
        seed=seed,
        rounds=1,
        control=ControlProof(**vars(control), without=made.control.says, found=found, **beside),
        **told,
    )


def evidence(tally: Tally, seen: Observed, promise: str, *, ordered: bool) -> dict[str, Any]:
    """What every proof has beside its counts: checks, stories, effects over time, and what happened when."""
    return {
        "checks": checks(tally, promise, ordered=ordered, positions=seen.positions, outbox=seen.outbox),
        "stories": stories(seen.course, seen.effects, messages=tally.total_messages, prefix=seen.prefix),
        "effects": marks(seen.effects),
        **vars(seen.course),
    }


def unkept(evidence: Mapping[str, Any]) -> tuple[str, ...]:
    """What the checks found that the counts alone do not show."""
    return tuple(one.found for one in evidence["checks"] if one.held == "no")


def told(
    proofs: tuple[StrategyProof, ...], *, one: bool, left: tuple[str, ...] = (), left_out: tuple[Notice, ...] = ()
) -> Report:
    """A row a strategy, and which were `left_out`; one alone shows its control, checks and when each fault came."""
    bad = [proof for proof in proofs if proof.verdict != "pass"]
    seed = f" The plan of faults again: --seed {proofs[0].seed}." if proofs else ""
    said = f"{len(proofs) - len(bad)} of {counted(len(proofs), 'passes', 'pass')}." if not one else _sentence(proofs[0])
    return Report(
        proofs[0] if one else proofs,
        StrategyProof,
        exit_code=ExitCode.PROBLEM if bad else ExitCode.DONE,
        warnings=left_behind(left) + left_out,
        summary=said + seed,
        sections=_sections(proofs[0]) if one else (),
    )


def left_behind(left: Sequence[str]) -> tuple[Notice, ...]:
    """A warning for each thing that could not be taken away."""
    return tuple(Notice("left_behind", f"{one} could not be taken away.", "Take it away by hand.") for one in left)


def _sentence(proof: StrategyProof) -> str:
    rounds = f" in {proof.rounds} rounds" if proof.rounds > 1 else ""
    if proof.verdict == "pass":
        return f"{proof.strategy} kept its promise ({proof.promise}){rounds}, and its control was found out."
    if proof.verdict == "fail":
        return f"{proof.strategy} broke its promise ({proof.promise}): {proof.broken}."
    return "Inconclusive: the control showed no fault, so this run could not have found one. Give more --crashes."


@dataclass(frozen=True)
class CountedRow:
    """One column of the comparison, as a row."""

    run: str
    messages: int
    unique: int
    duplicates: int
    missed: int
    corrupted: int
    aborted_seen: int
    out_of_order: int
    restarts: int
    exactly_once: bool


@dataclass(frozen=True)
class FaultRow:
    """One fault as it is told: `at_ms` from the start, empty when the work was over before it came."""

    at_ms: int | None
    fault: str
    program: str
    place: str


@dataclass(frozen=True)
class StoryRow:
    """One story as it is told."""

    what: str
    story: str


def counted_row(name: str, one: Any) -> CountedRow:
    """A tally as a row."""
    return CountedRow(name, one.total_messages, one.unique_processed, one.duplicates, one.missed, one.corrupted,
                      one.aborted_seen, one.out_of_order, one.restarts, one.exactly_once)  # fmt: skip


def further_sections(one: Any, whose: str) -> tuple[Section, ...]:
    """Checks, faults and the first stories of a proof."""
    faults = tuple(FaultRow(came.at_ms, came.fault.kind, came.fault.program, _place(came)) for came in one.history)
    found = [Section("Checks", one.checks, Check), Section(f"Faults of {whose}", faults, FaultRow)]
    if one.stories:
        rows = tuple(StoryRow(story.what, story.told) for story in one.stories[:_SHOWN_STORIES])
        more = len(one.stories) - len(rows)
        note = f"{counted(more, 'more is', 'more are')} in -o json and in --report FILE." if more else ""
        found.append(Section("What went wrong, message by message", rows, StoryRow, note=note))
    return tuple(found)


def _sections(proof: StrategyProof) -> tuple[Section, ...]:
    runs = (counted_row(proof.strategy, proof), counted_row("control", proof.control))
    return (
        Section(f"{proof.strategy} ({proof.promise}): {proof.verdict}", runs, CountedRow,
                note=f"The control: {proof.control.without}. It showed: {proof.control_found}."),
        *further_sections(proof, "the strategy's run"),
    )  # fmt: skip


def _place(one: Happened) -> str:
    fault = one.fault
    if not fault.program and fault.point in ("kafka", "database"):  # an own program is not counted on its way there
        return fault.point
    if not fault.passes or fault.point in ("", "anywhere"):
        return f"{fault.point or 'after'}{' after' if fault.point else ''} {counted(fault.after_messages, 'message')}"
    return f"{fault.point}, pass {fault.passes}"


def chapters(proofs: Sequence[StrategyProof]) -> tuple[Chapter, ...]:
    """The report's chapters: the strategy's run and its control's."""
    return tuple(
        Chapter(f"{one.strategy} ({one.promise})", one.verdict, _sentence(one), (
            part(one.strategy, f"Seed {one.seed}.", one),
            part("control", f"The control: {one.control.without}. It showed: {one.control_found}.", one.control),
        ))
        for one in proofs
    )  # fmt: skip


def part(title: str, says: str, one: Any) -> Part:
    """One trial for the report."""
    tally = Tally(**{name: getattr(one, name) for name in Tally.__dataclass_fields__})
    return Part(title, says, tally, one.checks, Course(one.sent, one.ran, one.history), one.effects, one.stories)
