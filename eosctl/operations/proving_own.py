"""`verify --exec`: the user's own consumer under the same faults, counted the same way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from eosctl.core.counts import counted
from eosctl.core.errors import UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.core.report import Report, Section, column
from eosctl.domain.proof.chapters import Chapter
from eosctl.domain.proof.checks import Check
from eosctl.domain.proof.counting import count
from eosctl.domain.proof.faults import Fault, Happened, Kind, draw_own
from eosctl.domain.proof.stories import Mark, Ran, Sent, Story
from eosctl.domain.proof.verdict import broken_promises
from eosctl.operations.proving import CountedRow, counted_row, evidence, further_sections, left_behind, part, unkept
from eosctl.ports.verify import Observed, OwnTrial

PROMISES = ("exactly once", "at least once", "at most once")
Promise = Literal["exactly-once", "at-least-once", "at-most-once"]


@dataclass(frozen=True)
class OwnProof:
    """The outcome for a program of the user's. `seen` names the commits and sends that passed the proxy."""

    command: str
    promise: str
    verdict: str
    total_messages: int = field(metadata=column("messages"))
    unique_processed: int = field(metadata=column("unique"))
    duplicates: int
    missed: int
    corrupted: int
    aborted_seen: int
    out_of_order: int
    restarts: int
    exactly_once: bool
    broken: str
    seed: int
    rounds: int
    seen: tuple[str, ...]
    checks: tuple[Check, ...] = field(metadata=column(hidden=True))
    stories: tuple[Story, ...] = field(metadata=column(hidden=True))
    history: tuple[Happened, ...] = field(metadata=column(hidden=True))
    sent: tuple[Sent, ...] = field(metadata=column(hidden=True))
    ran: tuple[Ran, ...] = field(metadata=column(hidden=True))
    effects: tuple[Mark, ...] = field(metadata=column(hidden=True))


def own_trial(params: Any, *, messages: int, crashes: int, kinds: tuple[Kind, ...], seed: int) -> OwnTrial:
    """What shall be run. Raises UsageError for what does not fit together or can't be read."""
    if params.check_sql and params.check_http:
        raise UsageError("which_check", "Effects are counted in one place.", hint="Give --check-sql or --check-http.")
    if not (params.id == "key" or (params.id.partition(":")[0] in ("header", "json") and params.id.partition(":")[2])):
        raise UsageError("bad_id", f"--id {params.id} is no place.", hint="Give header:NAME, key or json:PATH.")

    def drawn(passed: Sequence[str]) -> tuple[Fault, ...]:
        return draw_own(passed, crashes=crashes, kinds=kinds, instances=params.instances, seed=seed,
                        points=points_of(params.crash_points))  # fmt: skip

    return OwnTrial(
        command=params.exec,
        instances=params.instances,
        messages=messages,
        crashes=crashes,
        draw=drawn,
        counted="sql" if params.check_sql else "http" if params.check_http else "topic",
        input_topic=params.input_topic or "",
        output_topic=params.output_topic or "",
        group=params.group or "",
        partitions=params.partitions,
        id_at=params.id,
        sql=_text(params.check_sql),
        url=params.check_http or "",
        template=_text(params.message),
        schema=_text(params.schema_sql),
        allow_existing=params.allow_existing,
    )


def points_of(text: str | None) -> tuple[str, ...]:
    """The names in `--crash-points`."""
    return tuple(one.strip() for one in (text or "").split(",") if one.strip())


def _text(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UsageError("file_not_read", f"{path} can't be read: {reason}.") from None


def judged_own(trial: OwnTrial, seen: Observed, *, promise: str, ordered: bool, seed: int) -> OwnProof:
    """Counted and judged; inconclusive when no fault struck: such a run could have found nothing."""
    tally = count(seen.effects, messages=trial.messages, restarts=seen.restarts, prefix=seen.prefix)
    told = evidence(tally, seen, promise, ordered=ordered)
    broken = broken_promises(tally, promise, ordered=ordered) or unkept(told)
    struck = any(one.at_ms is not None for one in seen.course.history)
    return OwnProof(
        command=trial.command,
        promise=promise,
        verdict="fail" if broken else "pass" if struck else "inconclusive",
        **vars(tally),
        broken=", ".join(broken),
        seed=seed,
        rounds=1,
        seen=seen.seen,
        **told,
    )


def told_own(proof: OwnProof, *, left: tuple[str, ...] = ()) -> Report:
    """Counts, checks, faults and the stories of what went wrong."""
    rows = (counted_row("your program", proof),)
    passed = ", ".join(proof.seen) or "nothing that a proxy can read"
    return Report(
        proof,
        OwnProof,
        exit_code=ExitCode.DONE if proof.verdict == "pass" else ExitCode.PROBLEM,
        warnings=left_behind(left),
        summary=f"{_sentence(proof)} The plan of faults again: --seed {proof.seed}.",
        sections=(
            Section(
                f"{proof.command} ({proof.promise}): {proof.verdict}",
                rows,
                CountedRow,
                note=f"It was seen to do: {passed}.",
            ),
            *further_sections(proof, "the run"),
        ),
    )  # fmt: skip


def _sentence(proof: OwnProof) -> str:
    if proof.verdict == "pass":
        struck = sum(one.at_ms is not None for one in proof.history)
        rounds = f" in {proof.rounds} rounds" if proof.rounds > 1 else ""
        return f"Your program kept its promise ({proof.promise}) under {counted(struck, 'fault')}{rounds}."
    if proof.verdict == "fail":
        return f"Your program broke its promise ({proof.promise}): {proof.broken}."
    return (
        "Inconclusive: no fault struck while there was work, so this run could have found none. Give more --messages."
    )


def own_chapter(proof: OwnProof) -> Chapter:
    """The report's chapter."""
    says = f"Seed {proof.seed}. Seen to do: {', '.join(proof.seen) or 'nothing that a proxy can read'}."
    return Chapter(proof.command, proof.verdict, _sentence(proof), (part("your program", says, proof),))
