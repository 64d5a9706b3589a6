"""`dlq replay`: dead letters back to where they came from, each exactly once."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from eosctl.core.charts import LineChart
from eosctl.core.counts import counted
from eosctl.core.documents import REPORTS, Document, require_file
from eosctl.core.durations import format_duration_ms, format_time, time_from_ms
from eosctl.core.errors import Notice, Refused, UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import DurationMs, param
from eosctl.core.plain import plain
from eosctl.core.plan import Plan, Step
from eosctl.core.report import Report, Section, column
from eosctl.domain.dlq import tally
from eosctl.domain.dlq.replaying import ReplayRules
from eosctl.domain.dlq.tally import SAYS, Tally
from eosctl.domain.pace import PROGRESS, progress_line
from eosctl.domain.steps.dlq import CreateReplayTopic, ReplayDeadLetters
from eosctl.operations.dead_letters import SelectionParams
from eosctl.operations.replay_scan import ReplaySeen, look, made_topics


class DlqReplayParams(SelectionParams):
    """What to replay, and how."""

    to: str = param("origin", help="`origin`, or one topic for all", complete="topic")
    job: str | None = param(None, help="Its group and transactional id [default: eosctl-replay-TOPIC]")
    dedup_window: DurationMs = param(2_592_000_000, help="Skip what was replayed within it; 0s switches it off")
    ledger: str | None = param(None, help="Topic of the replayed identities [default: TOPIC.replayed]")
    max_replays: int = param(3, help="Park a record that came back so often", ge=1)
    keep_headers: bool = param(False, help="Keep the headers of failures and retries")
    timestamp: Literal["origin", "now"] = param("origin", help="Which timestamp a replayed record gets")
    on_hold: Literal["key", "record"] = param("key", help="Whether a held record holds the rest of its key")
    key_order: Literal["topic", "origin"] = param("topic", help="As the topic has them, or by their origin's offset")
    guard_newer: bool = param(False, help="Hold a record back when the target has a newer one of its key")
    processed_in: str | None = param(
        None,
        help="Skip what this dedup table, or mapping of the profile, holds as processed; of stored offsets, what the "
        "consumer has not passed yet",
        metavar="TABLE",
    )
    processed_group: str | None = param(
        None, help="Whose rows of --processed-in [default: the group that the dead letter names]", complete="group"
    )
    passed_means: Literal["nothing", "processed"] = param(
        "nothing", help="What you know of dead letters that a stored offset of --processed-in has passed"
    )
    canary: int = param(0, help="Send so many first, and wait until --watch-group has passed them", ge=0)
    watch_group: str | None = param(None, help="The group that must pass the first records", complete="group")
    watch_limit: DurationMs = param(300_000, help="Wait at most so long for it")
    limit: int = param(0, help="Stop after so many; 0: all", ge=0)
    rate: int = param(0, help="At most so many a second; 0: no limit", ge=0)
    batch: int = param(10_000, help="Records of one transaction", ge=1, le=100_000)
    shared: bool = param(
        False, help="Share the partitions with the same job on other machines, by Kafka's group protocol"
    )
    restart: bool = param(False, help="Give up the job's unfinished run of another selection")
    scan: bool = param(True, help="Read the selection first, to say what would happen")
    list_file: Path | None = param(
        None, flags=("--list",), help="Write a JSON line for each skipped, held or parked record", complete="file"
    )
    report: Path | None = param(None, help="Write the sum to FILE.(md|json|html)", complete="file")


@dataclass(frozen=True)
class ReplayRow:
    """How many records had an outcome."""

    outcome: str
    records: int
    meaning: str


@dataclass(frozen=True)
class TopicRow:
    """How many records were produced to a topic."""

    topic: str
    records: int


@dataclass(frozen=True)
class ReplayResult:
    """The sum: `read` = replayed + skipped + held + parked + filtered.

    `progress`: milliseconds from the start of this command, and records read in committed batches by then.
    """

    run: str
    read: int
    replayed: int
    skipped: int
    held: int
    parked: int
    filtered: int
    outcomes: Mapping[str, int] = field(default_factory=dict)
    topics: Mapping[str, int] = field(default_factory=dict)
    resumed: bool = False
    stopped: bool = False
    restarts: int = 0
    halted: str = ""
    progress: tuple[tuple[int, int], ...] = field(default=(), metadata=column(hidden=True))


def observe(gateways: Any, params: DlqReplayParams) -> ReplaySeen:
    """Freezes the ends, finds the targets, and scans the selection."""
    require_file(params.report, REPORTS)
    if bool(params.canary) != bool(params.watch_group):
        raise UsageError("canary_and_group", "--canary and --watch-group belong together.",
                         hint="For example --canary 10 --watch-group orders-service.")  # fmt: skip
    if params.shared and not params.dedup_window:
        raise UsageError("shared_needs_window", "--shared needs a dedup window.",
                         why="A machine that starts after the others have ended the run begins a new one, and without "
                         "a window it would replay everything again.",
                         hint="Leave --dedup-window 0s out, or replay without --shared.")  # fmt: skip
    return look(gateways, params, rules_of(params))


def plan(seen: ReplaySeen, params: DlqReplayParams) -> Plan:
    """Ledger and parked topic where they are missing, then the replay. Raises Refused (`job_other_selection`)."""
    rules = seen.rules
    resumes = _resumed(seen, params)
    left = {one: (start, state.end) for one, (start, state) in seen.unfinished.items()} if resumes else {}
    ranges = {**seen.ranges, **left} if params.shared else left or seen.ranges
    steps: list[Step] = []
    steps += [CreateReplayTopic(topic=topic, partitions=partitions, configs=configs)
              for topic, (partitions, configs) in made_topics(
                  rules, partitions=len(seen.ranges), largest_bytes=seen.largest_bytes
              ).items() if topic not in seen.known]  # fmt: skip
    nothing = not resumes and (not any(start < end for start, end in ranges.values()) or _scanned_nothing(seen))
    step = ReplayDeadLetters(rules=rules, ranges=ranges, resumes=resumes,
                             selection_id=selection_id(rules, params),
                             expected=seen.topics, dialects=seen.dialects, canary=params.canary,
                             watch_group=params.watch_group or "", watch_limit_ms=params.watch_limit,
                             listing=seen.listing, shared=params.shared, finds_origins=seen.finds_origins,
                             gives_up=_run_of(seen) if params.shared and params.restart else "")  # fmt: skip
    return Plan(
        operation=OPERATION.name,
        summary=_summary(seen, step),
        steps=() if nothing else (*steps, step),
        observed={
            "frozen_ends": {str(one): end for one, (_, end) in ranges.items()},
            "expected": dict(seen.outcomes),
            "oldest_at": format_time(time_from_ms(seen.oldest_ms)) if seen.oldest_ms else None,
        },
        warnings=_warnings(seen, resumes),
    )


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """The sum, and exit 3 when records were held or parked, 130 when it was stopped."""
    after = next((one.after for one in receipts if isinstance(one.step, ReplayDeadLetters)), {})
    counts = Tally({name: int(count) for name, count in dict(after.get("counts", {})).items()})
    result = ReplayResult(
        run=str(after.get("run", "")),
        read=counts.read,
        replayed=counts.total(tally.REPLAYED),
        skipped=counts.total("skipped"),
        held=counts.total("held"),
        parked=counts.total("parked"),
        filtered=counts.total(tally.FILTERED),
        outcomes=counts.counts,
        topics=dict(after.get("topics", {})),
        resumed=bool(after.get("resumed")),
        stopped=bool(after.get("stopped")),
        restarts=int(after.get("restarts", 0)),
        halted=str(after.get("halted", "")),
        progress=tuple((int(at), int(done)) for at, done in after.get(PROGRESS, ())),
    )
    code = ExitCode.PROBLEM if result.held or result.parked or result.halted else ExitCode.DONE
    code = ExitCode.INTERRUPTED if result.stopped and not result.halted else code
    held = counted(result.held, "record is", "records are")
    warnings = [Notice("kept_back", f"{held} held, {result.parked:,} parked.",
                       "Held records stay in the dead-letter topic; run the job again when the reason is gone.")
                ] if result.held or result.parked else []  # fmt: skip
    if result.halted:
        warnings.append(Notice("canary_halted", f"Halted: {result.halted}.",
                               "What was replayed stays; the same command goes on from there."))  # fmt: skip
    elif result.stopped:
        warnings.append(Notice("stopped", "Stopped between two batches.", "The same command goes on from there."))
    words = (f"read {result.read} = replayed {result.replayed} + skipped {result.skipped} + held {result.held} "
             f"+ parked {result.parked} + filtered {result.filtered}.")  # fmt: skip
    return Report(result, ReplayResult, exit_code=code, warnings=tuple(warnings), summary=words,
                  documents=_documents(plan, result, words))  # fmt: skip


def rules_of(params: DlqReplayParams) -> ReplayRules:
    """The flags as rules, targets not yet looked at."""
    from eosctl.operations.dead_letters import selection_of

    to = "" if params.to == "origin" else params.to
    if to == params.topic:
        raise UsageError("target_is_source", f"{to} is the dead-letter topic itself.",
                         why="A replay into it would never end.", hint="Give another topic.")  # fmt: skip
    ledger = params.ledger or f"{params.topic}.replayed"
    if ledger in (params.topic, to, f"{params.topic}.parked"):
        raise UsageError("ledger_is_no_other_topic", f"The ledger {ledger} must be a topic of its own.",
                         why="It holds identities, and a replay would mix them with records.",
                         hint="Give another --ledger or --to.")  # fmt: skip
    return ReplayRules(
        source=params.topic,
        job=params.job or f"eosctl-replay-{params.topic}",
        ledger=ledger,
        parked=f"{params.topic}.parked",
        to=to,
        selection=selection_of(params),
        window_ms=params.dedup_window,
        max_replays=params.max_replays,
        keep_headers=params.keep_headers,
        origin_timestamp=params.timestamp == "origin",
        hold_key=params.on_hold == "key",
        limit=params.limit,
        rate_per_s=params.rate,
        batch_size=params.batch,
        origin_order=params.key_order == "origin",
        processed_in=params.processed_in or "",
        processed_group=params.processed_group or "",
        passed_means_processed=params.passed_means == "processed",
        guard_newer=params.guard_newer,
    )


def selection_id(rules: ReplayRules, params: DlqReplayParams) -> str:
    """Eight digits that name source, target and selection: an unfinished run is taken up only by its own kind.

    Members of a shared run must watch the same canary, too.
    """
    named: dict[str, Any] = {
        "source": rules.source,
        "to": rules.to,
        "selection": plain(rules.selection),
        "limit": rules.limit,
    }
    if rules.origin_order:
        named["order"] = "origin"
    if params.shared:
        named["shared"] = "yes"
    if params.shared and params.canary:
        named["canary"] = [params.canary, params.watch_group]
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:8]


def _resumed(seen: ReplaySeen, params: DlqReplayParams) -> str:
    run = _run_of(seen)
    if not run or params.restart:
        return ""
    if run.partition("-")[0] != selection_id(seen.rules, params):
        raise Refused("job_other_selection", f"The job {seen.rules.job!r} has an unfinished run of another selection.",
                      why="Its frozen ends and counts belong to that one.",
                      hint="Finish it with its own flags, give --job NAME, or --restart to give it up.")  # fmt: skip
    return run


def _run_of(seen: ReplaySeen) -> str:
    return next((state.run for at, state in seen.unfinished.values() if at < state.end), "")


def _scanned_nothing(seen: ReplaySeen) -> bool:
    """Whether every record is skipped or not selected: one that is held is reported, with exit 3, by a run."""
    return seen.scanned and not any(
        name.partition(":")[0] in (tally.REPLAYED, "parked", "held") for name in seen.outcomes
    )


def _summary(seen: ReplaySeen, step: ReplayDeadLetters) -> str:
    if step.resumes:
        return f"Go on with the unfinished run {step.resumes} of job {seen.rules.job}"
    if not seen.scanned:
        return step.describe()
    parts = [f"{count} {SAYS.get(name, name)}" for name, count in sorted(seen.outcomes.items())]
    parts += [f"the oldest of {format_time(time_from_ms(seen.oldest_ms))}"] if seen.oldest_ms and parts else []
    return f"{step.describe()}: {', '.join(parts) or 'nothing is there'}"


def _warnings(seen: ReplaySeen, resumes: str) -> tuple[Notice, ...]:
    found = list(seen.notices)
    if seen.finds_origins:
        found.append(Notice("origins_sampled", "Without a scan only the first records of each partition were looked "
                            "at: other origins are met on the way."))  # fmt: skip
    if not seen.rules.window_ms:
        found.append(Notice("no_window", "Without a dedup window what earlier runs replayed is replayed again."))
    for topic, groups in seen.readers.items():
        found.append(Notice("read_by", f"{topic} is read by {', '.join(groups)}: each processes the replay."))
    for topic, about in seen.rules.targets.items():
        if about.by_key:
            found.append(Notice("placed_by_key", f"{topic} has more partitions than when these records were written: "
                                "keys are placed as Java's producer places them now."))  # fmt: skip
    if seen.ledger_keeps_ms is not None and 0 <= seen.ledger_keeps_ms < seen.rules.window_ms:
        found.append(Notice("ledger_shorter_than_window", f"{seen.rules.ledger} keeps identities for "
                            f"{format_duration_ms(seen.ledger_keeps_ms)} only: what was replayed before that is not "
                            "known any more.", "Raise its retention.ms for the runs to come."))  # fmt: skip
    return tuple(found)


def _documents(plan: Plan, result: ReplayResult, words: str) -> tuple[Document, ...]:
    """The report that --report asked for: outcomes, topics, and how the run went on."""
    if not plan.params.get("report"):
        return ()
    outcomes = tuple(ReplayRow(name, count, SAYS.get(name, name)) for name, count in sorted(result.outcomes.items()))
    topics = tuple(TopicRow(name, count) for name, count in sorted(result.topics.items()))
    chart = LineChart("Progress of the replay", "seconds from the start", "records read",
                      (progress_line("records in committed batches", result.progress),))  # fmt: skip
    sections = (Section("Outcomes", outcomes, ReplayRow), Section("Produced to", topics, TopicRow))
    path = Path(str(plan.params["report"]))
    return (Document(path, plan.summary, words, sections, (chart,) if result.progress else (), result),)


OPERATION = Change(
    name="dlq.replay",
    summary="Replay dead letters, each exactly once",
    params=DlqReplayParams,
    result=ReplayResult,
    needs=("kafka",),
    listing=False,
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="The last stable offsets are frozen first. Each batch is one transaction of the replayed records, the "
    "job's offsets and a ledger of what was replayed, so a crash goes on where it stopped and a second copy of the job "
    "fences the first. Key, value and the application's headers go byte for byte; headers of failures and retries are "
    "dropped. A record that came back too often, or is too large, goes to TOPIC.parked in the same transaction.",
    examples=(
        Example("eosctl dlq replay orders-dlt --dry-run", "What would go where, and what would be skipped."),
        Example("eosctl dlq replay orders-dlt --cause Timeout --yes", "Replay one kind of failure."),
        Example("eosctl dlq replay orders-dlt --guard-newer --yes", "Hold back what would overwrite newer state."),
        Example("eosctl dlq replay orders-dlt --shared --yes", "On several machines, which share the partitions."),
    ),
)
