"""`dedup window`: is the memory long enough for every way in which a record can come again?"""

from dataclasses import dataclass, field

from eosctl.core.counts import counted
from eosctl.core.durations import format_duration_ms
from eosctl.core.errors import Notice
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import DurationMs, param
from eosctl.core.report import Report, column
from eosctl.domain.dedup import DedupKind, DedupMapping, require_time
from eosctl.domain.dedup_window import JudgedPath, WindowVerdict, worst
from eosctl.operations.dedup_paths import SeenPaths, TopicsWish, memory_of, seen_paths
from eosctl.operations.dedup_table import DedupParams, found_table
from eosctl.ports import Gateways


class DedupWindowParams(DedupParams):
    """Which table, which topics."""

    ttl: DurationMs | None = param(
        None, help="How long entries are kept [default: the mapping's retention]", examples=("7d",), gt=0
    )
    topic: tuple[str, ...] = param(
        (), help="A topic whose records are checked against the table [default: the mapping's]", complete="topic"
    )
    group: str | None = param(
        None, help="The consumer group whose topics they are [default: the mapping's]", complete="group"
    )
    dead_letter_topic: tuple[str, ...] = param(
        (), help="A dead-letter topic [default: the mapping's, else those found by name]", complete="topic"
    )


@dataclass(frozen=True)
class WindowRow:
    """One way back. `needed_ms` None: for ever. `coverage_ms` None: nothing was ever deleted.

    `records_twice` counts records now in the topic that the table does not remember, or will not after the next purge.
    """

    path: str
    topic: str | None
    needed_ms: int | None = field(metadata=column("needed"))
    ttl_ms: int | None = field(metadata=column("kept"))
    coverage_ms: int | None = field(metadata=column("covered"))
    verdict: WindowVerdict
    records_twice: int | None = field(metadata=column("twice"))
    reason: str = field(metadata=column("why"))
    source: str = field(metadata=column("needed because", wide=True))


@dataclass(frozen=True)
class WindowSnapshot:
    """The table and every path."""

    mapping: DedupMapping
    seen: SeenPaths


def observe(gateways: Gateways, params: DedupWindowParams) -> WindowSnapshot:
    """The table's times, then the topics."""
    table = found_table(gateways, params.table)
    require_time(table.catalogue, table.mapping)
    ttl_ms = params.ttl or table.mapping.retention_ms
    memory = memory_of(gateways, table, ttl_ms)
    wish = TopicsWish(params.topic, params.dead_letter_topic, params.group)
    return WindowSnapshot(table.mapping, seen_paths(gateways, table.mapping, wish, memory))


def report(snapshot: WindowSnapshot, params: DedupWindowParams) -> Report:
    """A row for each path; exit 3 when one is unsafe."""
    seen, mapping = snapshot.seen, snapshot.mapping
    found = tuple(_row(one, seen) for one in seen.judged)
    verdict = worst(seen.judged)
    notices = list(seen.notices)
    if mapping.kind is DedupKind.BUSINESS and not seen.memory.purged:
        notices.append(Notice("business_table", f"{mapping.table} is a business table: its keys stay with its rows."))
    return Report(
        found,
        WindowRow,
        exit_code=ExitCode.PROBLEM if verdict is WindowVerdict.UNSAFE else ExitCode.DONE,
        warnings=tuple(notices),
        errors=tuple(_error(one) for one in seen.judged if one.verdict is WindowVerdict.UNSAFE),
        summary=f"{mapping.table}: {_kept(seen)}, {_covered(seen)}. Verdict: {verdict.value}.",
    )


def _row(one: JudgedPath, seen: SeenPaths) -> WindowRow:
    path, memory = one.path, seen.memory
    return WindowRow(
        path.kind.value,
        path.topic or None,
        path.needed_ms,
        memory.ttl_ms,
        memory.coverage_ms,
        one.verdict,
        one.records_twice,
        one.reason or (path.source if path.needed_ms is None else ""),
        path.source,
    )


def _error(one: JudgedPath) -> Notice:
    path = one.path
    needed = format_duration_ms(path.needed_ms) if path.needed_ms is not None else "for ever"
    topic = f" of {path.topic}" if path.topic else ""
    twice = f" {counted(one.records_twice, 'record')} would be processed twice." if one.records_twice else ""
    hint = (
        f"Keep entries for {needed}." if path.needed_ms is not None else "Give the topic a retention, or never purge."
    )
    return Notice("window_too_short", f"A {path.kind}{topic} needs entries for {needed}: {one.reason}.{twice}", hint)


def _kept(seen: SeenPaths) -> str:
    ttl_ms = seen.memory.ttl_ms
    return f"entries are kept {format_duration_ms(ttl_ms)}" if ttl_ms is not None else "nobody said how long it keeps"


def _covered(seen: SeenPaths) -> str:
    coverage_ms = seen.memory.coverage_ms
    if coverage_ms is None:
        return "nothing was deleted yet"
    return f"remembers the last {format_duration_ms(coverage_ms)}"


OPERATION = Query(
    name="dedup.window",
    summary="Is the window long enough for every way in which a record can come again?",
    params=DedupWindowParams,
    result=WindowRow,
    needs=("database", "kafka"),
    observe=observe,
    report=report,
    details="Held against the table's retention: consumer restart and rebalance (an hour), a manual reset (the topic's "
    "retention), a dead-letter replay (the dead-letter topic's retention, at least 30 days). `covered` is from the "
    "oldest entry until now, once entries have been deleted; `twice` counts the records that are in the topic now and "
    "older than that (an upper bound: a record is older than its entry). Exit 3 when a path is unsafe.",
    examples=(
        Example("eosctl dedup window --topic orders --ttl 7d", "Would a week be enough?"),
        Example("eosctl dedup window --group orders-service", "The topics that the group reads."),
    ),
)
