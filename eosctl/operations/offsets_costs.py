"""What a move costs, found out before it is planned: bounded samples of the logs, and the deduplication tables."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from eosctl.core.errors import EosctlError, Notice, UsageError
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.offset_costs import MoveCost, Range, Tally, cost, windows
from eosctl.domain.offsets import OffsetsMapping, clamped
from eosctl.operations.offsets_safety import MoveParams, MoveSeen, stores_of, target_of
from eosctl.operations.offsets_seen import OffsetsSeen
from eosctl.ports import Gateways
from eosctl.ports.records import Record

_FILE_ENDINGS = (".json", ".jsonl")


def seen_with_costs(
    gateways: Gateways,
    params: MoveParams,
    seen: OffsetsSeen,
    targets: Mapping[TopicPartition, int],
    *,
    table_targets: Mapping[TopicPartition, int] | None = None,
    metadata: Mapping[TopicPartition, str] | None = None,
) -> MoveSeen:
    """All that a planner needs. Raises UsageError where skipped records can't be kept as wished."""
    move = MoveSeen(
        seen,
        targets,
        target_of(gateways, params.store),
        table_targets,
        metadata or {},
    )
    _check_place(gateways, params)
    costs: dict[tuple[TopicPartition, int, int], MoveCost] = {}
    again: dict[TopicPartition, Range] = {}
    notices: list[Notice] = []
    for mapping in stores_of(seen, params.store):
        back, ahead = ranges_of(move, params.group, mapping)
        new = {at: one for at, one in {**back, **ahead}.items() if (at, *one) not in costs}
        found, why = _sampled(gateways, seen, new, params.sample)
        costs |= found
        notices += why
        for at, range_ in back.items():
            again.setdefault(at, range_)  # the table's, where both move: it is the truth
    if again and (gateways.profile.get("tables") or {}).get("dedup"):
        from eosctl.operations.offsets_window import dedup_notices

        notices += dedup_notices(gateways, params.group, again, seen.now_ms)
    return replace(move, costs=costs, notices=tuple(dict.fromkeys(notices)))


def ranges_of(
    move: MoveSeen, group: str, mapping: OffsetsMapping | None
) -> tuple[dict[TopicPartition, Range], dict[TopicPartition, Range]]:
    """What would be processed again, and what would be skipped, in one store; within the logs."""
    back: dict[TopicPartition, Range] = {}
    ahead: dict[TopicPartition, Range] = {}
    logs, positions = move.seen.logs, move.positions(group, mapping)
    for at, wish in move.wished(mapping).items():
        log, current = logs.get(at), positions.get(at)
        if log is None or current is None:
            continue
        here, there = clamped(current, log), clamped(wish, log)
        if there < here:
            back[at] = (there, here)
        elif here < there:
            ahead[at] = (here, there)
    return back, ahead


def is_file(place: str) -> bool:
    """Whether `--save-skipped` names a file; else it is a topic."""
    return "/" in place or place.endswith(_FILE_ENDINGS)


def _check_place(gateways: Gateways, params: MoveParams) -> None:
    if is_file(params.save_skipped):
        gateways.offset_files.check_new(Path(params.save_skipped))
    elif params.save_skipped:
        try:
            gateways.cluster.topics([params.save_skipped])
        except UsageError as error:
            hint = f"{error.hint} A file's name ends with .jsonl or holds a slash."
            raise UsageError(error.code, error.message, why=error.why, hint=hint.strip()) from None


def _sampled(
    gateways: Gateways, seen: OffsetsSeen, ranges: Mapping[TopicPartition, Range], budget: int
) -> tuple[dict[tuple[TopicPartition, int, int], MoveCost], list[Notice]]:
    """Read as a read_committed consumer would: what an open transaction hides is not looked at."""
    readable = {at: (start, min(end, seen.logs[at].last_stable)) for at, (start, end) in ranges.items()}
    readings = windows({at: one for at, one in readable.items() if one[0] < one[1]}, budget=budget)
    tallies = {at: Tally() for reading in readings for at in reading}
    nothing = Tally()
    notices = []
    try:
        for reading in readings:
            for at, (start, end) in reading.items():
                tallies[at].sampled += end - start
            for record in gateways.records.read(reading):
                tallies[record.partition].add(_size(record), record.timestamp_ms)
    except EosctlError as error:
        tallies = {}
        text = f"The records were not looked at, only their offsets: {error.message}"
        notices.append(Notice("not_sampled", text, error.hint))
    return {
        (at, start, end): cost(end - start, tallies.get(at, nothing)) for at, (start, end) in ranges.items()
    }, notices


def _size(record: Record) -> int:
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers
