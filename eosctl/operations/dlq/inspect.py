"""`dlq inspect`: dead letters in their framework's own words, one by one or counted."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eosctl.core.counts import counted
from eosctl.core.durations import format_time, time_from_ms
from eosctl.core.errors import UsageError
from eosctl.core.operation import Example, Query
from eosctl.core.params import param
from eosctl.core.plain import plain
from eosctl.core.report import Report, Section
from eosctl.domain.dlq.rows import DeadLetterRow, header_words, json_of, row_of, text_of
from eosctl.domain.dlq.selection import Matcher, matcher_of, narrowed
from eosctl.operations.dead_letters import SelectionParams, reader_of, selection_of, stable_ranges
from eosctl.ports import Gateways


class GroupBy(StrEnum):
    """What to count by."""

    CAUSE = "cause"
    ORIGIN = "origin"
    KEY = "key"
    HOUR = "hour"


class DlqInspectParams(SelectionParams):
    """What to look at."""

    group_by: GroupBy | None = param(None, help="Count instead of listing")
    record: str | None = param(None, help="One record in full", metavar="P:O")
    limit: int = param(100, help="At most so many rows", ge=1)


@dataclass(frozen=True)
class CountRow:
    """How many records share a cause, origin, key or hour."""

    value: str
    records: int


@dataclass(frozen=True)
class FieldRow:
    """One line of a record in full."""

    field: str
    value: str


@dataclass(frozen=True)
class FullRecord:
    """One record with its headers decoded; `value` as JSON, text or hex."""

    record: DeadLetterRow
    headers: Mapping[str, str]
    key: str | None
    value: Any


@dataclass(frozen=True)
class InspectSeen:
    """What was read: rows, counts, or one record."""

    rows: tuple[DeadLetterRow, ...] = ()
    counts: Mapping[str, int] | None = None
    full: FullRecord | None = None
    read: int = 0


def observe(gateways: Gateways, params: DlqInspectParams) -> InspectSeen:
    """Reads the selected part of the topic; stops early when it has enough rows."""
    selection = selection_of(params)
    ranges = narrowed(selection, stable_ranges(gateways, params.topic))
    if params.record:
        return _one(gateways, params, ranges)
    reader = reader_of(gateways)
    matches = matcher_of(selection, reader)
    if params.group_by:
        return _counted(gateways, params, ranges, matches)
    rows: list[DeadLetterRow] = []
    for batch in gateways.dead_letters.batches(params.topic, ranges, size=1_000):
        rows += [row_of(one, reader) for one in batch.records if matches is None or matches(one)]
        if len(rows) >= params.limit or gateways.stop.requested():
            break
    return InspectSeen(tuple(rows[: params.limit]))


def report(seen: InspectSeen, params: DlqInspectParams) -> Report:
    """Rows, counts or the record."""
    if seen.full is not None:
        return Report(seen.full, FullRecord, sections=_sections(seen.full))
    if seen.counts is not None:
        most = sorted(seen.counts.items(), key=lambda one: (-one[1], one[0]))[: params.limit]
        rows = tuple(CountRow(value, records) for value, records in most)
        return Report(rows, CountRow, summary=f"{counted(seen.read, 'record')}, {len(seen.counts):,} different.")
    more = " There may be more: --limit." if len(seen.rows) == params.limit else ""
    return Report(seen.rows, DeadLetterRow, summary=f"{counted(len(seen.rows), 'record')}.{more}")


def _sections(full: FullRecord) -> tuple[Section, ...]:
    """The record for people: what its framework says, every header, the value."""
    shown = [
        FieldRow(name.replace("_", " "), str(value))
        for name, value in plain(full.record).items()
        if value not in (None, [])
    ]
    headers = [FieldRow(name, value.split("\n", 1)[0]) for name, value in full.headers.items()]
    value = full.value if isinstance(full.value, str) else json.dumps(full.value, indent=2, ensure_ascii=False)
    return (Section("Record", shown, FieldRow), Section("Headers", headers, FieldRow), Section("Value", text=value))


def _counted(
    gateways: Gateways, params: DlqInspectParams, ranges: Mapping[int, tuple[int, int]], matches: Matcher | None
) -> InspectSeen:
    reader = reader_of(gateways)
    counts: Counter[str] = Counter()
    hours: dict[int, str] = {}
    gateways.progress.begin("Reading", sum(end - start for start, end in ranges.values()))
    for batch in gateways.dead_letters.batches(params.topic, ranges):
        chosen = batch.records if matches is None else [one for one in batch.records if matches(one)]
        match params.group_by:
            case GroupBy.CAUSE:
                counts.update([reader.cause_of(one.headers() or ()) for one in chosen])
            case GroupBy.ORIGIN:
                counts.update([reader.place_of(one.headers() or ())[0] or "unknown" for one in chosen])
            case GroupBy.KEY:
                counts.update(text_of(one.key()) or "null" for one in chosen)
            case _:
                for one in chosen:
                    hour = one.timestamp()[1] // 3_600_000
                    hours.setdefault(hour, format_time(time_from_ms(hour * 3_600_000)))
                    counts[hours[hour]] += 1
        gateways.progress.advance(len(batch.records))
        if gateways.stop.requested():
            break
    gateways.progress.end()
    return InspectSeen(counts=counts, read=counts.total())


def _one(gateways: Gateways, params: DlqInspectParams, ranges: Mapping[int, tuple[int, int]]) -> InspectSeen:
    found = re.fullmatch(r"(\d+):(\d+)", params.record or "")
    if found is None:
        raise UsageError("bad_record", f"{params.record!r} is not PARTITION:OFFSET.", hint="For example --record 0:17.")
    partition, offset = int(found[1]), int(found[2])
    start, end = ranges.get(partition, (0, 0))
    reader = reader_of(gateways)
    if start <= offset < end:
        for batch in gateways.dead_letters.batches(params.topic, {partition: (offset, offset + 1)}):
            for one in batch.records:
                words = header_words(one.headers() or (), reader)
                return InspectSeen(
                    full=FullRecord(row_of(one, reader), words, text_of(one.key()), json_of(one.value()))
                )
    raise UsageError("no_such_record", f"{params.topic} has no record {params.record}.",
                     why=f"Partition {partition} holds offsets {start} to {end}, markers and gaps among them.",
                     hint=f"See `eosctl dlq inspect {params.topic}`.")  # fmt: skip


OPERATION = Query(
    name="dlq.inspect",
    summary="Show dead letters: where they came from and why they failed",
    params=DlqInspectParams,
    result=DeadLetterRow,
    needs=("kafka",),
    observe=observe,
    report=report,
    details="Each record is read by the headers of the framework that wrote it. A header whose bytes are not what the "
    "framework writes is named as unreadable and never guessed.",
    examples=(
        Example("eosctl dlq inspect orders-dlt --group-by cause", "Why they failed, the most frequent first."),
        Example("eosctl dlq inspect orders-dlt --record 0:17", "One record in full."),
        Example("eosctl dlq inspect orders-dlt --where 'attempts >= 3'", "By an expression."),
    ),
)
