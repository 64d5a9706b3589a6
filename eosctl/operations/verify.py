"""`verify`: kills programs again and again, and counts what came out; a strategy's control must be found out."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eosctl.core.documents import REPORTS, Document, require_file
from eosctl.core.errors import EosctlError, Notice, Refused, UsageError, did_you_mean
from eosctl.core.operation import Action, Example
from eosctl.core.params import DurationMs, Params, param
from eosctl.core.report import Report
from eosctl.domain.cdc_config import PASSWORD_REFERENCE, CdcWish, require_reference
from eosctl.domain.proof.chapters import Chapter, ProofDocument
from eosctl.domain.proof.faults import KINDS, SERVER_KINDS, WIRE_POINTS, Kind, draw, parse_kinds, wires
from eosctl.domain.strategies.catalogue import NAMES
from eosctl.domain.strategies.scaffolding import Program, Scaffold, scaffold, under
from eosctl.operations.proving import NEEDS_CONNECT, StrategyProof, chapters, judged, told
from eosctl.operations.proving_own import OwnProof, Promise, judged_own, own_chapter, own_trial, points_of, told_own
from eosctl.ports import Gateways
from eosctl.ports.verify import Trial

_FULL, _QUICK = (10_000, 25), (300, 12)  # the most places that a strategy has are 10
_FULL_OWN, _QUICK_OWN = (2_000, 16), (300, 8)  # with one database or one topic there are 7 places
_OWN_FAULTS = "kill,pause"
_ONLY_OWN = ("input_topic", "output_topic", "group", "check_sql", "check_http", "schema_sql", "message")

CONNECT_HINT = "Set EOSCTL_CONNECT_URL or the profile's connect.url, or start one: eosctl lab up --cdc."


class VerifyParams(Params):
    """What to prove, and how hard to try to break it."""

    strategy: str | None = param(None, help="The strategy, for example dedup-table", positional=True)
    all: bool = param(False, help="Every strategy, one after the other")
    exec: str | None = param(None, help="Your own consumer: a command for the shell", metavar="CMD")
    instances: int = param(1, help="So many of your consumer at once", ge=1, le=16)
    input_topic: str | None = param(None, help="What it reads [default: a topic made for it]", complete="topic")
    output_topic: str | None = param(None, help="What it writes, and where effects are counted", complete="topic")
    group: str | None = param(None, help="Its consumer group [default: a new one]", complete="group")
    partitions: int = param(3, help="Partitions of the topics that are made", ge=1, le=100)
    id: str = param("header:message-id", help="Where a result names its message: header:NAME, key or json:PATH")
    check_sql: Path | None = param(None, help="Count rows of this query instead; its first column is the id",
                                   complete="file")  # fmt: skip
    check_http: str | None = param(None, help="Count what this URL lists instead", metavar="URL")
    schema_sql: Path | None = param(None, help="Its tables, made in a schema of their own", complete="file")
    message: Path | None = param(None, help="A message's text, with ${id} ${key} ${number} ${amount}", complete="file")
    promise: Promise = param("exactly-once", help="What your consumer promises")
    ordered: bool = param(False, help="It promises each key's order too")
    allow_existing: bool = param(False, help="Write to topics, groups and tables that exist and hold something")
    messages: int | None = param(None, help="How many; 10000, --quick 300; with --exec 2000", ge=100, le=1_000_000)
    crashes: int | None = param(None, help="How many faults; 25, --quick 12; with --exec 16, 8", ge=1, le=1_000)
    duration: DurationMs | None = param(None, help="Again with the next seeds until so long has passed")
    seed: int | None = param(None, help="Draws the faults; the same seed gives the same plan of faults", ge=0)
    faults: str | None = param(None, help=f"Which: {', '.join(KINDS)} [default: kill; with --exec kill,pause]",
                               metavar="KINDS", complete="fault")  # fmt: skip
    crash_points: str | None = param(None, help="Kill only at these places; `list` shows them", metavar="NAMES")
    allow_faults: bool = param(False, help="Let the faults that end servers (broker-kill, ...) do so: a lab's")
    cdc_user: str = param("", help="outbox-cdc: the role that Debezium uses [default: this connection's]")
    cdc_password: str = param(PASSWORD_REFERENCE, help="outbox-cdc: a reference that Connect's provider resolves")
    quick: bool = param(False, help="A short run: 300 messages, 12 faults; with --exec 8")
    report: Path | None = param(None, help="Write the report, time line and stories: .html, .md or .json",
                                complete="file")  # fmt: skip
    confirm: str = param("", help="A protected profile's name, instead of typing it", metavar="NAME")


def run(gateways: Gateways, params: VerifyParams) -> Report:
    """Exit 3 when a promise was broken or a control showed nothing. Raises UsageError, Refused, OperationFailed."""
    if params.crash_points == "list":
        return _places(params)
    require_file(params.report, REPORTS)
    kinds = parse_kinds(params.faults or (_OWN_FAULTS if params.exec else "kill"))
    servers = [one for one in kinds if one in SERVER_KINDS]
    if servers and not params.allow_faults:
        raise Refused("faults_not_allowed", f"{', '.join(servers)} ends servers.",
                      why="Everything that works on them is disturbed.", hint="On a lab: --allow-faults.")  # fmt: skip
    seed = secrets.randbelow(2**31) if params.seed is None else params.seed
    return (_own if params.exec else _strategies)(gateways, params, kinds, seed)


def _strategies(gateways: Gateways, params: VerifyParams, kinds: tuple[Kind, ...], seed: int) -> Report:
    given = [f"--{name.replace('_', '-')}" for name in _ONLY_OWN if getattr(params, name) is not None]
    if given:
        raise UsageError("only_exec", f"{', '.join(given)} belongs to --exec.", hint="Name your consumer's command.")
    require_reference(params.cdc_password)
    names, left_out = _runnable(gateways, params)
    messages, crashes = _size(params, _QUICK if params.quick else _FULL)
    cdc = CdcWish(params.cdc_user, params.cdc_password)
    planned = [under(scaffold(name, "python"), kinds) for name in names]
    for made in planned:
        _trials(made, messages=messages, crashes=crashes, kinds=kinds, seed=seed, points=points_of(params.crash_points))
    _before(gateways, params, kinds)
    proofs: dict[str, StrategyProof] = {}

    def prove(now: int) -> bool:
        for made in planned:
            trials: tuple[Trial, ...] = _trials(made, messages=messages, crashes=crashes, kinds=kinds, seed=now,
                             points=points_of(params.crash_points))  # fmt: skip
            if made.strategy in NEEDS_CONNECT:
                trials = tuple(replace(one, cdc=cdc) for one in trials)
            proof = judged(made, trials, gateways.verify.side_by_side(trials), seed=now)
            earlier = proofs.get(made.strategy)
            proofs[made.strategy] = replace(proof, rounds=earlier.rounds + 1) if earlier else proof
        return all(one.verdict == "pass" for one in proofs.values())

    left = _rounds(gateways, params, prove, seed)
    found = tuple(proofs.values())
    report = told(found, one=params.strategy is not None, left=left, left_out=left_out)
    return replace(report, documents=_documents(params, chapters(found), report))


def _own(gateways: Gateways, params: VerifyParams, kinds: tuple[Kind, ...], seed: int) -> Report:
    if params.strategy is not None or params.all:
        raise UsageError("which_strategy", "--exec tests your own consumer, no strategy.", hint="Give one of them.")
    if "connect-kill" in kinds:
        raise UsageError("fault_does_not_fit", "connect-kill can't come to your own consumer.",
                         why="verify sends its messages itself, by no connector.", hint="Leave it out.")  # fmt: skip
    messages, crashes = _size(params, _QUICK_OWN if params.quick else _FULL_OWN)
    _known_points(params.crash_points, [f"{side}-{one}" for one in WIRE_POINTS for side in ("before", "after")]
                  + ["anywhere"], "--exec")  # fmt: skip
    own_trial(params, messages=messages, crashes=crashes, kinds=kinds, seed=seed)
    _before(gateways, params, kinds)
    proofs: list[OwnProof] = []

    def prove(now: int) -> bool:
        trial = own_trial(params, messages=messages, crashes=crashes, kinds=kinds, seed=now)
        seen, promise = gateways.verify.own(trial), params.promise.replace("-", " ")
        proof = judged_own(trial, seen, promise=promise, ordered=params.ordered, seed=now)
        proofs.append(replace(proof, rounds=len(proofs) + 1))
        return proof.verdict == "pass"

    left = _rounds(gateways, params, prove, seed)
    report = told_own(proofs[-1], left=left)
    return replace(report, documents=_documents(params, (own_chapter(proofs[-1]),), report))


def _documents(params: VerifyParams, chapters: tuple[Chapter, ...], report: Report) -> tuple[Document, ...]:
    if params.report is None:
        return ()
    return (ProofDocument(params.report, "Crash test", data=report.data, chapters=chapters),)


def _before(gateways: Gateways, params: VerifyParams, kinds: Sequence[Kind]) -> None:
    """What is asked or refused before anything is made."""
    gateways.target(("kafka",))
    gateways.verify.consent(params.confirm)
    if any(one in SERVER_KINDS for one in kinds):
        gateways.verify.require_lab()
    if "database-kill" in kinds or "disk-full" in kinds:
        gateways.verify.require_lab_database()
    if "disk-full" in kinds:
        gateways.verify.require_full_disk()


def _rounds(gateways: Gateways, params: VerifyParams, prove: Callable[[int], bool], seed: int) -> tuple[str, ...]:
    """Once, or with the next seeds until the time is over or something was found; what could not be taken away."""
    until = gateways.clock.monotonic_ms() + (params.duration or 0)
    try:
        while prove(seed) and gateways.clock.monotonic_ms() < until:
            seed += 1
    except EosctlError as error:
        left = gateways.verify.tidy()
        if left:
            error.hint = f"{error.hint} Left behind, to be taken away by hand: {', '.join(left)}.".strip()
        raise
    return gateways.verify.tidy()


def _names(params: VerifyParams) -> tuple[str, ...]:
    if params.all == (params.strategy is not None):
        raise UsageError("which_strategy", "Name one strategy, or give --all, or --exec 'CMD'.",
                         hint="eosctl strategy list shows them.")  # fmt: skip
    if params.strategy is None:
        return NAMES
    scaffold(params.strategy, "python")  # says what is near when there is none of that name
    return (params.strategy,)


def _runnable(gateways: Gateways, params: VerifyParams) -> tuple[tuple[str, ...], tuple[Notice, ...]]:
    """The strategies, and why some of --all can't be run here. Raises Refused (`needs_connect`) for one by name."""
    names = _names(params)
    if not set(names) & set(NEEDS_CONNECT):
        return names, ()
    try:
        gateways.verify.require_capture()
    except EosctlError as error:
        if params.all:
            hint = CONNECT_HINT if error.code == "no_connect" else error.hint
            return tuple(one for one in names if one not in NEEDS_CONNECT), tuple(
                Notice("not_verified", f"{one} was left out. {error.message}", hint) for one in NEEDS_CONNECT
            )
        if error.code != "no_connect":
            raise
        raise Refused("needs_connect", f"{params.strategy} can't be run: no Kafka Connect was named.",
                      why="Its relay is Debezium in a Kafka Connect.", hint=CONNECT_HINT) from None  # fmt: skip
    return names, ()


