"""`dedup check`: was it processed? By id, from a file, or for a record by each rule that makes an id of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from sys import stdin
from typing import Any

from eosctl.core.errors import UsageError
from eosctl.core.operation import Example, Query
from eosctl.core.params import param
from eosctl.core.report import Report, column
from eosctl.domain.dedup import DedupMapping, IdRule
from eosctl.domain.dedup_ids import RecordId, as_stored, id_by, ids_of
from eosctl.domain.kafka import TopicPartition
from eosctl.operations.dedup_table import DedupParams, DedupTable, found_table
from eosctl.ports import Gateways
from eosctl.ports.records import Record

IDS_AT_ONCE = 10_000


class DedupCheckParams(DedupParams):
    """Which messages."""

    ids: tuple[str, ...] = param((), help="Message ids", positional=True, metavar="[ID]...")
    from_file: Path | None = param(None, help="A file with an id a line; - for standard input", complete="file")
    topic: str | None = param(None, help="The record's topic", complete="topic")
    partition: int | None = param(None, help="The record's partition", ge=0)
    offset: int | None = param(None, help="The record's offset", ge=0)
    group: str | None = param(None, help="Only entries of this consumer group", complete="group")


@dataclass(frozen=True)
class CheckedId:
    """One id and its entry. `rule` is "" for an id that was given; `in_use` marks the rule that the mapping names.

    `processed` is None when the record has nothing to make an id of by this rule.
    """

    id: str | None
    processed: bool | None
    processed_at: datetime | None
    partition: str | None
    offset: str | None
    consumer_group: str | None = field(metadata=column("group"))
    rule: str = ""
    in_use: bool | None = field(default=None, metadata=column("in use"))


@dataclass(frozen=True)
class CheckSnapshot:
    """The ids in the order they were given, and the entries by id."""

    mapping: DedupMapping
    wanted: tuple[tuple[str, str | None], ...]
    entries: Mapping[str, tuple[Mapping[str, Any], ...]]


def observe(gateways: Gateways, params: DedupCheckParams) -> CheckSnapshot:
    """One statement for each 10,000 ids; a named record is read from Kafka first."""
    _one_source(params)
    table = found_table(gateways, params.table)
    if params.group and table.mapping.consumer_group is None:
        raise UsageError(
            "no_group_column",
            f"{table.mapping.table} has no column for a consumer group.",
            hint="Leave --group out, or map consumer_group in the profile.",
        )
    if params.topic is not None:
        record = _record(gateways, params)
        ids = ids_of(params.topic, record.partition.partition, record.offset, key=record.key, value=record.value,
                     headers=record.headers)  # fmt: skip
        wanted = tuple((one.rule.value, _fitting(table, one)) for one in ids)
        given: Iterator[str] = (stored for _, stored in wanted if stored is not None)
        return CheckSnapshot(table.mapping, wanted, _entries(gateways, table, given, params.group))
    kind = _id_type(table)
    listed = [as_stored(kind, one) for one in (_lines(params.from_file) if params.from_file else params.ids)]
    if not listed:
        raise UsageError("no_ids", f"{params.from_file} holds no id.", hint="Write an id a line.")
    entries = _entries(gateways, table, iter(dict.fromkeys(listed)), params.group)
    return CheckSnapshot(table.mapping, tuple(("", one) for one in listed), entries)


def report(snapshot: CheckSnapshot, params: DedupCheckParams) -> Report:
    """A row for each id, several where several groups have processed it."""
    in_use = _rule_in_use(snapshot)
    found: list[CheckedId] = []
    for rule, one in snapshot.wanted:
        used = rule == in_use if rule else None
        entries = snapshot.entries.get(one, ()) if one is not None else ()
        if not entries:
            found.append(CheckedId(one, None if one is None else False, None, None, None, None, rule, used))
        for entry in entries:
            at, partition, offset = entry["processed_at"], entry["partition"], entry["offset"]
            found.append(CheckedId(one, True, at, partition, offset, entry["consumer_group"], rule, used))
    return Report(tuple(found), CheckedId, summary=_summary(snapshot, found, in_use))


def _one_source(params: DedupCheckParams) -> None:
    record = (params.topic, params.partition, params.offset)
    named = any(one is not None for one in record)
    if sum((bool(params.ids), params.from_file is not None, named)) != 1:
        raise UsageError(
            "bad_parameter",
            "Name ids, or --from-file, or one record.",
            why="Exactly one of the three says what is looked for.",
            hint="A record is --topic T --partition P --offset O.",
        )
    if named and None in record:
        raise UsageError(
            "bad_parameter",
            "A record is named by three flags.",
            hint="Give --topic, --partition and --offset.",
        )


def _record(gateways: Gateways, params: DedupCheckParams) -> Record:
    assert params.topic is not None
    assert params.partition is not None
    assert params.offset is not None
    partition, offset = TopicPartition(params.topic, params.partition), params.offset
    topic = gateways.cluster.topics([params.topic])[0]
    if params.partition >= len(topic.partitions):
        raise UsageError(
            "unknown_partition",
            f"{params.topic} has no partition {params.partition}.",
            hint=f"It has {len(topic.partitions)}, from 0 on.",
        )
    log = gateways.cluster.log_offsets([partition]).get(partition)
    if log is not None and not log.log_start <= offset < log.high_watermark:
        raise UsageError(
            "unknown_offset",
            f"{partition} has no record at offset {offset}.",
            why=f"It holds offsets {log.log_start} to {log.high_watermark - 1}."
            if log.high_watermark > log.log_start
            else "It is empty.",
            hint="Correct the offset; what retention has deleted can be checked by its id.",
        )
    reading = gateways.records.read({partition: (offset, offset + 1)}, isolation="read_uncommitted")
    found = next((one for one in reading if one.offset == offset), None)
    if found is None:
        raise UsageError(
            "not_a_record",
            f"Offset {offset} of {partition} holds no record.",
            why="It is a transaction marker, or compaction has removed it.",
            hint="Look at the offsets beside it.",
        )
    return found


def _fitting(table: DedupTable, one: RecordId) -> str | None:
    """The id as the column stores it; None when there is none, or none that the column could hold."""
    try:
        return None if one.id is None else as_stored(_id_type(table), one.id)
    except UsageError:
        return None


def _id_type(table: DedupTable) -> str:
    found = table.catalogue.column(table.mapping.message_id)
    return found.type if found else "text"


def _lines(path: Path) -> Iterator[str]:
    try:
        if str(path) == "-":
            yield from _words(stdin)
            return
        with path.open(encoding="utf-8") as file:
            yield from _words(file)
    except OSError as error:
        raise UsageError("file_not_read", f"{path} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError("file_not_read", f"{path} is not UTF-8 text.", hint="Write an id a line.") from None


def _words(file: Any) -> Iterator[str]:
    return (one for line in file if (one := line.strip()))


def _entries(
    gateways: Gateways, table: DedupTable, ids: Iterator[str], group: str | None
) -> dict[str, tuple[Mapping[str, Any], ...]]:
    mapping, found = table.mapping, dict[str, tuple[Mapping[str, Any], ...]]()
    gateways.progress.begin("Checking", unit="ids")
    while batch := list(islice(ids, IDS_AT_ONCE)):
        args = {"ids": batch, "group": group, **mapping.presence()}
        for one in gateways.database.query("dedup_check", args, identifiers=mapping.identifiers()):
            found[one["id"]] = (*found.get(one["id"], ()), one)
        gateways.progress.advance(len(batch))
    gateways.progress.end()
    return found


def _rule_in_use(snapshot: CheckSnapshot) -> str:
    if not snapshot.wanted[0][0]:
        return ""
    ids = [RecordId(IdRule(rule), one) for rule, one in snapshot.wanted]
    return id_by(snapshot.mapping.id_rule, ids).rule.value


def _summary(snapshot: CheckSnapshot, found: Sequence[CheckedId], in_use: str) -> str:
    if in_use:
        done = any(one.processed for one in found if one.in_use)
        return f"By {in_use}, as {snapshot.mapping.table} is mapped: {'processed' if done else 'not processed'}."
    ids = {one for _, one in snapshot.wanted}
    done_ids = len(ids & set(snapshot.entries))
    return f"{done_ids} of {len(ids)} ids were processed." if len(ids) > 1 else ""


OPERATION = Query(
    name="dedup.check",
    summary="Was a message processed? When, by which partition and offset",
    params=DedupCheckParams,
    result=CheckedId,
    needs=("database",),
    observe=observe,
    report=report,
    details="For a record (--topic, --partition, --offset) the id is made by each rule: the message-id header, the "
    "idempotency-key header, partition and offset with and without the topic, and the fingerprint: SHA-256 over the "
    "bytes of key and value in hexadecimal. `in use` marks the rule of the table's mapping (id_rule).",
    examples=(
        Example("eosctl dedup check order-4711", "One message."),
        Example("eosctl dedup check --topic orders --partition 3 --offset 1042", "A record, by each rule."),
        Example("eosctl dedup check --from-file ids.txt -o csv", "Many: 10,000 a round trip."),
    ),
)
