"""`offsets show`: where groups are, in Kafka and in the table, and how far behind."""

from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Literal

from eosctl.core.durations import time_from_ms
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report, column
from eosctl.domain.kafka import GroupDescription, GroupMember, TopicPartition
from eosctl.domain.offsets import out_of_range
from eosctl.operations.offsets_seen import OffsetsSeen, known_groups, look, require_known
from eosctl.ports import Gateways


class OffsetsShowParams(Params):
    """Which groups."""

    group: str = param(help="A group, or a pattern with * and ?", positional=True, complete="group")
    store: Literal["kafka", "db", "both"] = param("kafka", help="Where offsets are kept")
    table: str = param("", help="A mapping's name in the profile's tables.offsets, or a table")
    topic: tuple[str, ...] = param((), help="Only this topic; repeatable", complete="topic")
    times: bool = param(False, help="Also the time and age of the record at the offset")


@dataclass(frozen=True)
class OffsetRow:
    """A group on one partition. Offsets are the next to read in both stores; lags count offsets, markers included."""

    group: str
    topic: str
    partition: int = field(metadata=column("p"))
    kafka_offset: int | None = field(metadata=column("kafka"))
    table_offset: int | None = field(metadata=column("table"))
    log_start: int | None = field(metadata=column(wide=True))
    last_stable_offset: int | None = field(metadata=column("lso", wide=True))
    high_watermark: int | None = field(metadata=column("end"))
    lag_to_last_stable: int | None = field(metadata=column("lag to lso", wide=True))
    lag_records: int | None = field(metadata=column("lag"))
    record_at: datetime | None = field(metadata=column(wide=True))
    record_age_ms: int | None = field(metadata=column("age", wide=True))
    leader_epoch: int | None = field(metadata=column(wide=True))
    metadata: str = field(metadata=column(wide=True))
    state: str
    protocol: str = field(metadata=column(wide=True))
    coordinator_id: int | None = field(metadata=column(wide=True))
    member: str = field(metadata=column(wide=True))
    host: str = field(metadata=column(wide=True))
    finding: str


@dataclass(frozen=True)
class ShowSeen:
    """The groups, and the times of the records at their offsets when those were asked for."""

    groups: tuple[str, ...]
    seen: OffsetsSeen
    times: dict[TopicPartition, dict[int, int | None]] = field(default_factory=dict)


def observe(gateways: Gateways, params: OffsetsShowParams) -> ShowSeen:
    """Raises UsageError (`unknown_group`)."""
    groups: tuple[str, ...] = (params.group,)
    if set(params.group) & set("*?"):
        known = known_groups(gateways, store=params.store, table=params.table)
        groups = tuple(one for one in known if fnmatchcase(one, params.group))
    seen = look(gateways, groups, store=params.store, table=params.table)
    if groups == (params.group,):
        require_known(gateways, seen, params.group, store=params.store, table=params.table)
    return ShowSeen(groups, seen, _times(gateways, groups, seen) if params.times else {})


def report(shown: ShowSeen, params: OffsetsShowParams) -> Report:
    """A row for each group and partition; exit 3 when an offset is out of range."""
    rows = tuple(
        _row(shown, group, at)
        for group in shown.groups
        for at in shown.seen.places(group)
        if not params.topic or at.topic in params.topic
    )
    bad = any(one.finding for one in rows)
    code = ExitCode.PARTLY_DONE if shown.seen.failures else ExitCode.PROBLEM if bad else ExitCode.DONE
    means = shown.seen.mapping
    text = f"{means.table} holds {means.offset_means.value}; shown is the next to read." if means else ""
    return Report(
        rows,
        OffsetRow,
        exit_code=code,
        warnings=shown.seen.notices,
        errors=shown.seen.failures,
        summary=text if rows else "No offset is stored.",
    )


def _row(shown: ShowSeen, group: str, at: TopicPartition) -> OffsetRow:
    seen, log = shown.seen, shown.seen.logs.get(at)
    committed, stored = seen.kafka.get(group, {}).get(at), seen.table.get(group, {}).get(at)
    about, member = seen.descriptions.get(group), _member(seen.descriptions.get(group), at)
    position = committed.offset if committed else stored
    time_ms = shown.times.get(at, {}).get(position) if position is not None else None
    return OffsetRow(
        group=group,
        topic=at.topic,
        partition=at.partition,
        kafka_offset=committed.offset if committed else None,
        table_offset=stored,
        log_start=log.log_start if log else None,
        last_stable_offset=log.last_stable if log else None,
        high_watermark=log.high_watermark if log else None,
        lag_to_last_stable=max(0, log.last_stable - position) if log and position is not None else None,
        lag_records=max(0, log.high_watermark - position) if log and position is not None else None,
        record_at=time_from_ms(time_ms) if time_ms is not None else None,
        record_age_ms=max(0, seen.now_ms - time_ms) if time_ms is not None else None,
        leader_epoch=committed.leader_epoch if committed else None,
        metadata=committed.metadata if committed else "",
        state=about.state if about else "-",
        protocol=about.protocol.value if about else "-",
        coordinator_id=about.coordinator_id if about else None,
        member=member.client_id if member else "",
        host=member.host if member else "",
        finding=_finding(shown, at, committed.offset if committed else None, stored),
    )


def _finding(shown: ShowSeen, at: TopicPartition, *offsets: int | None) -> str:
    log = shown.seen.logs.get(at)
    if log is None:
        return "no such partition, or no leader"
    return next((why for one in offsets if one is not None and (why := out_of_range(one, log))), "")


def _member(about: GroupDescription | None, at: TopicPartition) -> GroupMember | None:
    return next((one for one in about.members if at in one.assignment), None) if about else None


def _times(
    gateways: Gateways, groups: tuple[str, ...], seen: OffsetsSeen
) -> dict[TopicPartition, dict[int, int | None]]:
    """The time of the first record at or after each group's offset, one read a group."""
    found: dict[TopicPartition, dict[int, int | None]] = {}
    for group in groups:
        wanted = {}
        for at in seen.places(group):
            committed, log = seen.kafka.get(group, {}).get(at), seen.logs.get(at)
            position = committed.offset if committed else seen.table[group][at]
            if log and log.log_start <= position < log.high_watermark:
                wanted[at] = (position, position + 1)
        for record in gateways.records.read(wanted, isolation="read_uncommitted"):
            found.setdefault(record.partition, {})[record.offset] = record.timestamp_ms
    return found


OPERATION = Query(
    name="offsets.show",
    summary="Show where groups are and how far behind",
    params=OffsetsShowParams,
    result=OffsetRow,
    needs=("kafka",),
    observe=observe,
    report=report,
    details="Exit 3 when an offset is out of its log's range: below its start (retention took records) or past its "
    "end (the topic was truncated or made anew). Lags count offsets: transaction markers are among them.",
    examples=(
        Example("eosctl offsets show orders", "One group."),
        Example("eosctl offsets show 'billing-*' --store both", "Many groups, in Kafka and in the table."),
    ),
)
