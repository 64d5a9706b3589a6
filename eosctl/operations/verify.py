"""`verify`: kills a strategy's programs again and again, and counts what came out; a control must be found out."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from eosctl.core.errors import EosctlError, Notice, Refused, UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Action, Example
from eosctl.core.params import Params, param
from eosctl.core.report import Report, Section, column
from eosctl.domain.proof.counting import Tally, count
from eosctl.domain.proof.faults import Kind, draw, parse_kinds
from eosctl.domain.proof.verdict import UNORDERED, broken_promises, verdict
from eosctl.domain.strategies.catalogue import NAMES
from eosctl.domain.strategies.scaffolding import Scaffold, scaffold
from eosctl.ports import Gateways
from eosctl.ports.verify import Happened, Observed, Trial

NEEDS_CONNECT = ("outbox-cdc",)
_FULL, _QUICK = (10_000, 25), (300, 12)  # the most places that a strategy has are 10


class VerifyParams(Params):
    """What to prove, and how hard to try to break it."""

    strategy: str | None = param(None, help="The strategy, for example dedup-table", positional=True)
    all: bool = param(False, help="Every strategy, one after the other")
    messages: int | None = param(None, help="How many messages; 10000, with --quick 300", ge=100, le=1_000_000)
    crashes: int | None = param(None, help="How many faults; 25, with --quick 12", ge=1, le=1_000)
    seed: int | None = param(None, help="Draws the faults; the same seed gives the same plan of faults", ge=0)
    faults: str = param("kill", help="Which faults: kill, pause, rebalance, separated by commas", metavar="KINDS")
    quick: bool = param(False, help="A short run: 300 messages, 12 faults")


@dataclass(frozen=True)
class ControlProof(Tally):
    """The same program without what protects it: `without` says what was changed, `found` what that did."""

    without: str
    found: str
    history: tuple[Happened, ...]


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
    out_of_order: int = field(metadata=column(wide=True))
    restarts: int
    exactly_once: bool = field(metadata=column(wide=True))
    control_found: str = field(metadata=column("control"))
    broken: str = field(metadata=column(wide=True))
    seed: int = field(metadata=column(wide=True))
    control: ControlProof = field(metadata=column(hidden=True))
    history: tuple[Happened, ...] = field(metadata=column(hidden=True))


def run(gateways: Gateways, params: VerifyParams) -> Report:
    """Exit 3 when a promise was broken or a control showed nothing. Raises UsageError, Refused, OperationFailed."""
    names, kinds = _names(params), parse_kinds(params.faults)
    gateways.target(("kafka",))
    messages, crashes = _size(params)
    seed = secrets.randbelow(2**31) if params.seed is None else params.seed
    proving, proofs = gateways.verify, []
    try:
        for name in names:
            made = scaffold(name, "python")
            trials = _trials(made, messages=messages, crashes=crashes, kinds=kinds, seed=seed)
            proofs.append(judged(made, trials, proving.side_by_side(trials), seed=seed))
    except EosctlError as error:
        left = proving.tidy()
        if left:
            error.hint = f"{error.hint} Left behind, to be taken away by hand: {', '.join(left)}.".strip()
        raise
    return told(tuple(proofs), one=params.strategy is not None, left=proving.tidy(), everything=params.all)


def _names(params: VerifyParams) -> tuple[str, ...]:
    if params.all == (params.strategy is not None):
        raise UsageError("which_strategy", "Name one strategy, or give --all.", hint="eosctl strategy list shows them.")
    if params.strategy is None:
        return tuple(name for name in NAMES if name not in NEEDS_CONNECT)
    scaffold(params.strategy, "python")  # says what is near when there is none of that name
    if params.strategy in NEEDS_CONNECT:
        raise Refused("needs_connect", f"{params.strategy} can't be run by verify.",
                      why="Its relay is Debezium in a Kafka Connect of yours, which verify does not start or kill.",
                      hint="Its consumer is the one of idempotency-key: eosctl verify idempotency-key.")  # fmt: skip
    return (params.strategy,)


def _size(params: VerifyParams) -> tuple[int, int]:
    messages, crashes = _QUICK if params.quick else _FULL
    return params.messages or messages, params.crashes or crashes


def _trials(made: Scaffold, *, messages: int, crashes: int, kinds: tuple[Kind, ...], seed: int) -> tuple[Trial, Trial]:
    programs = [one for one in made.programs if one.role != "api"]
    faults = draw(made.strategy, programs, crashes=crashes, kinds=kinds, seed=seed)
    return Trial(made, made.files, messages, faults), Trial(made, made.broken(), messages, faults)


def judged(made: Scaffold, trials: tuple[Trial, ...], observed: tuple[Observed, ...], *, seed: int) -> StrategyProof:
    """The strategy's run and its control's, counted and judged."""
    tally, control = (
        count(seen.effects, messages=trial.messages, restarts=seen.restarts, keyed_by_id=made.keyed_by_id)
        for trial, seen in zip(trials, observed, strict=True)
    )
    ordered = made.strategy not in UNORDERED
    found = ", ".join(broken_promises(control, made.promise, ordered=ordered))
    counted: dict[str, Any] = vars(tally)
    return StrategyProof(
        strategy=made.strategy,
        promise=made.promise,
        verdict=verdict(tally, control, made.promise, ordered=ordered),
        **counted,
        control_found=found or "no fault",
        broken=", ".join(broken_promises(tally, made.promise, ordered=ordered)),
        seed=seed,
        control=ControlProof(
            **vars(control),
            without=made.control.says,
            found=found,
            history=observed[1].history,
        ),
        history=observed[0].history,
    )


def told(
    proofs: tuple[StrategyProof, ...], *, one: bool, left: tuple[str, ...] = (), everything: bool = False
) -> Report:
    """A row a strategy; one strategy alone also shows its control and when each fault came."""
    bad = [proof for proof in proofs if proof.verdict != "pass"]
    warnings = [Notice("left_behind", f"{what} could not be taken away.", "Take it away by hand.") for what in left]
    if everything:
        warnings += [
            Notice("not_verified", f"{name} was left out: its relay is Debezium.", "Its consumer is idempotency-key's.")
            for name in NEEDS_CONNECT
        ]
    seed = f" The plan of faults again: --seed {proofs[0].seed}." if proofs else ""
    said = f"{len(proofs) - len(bad)} of {len(proofs)} pass." if not one else _sentence(proofs[0])
    return Report(
        proofs[0] if one else proofs,
        StrategyProof,
        exit_code=ExitCode.PROBLEM if bad else ExitCode.DONE,
        warnings=tuple(warnings),
        summary=said + seed,
        sections=_sections(proofs[0]) if one else (),
    )


def _sentence(proof: StrategyProof) -> str:
    if proof.verdict == "pass":
        return f"{proof.strategy} kept its promise ({proof.promise}), and its control was found out."
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


def _sections(proof: StrategyProof) -> tuple[Section, ...]:
    runs = (_row(proof.strategy, proof), _row("control", proof.control))
    faults = tuple(FaultRow(one.at_ms, one.fault.kind, one.fault.program, _place(one)) for one in proof.history)
    return (
        Section(f"{proof.strategy} ({proof.promise}): {proof.verdict}", runs, CountedRow,
                note=f"The control: {proof.control.without}. It showed: {proof.control_found}."),
        Section("Faults of the strategy's run", faults, FaultRow),
    )  # fmt: skip


def _row(name: str, one: StrategyProof | ControlProof) -> CountedRow:
    return CountedRow(name, one.total_messages, one.unique_processed, one.duplicates, one.missed, one.corrupted,
                      one.out_of_order, one.restarts, one.exactly_once)  # fmt: skip


def _place(one: Happened) -> str:
    fault = one.fault
    return f"{fault.point}, pass {fault.passes}" if fault.point else f"after {fault.after_messages} messages"


OPERATION = Action(
    name="verify",
    summary="Kill a strategy's programs again and again, and count what came out",
    params=VerifyParams,
    result=StrategyProof,
    needs=("kafka", "database"),
    run=run,
    details="Runs the strategy's Python scaffold in processes of its own, in topics and a schema that it makes and "
    "takes away. kill is SIGKILL; pause stops a consumer past its session time-out while a second one works on; "
    "rebalance lets a second one join and leave. The control is the same program without what protects it: when it "
    "shows no fault, the verdict is inconclusive. Exit 3 unless every verdict is pass.",
    examples=(
        Example("eosctl verify kafka-transactions --profile lab", "10,000 messages, 25 kills."),
        Example("eosctl verify --all --quick --profile lab", "Every strategy, a few minutes."),
        Example("eosctl verify dedup-table --faults kill,pause,rebalance --seed 7", "Zombies too; repeatable."),
    ),
)