def _size(params: VerifyParams, usual: tuple[int, int]) -> tuple[int, int]:
    return params.messages or usual[0], params.crashes or usual[1]


def _trials(
    made: Scaffold, *, messages: int, crashes: int, kinds: tuple[Kind, ...], seed: int, points: tuple[str, ...] = ()
) -> tuple[Trial, Trial]:
    programs = [one for one in made.programs if one.role != "api"]
    known = [point for one in programs for point in one.crash_points]
    _known_points(",".join(points), known, made.strategy)
    faults = draw(made.strategy, programs, crashes=crashes, kinds=kinds, seed=seed, points=points,
                  wired=wires(made.files, programs))  # fmt: skip
    if not faults:
        raise UsageError("fault_does_not_fit", f"{', '.join(kinds)} can't come to {made.strategy}.",
                         why="It has no program that it could come to, or promises nothing for it.",
                         hint=f"eosctl verify {made.strategy} --crash-points list")  # fmt: skip
    return Trial(made, made.files, messages, faults), Trial(made, made.broken(), messages, faults)


def _known_points(text: str | None, known: Sequence[str], whose: str) -> None:
    for one in points_of(text):
        if one not in known:
            raise UsageError("unknown_crash_point", f"{whose} has no place {one!r}.",
                             hint=did_you_mean(one, known) or f"There are: {', '.join(known)}.")  # fmt: skip


