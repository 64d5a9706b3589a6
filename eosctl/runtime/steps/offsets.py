"""How offsets are moved (look at both, lock and compare in the table, commit to Kafka, read back), and records kept."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from eosctl.core.errors import OperationFailed, WorldChanged
from eosctl.core.plan import Step
from eosctl.domain.kafka import CommittedOffset, Offset, TopicPartition
from eosctl.domain.offsets import OffsetsMapping
from eosctl.domain.outbox_events import OutgoingRecord
from eosctl.domain.steps.offsets import MoveOffsets, OffsetMove, SaveSkipped
from eosctl.ports import Gateways
from eosctl.ports.records import Record
from eosctl.runtime.handler import NotUndoable, StepState

Found = Mapping[tuple[str, int], int]
_BATCH = 1_000
SAVED = "eosctl.skipped/v1"


class MoveOffsetsHandler:
    """Moves a group's offsets in one store."""

    kind = MoveOffsets.kind

    def look(self, gateways: Gateways, step: MoveOffsets) -> StepState:
        """Done when all are there; changed when one is neither as it was seen nor as it shall be."""
        found = _found(gateways, step)
        seen = {"store": step.store, "offsets": {one.place: found.get(_key(one)) for one in step.moves}}
        if all(found.get(_key(one)) == one.offset for one in step.moves):
            return StepState("done", seen)
        moved = _moved(step, found)
        return StepState("changed", seen, moved) if moved else StepState("ready", seen)

    def act(self, gateways: Gateways, step: MoveOffsets) -> Mapping[str, Any]:
        """In the table all or none, rows locked and compared first. Kafka has no compare-and-set: the look before
        narrows that race and does not close it."""
        if step.mapping is not None:
            _move_rows(gateways, step, step.mapping)
            return {"moved": len(step.moves)}
        kept = {
            _place(one): CommittedOffset(Offset(one.offset), one.leader_epoch, one.metadata)
            for one in step.moves
            if one.offset is not None
        }
        gone = [_place(one) for one in step.moves if one.offset is None]
        if kept:
            gateways.groups.commit(step.group, kept)
        if gone:
            gateways.groups.delete_offsets(step.group, gone)
        return {"moved": len(step.moves)}

    def verify(self, gateways: Gateways, step: MoveOffsets, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """Reads back; raises OperationFailed (`not_verified`) when a partition shows another offset."""
        found = _found(gateways, step)
        wrong = [one.place for one in step.moves if found.get(_key(one)) != one.offset]
        if wrong:
            raise OperationFailed("not_verified", f"{wrong[0]} does not show its new offset in {step.store}.",
                                  why="A consumer of the group may have committed over it at once.",
                                  hint=f"Look: eosctl offsets show {step.group}")  # fmt: skip
        return {**after, "offsets": {one.place: one.offset for one in step.moves}}

    def undo(self, step: MoveOffsets, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """The same step the other way, which the group's own progress makes stale (exit 4)."""
        return replace(step, moves=tuple(one.back() for one in step.moves))


class SaveSkippedHandler:
    """Keeps what a move skips, before it skips it."""

    kind = SaveSkipped.kind

    def look(self, gateways: Gateways, step: SaveSkipped) -> StepState:
        """A file with this step's heading is complete, for it got its name when it was. Records in a topic carry where
        they come from; they are kept when the group is past them already."""
        if step.file:
            first = gateways.offset_files.first_line(Path(step.file))
            if first is None:
                return StepState("ready", {})
            if first == json.dumps(_heading(step), ensure_ascii=False):
                return StepState("done", {"file": step.file})
            return StepState("changed", {}, f"{step.file} is there by now, and holds something else.")
        found = _in_store(gateways, step.group, step.mapping)
        past = all(found.get((one.topic, one.partition), -1) >= one.offset for one in step.ranges)
        return StepState("done" if past else "ready", {})

    def act(self, gateways: Gateways, step: SaveSkipped) -> Mapping[str, Any]:
        """As read_committed sees them. A stop half way leaves no file; in a topic it leaves the records before it."""
        ranges = {TopicPartition(one.topic, one.partition): (one.first, one.end) for one in step.ranges}
        records = gateways.records.read(ranges)
        if step.file:
            lines = chain([_heading(step)], map(_line, records))
            return {"file": step.file, "records": gateways.offset_files.write_lines(Path(step.file), lines) - 1}
        count = 0
        while batch := [_again(one, step.to_topic) for one in islice(records, _BATCH)]:
            failed = gateways.publisher.publish(batch).failed
            if failed:
                first = failed[min(failed)]
                raise OperationFailed("not_kept", f"{step.to_topic!r} did not take a record.", why=first.message,
                                      hint=f"{count + len(batch) - len(failed)} are there; they carry their place in "
                                      "the header eosctl-source.")  # fmt: skip
            count += len(batch)
        return {"topic": step.to_topic, "records": count}

    def verify(self, gateways: Gateways, step: SaveSkipped, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """The file's heading is read back; a topic's records were acknowledged."""
        heading = json.dumps(_heading(step), ensure_ascii=False)
        if step.file and gateways.offset_files.first_line(Path(step.file)) != heading:
            raise OperationFailed("not_verified", f"{step.file} is not there.")
        return after

    def undo(self, step: SaveSkipped, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """They stay: nobody is harmed by them, and somebody may have read them."""
        return NotUndoable(f"The records that were kept stay in {step.where}.")


def _heading(step: SaveSkipped) -> dict[str, Any]:
    ranges = [{"topic": one.topic, "partition": one.partition, "first": one.first, "end": one.end}
              for one in step.ranges]  # fmt: skip
    return {"schema": SAVED, "group": step.group, "ranges": ranges}


def _line(record: Record) -> dict[str, Any]:
    return {
        "topic": record.partition.topic,
        "partition": record.partition.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "key": _text(record.key),
        "value": _text(record.value),
        "headers": [[name, _text(value)] for name, value in record.headers],
    }


def _text(value: bytes | None) -> str | dict[str, str] | None:
    """UTF-8 as it is, other bytes as `{"base64": ...}`."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _again(record: Record, topic: str) -> OutgoingRecord:
    source = [("eosctl-source", f"{record.partition}:{record.offset}".encode())]
    if record.timestamp_ms is not None:
        source.append(("eosctl-timestamp-ms", str(record.timestamp_ms).encode()))
    return OutgoingRecord(topic, record.key, record.value, [*record.headers, *source])


def _move_rows(gateways: Gateways, step: MoveOffsets, mapping: OffsetsMapping) -> None:
    database, names = gateways.database, mapping.identifiers()
    with database.transaction():
        rows = database.query("offsets_lock", {"group": step.group}, identifiers=names)
        found = {(row["topic"], row["partition"]): mapping.next_to_read(row["stored"]) for row in rows}
        moved = _moved(step, found)
        if moved:
            raise WorldChanged("world_changed", moved, hint="A consumer still runs: stop it, then plan again.")
        for name, moves in (
            ("offsets_update", [one for one in step.moves if one.offset is not None and _key(one) in found]),
            ("offsets_insert", [one for one in step.moves if one.offset is not None and _key(one) not in found]),
            ("offsets_delete", [one for one in step.moves if one.offset is None]),
        ):
            if moves:
                stamped = mapping.updated_at and name != "offsets_delete"
                database.execute(
                    f"{name}_stamped" if stamped else name,
                    _arguments(step.group, moves, mapping, name),
                    identifiers=names,
                )


def _arguments(group: str, moves: Iterable[OffsetMove], mapping: OffsetsMapping, name: str) -> dict[str, Any]:
    every = list(moves)
    args: dict[str, Any] = {"group": group, "topics": [one.topic for one in every],
                            "partitions": [one.partition for one in every]}  # fmt: skip
    if name != "offsets_delete":
        args["stored"] = [mapping.stored(one.offset or 0) for one in every]
    return args


def _found(gateways: Gateways, step: MoveOffsets) -> Found:
    return _in_store(gateways, step.group, step.mapping)


def _in_store(gateways: Gateways, group: str, mapping: OffsetsMapping | None) -> Found:
    if mapping is None:
        answer = gateways.groups.committed([group])
        if answer.failures:
            raise OperationFailed(answer.failures[0].code, answer.failures[0].message, hint=answer.failures[0].hint)
        return {(at.topic, at.partition): to.offset for one in answer.items for at, to in one.offsets.items()}
    rows = gateways.database.query("offsets_rows", {"groups": [group]}, identifiers=mapping.identifiers())
    return {(row["topic"], row["partition"]): mapping.next_to_read(row["stored"]) for row in rows}


def _moved(step: MoveOffsets, found: Found) -> str:
    for one in step.moves:
        now = found.get(_key(one))
        if now not in (one.expects_offset, one.offset):
            was = "no offset" if one.expects_offset is None else str(one.expects_offset)
            return f"{one.place} is at {now} in {step.store}, and the plan saw {was}."
    return ""


def _key(one: OffsetMove) -> tuple[str, int]:
    return one.topic, one.partition


def _place(one: OffsetMove) -> TopicPartition:
    return TopicPartition(one.topic, one.partition)


HANDLERS = (MoveOffsetsHandler(), SaveSkippedHandler())