@dataclass(frozen=True)
class PlaceRow:
    """A place where a program can be killed; with --exec one that a proxy sees."""

    strategy: str
    program: str
    crash_point: str


def _places(params: VerifyParams) -> Report:
    """`--crash-points list`: every place, of one strategy or of all; runs nothing."""
    if params.exec:
        sides = [f"{side}-{one}" for one in WIRE_POINTS for side in ("before", "after")]
        rows = tuple(PlaceRow("--exec", "your program", one) for one in [*sides, "anywhere"])
        return Report(rows, PlaceRow, summary="Of these, the ones that your program is seen to pass are used.")
    names = _names(params.model_copy(update={"all": params.strategy is None}))
    return Report(tuple(_of_programs(names)), PlaceRow)


def _of_programs(names: Sequence[str]) -> Iterator[PlaceRow]:
    for name in names:
        programs: tuple[Program, ...] = scaffold(name, "python").programs
        yield from (PlaceRow(name, one.file, point) for one in programs for point in one.crash_points)


OPERATION = Action(
    name="verify",
    summary="Kill a strategy's programs, or your own consumer, again and again, and count what came out",
    params=VerifyParams,
    result=StrategyProof,
    needs=("kafka", "database"),
    run=run,
    details="Runs the strategy's Python scaffold, or with --exec your own command, in processes of its own, in topics "
    "and a schema that it makes and takes away. kill is SIGKILL; pause stops a consumer past its session time-out "
    "while a second one works on; rebalance lets a second one join and leave; cut, lost-ack and slow come by a proxy "
    "before Kafka and PostgreSQL; disk-full keeps a lab's server from writing until it ends of that; no disk is "
    "filled. A strategy's control is the same program without what protects it: when it shows no fault, the verdict "
    "is inconclusive. outbox-cdc needs a Kafka Connect with Debezium (connect.url) and makes a connector, slot and "
    "publication of its own. Your command gets BOOTSTRAP_SERVERS, INPUT_TOPIC, OUTPUT_TOPIC, GROUP, INSTANCE, DSN and "
    "PG* in its environment. Exit 3 unless every verdict is pass.",
    examples=(
        Example("eosctl verify kafka-transactions --profile lab", "10,000 messages, 25 kills."),
        Example("eosctl verify --all --quick --profile lab --report proof.html", "Every strategy, with a time line."),
        Example("eosctl verify dedup-table --faults kill,pause,lost-ack --seed 7", "Zombies too; repeatable."),
        Example("eosctl verify --exec 'python my_consumer.py' --id key", "Your own consumer, Kafka to Kafka."),
        Example(
            "eosctl verify --exec './consumer' --instances 2 --schema-sql tables.sql --check-sql effects.sql",
            "Two of them at once, with a database.",
        ),
    ),
)
