"""`outbox reconcile`: the table's ids against a topic's `idempotency-key` headers; what is lost, twice, unmarked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from eosctl.core.errors import Notice, UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import DurationMs, Moment, param
from eosctl.core.report import Report, Section
from eosctl.domain.kafka import LogOffsets, TopicPartition
from eosctl.domain.outbox import OutboxMapping
from eosctl.domain.outbox_events import ID_HEADER, check_topic_template, topic_of
from eosctl.domain.outbox_reconcile import FAILED, PENDING, PUBLISHED, TABLE, TOPIC, Comparison, Oddity
from eosctl.operations.outbox_table import OutboxParams, found_table
from eosctl.ports import Gateways
from eosctl.ports.outbox import Spool

_SLACK_MS = 60_000


class OutboxReconcileParams(OutboxParams):
    """Which topic, which time."""

    topic: str = param(help="The topic that holds the events", complete="topic")
    since: Moment | None = param(None, help="Rows made at or after this time [default: --last]")
    until: Moment | None = param(None, help="Rows made before this time [default: --grace ago]")
    last: DurationMs = param(86_400_000, help="Rows of this long until now, when --since is not given")
    grace: DurationMs = param(10_000, help="Rows younger than this are left out: they may be on their way")
    header: str = param(ID_HEADER, help="The header that holds the row's id (Debezium's default is `id`)")
    template: str | None = param(None, help="Template of topics, as for relay [default: the mapping's]")
    cdc: bool = param(False, help="Debezium publishes: every row counts as published, marked or not")
    limit: int = param(100, help="Name at most so many events", ge=0)


@dataclass(frozen=True)
class Reconciliation:
    """The counts; `oddities` names the first events that do not fit.

    `without_header` counts records that carry no id; `unknown_in_topic` ids that the table's range does not hold
    (older rows, purged ones, other producers).
    """

    table: str
    topic: str
    since: datetime
    until: datetime
    rows: int
    records: int
    published_and_there: int
    lost: int
    twice: int
    extra_copies: int
    there_still_pending: int
    pending_not_there: int
    unknown_in_topic: int
    without_header: int
    oddities: tuple[Oddity, ...]


@dataclass(frozen=True)
class ReconcileSnapshot:
    """What was compared."""

    mapping: OutboxMapping
    since: datetime
    until: datetime
    rows: int
    records: int
    without_header: int
    comparison: Comparison
    log_start_after_ms: int | None


def observe(gateways: Gateways, params: OutboxReconcileParams) -> ReconcileSnapshot:
    """Reads the rows first, then the topic up to the last stable offset of that moment; memory stays flat.

    In this order a row that is marked while this runs is not taken for lost.
    """
    mapping = found_table(gateways, params.table).mapping
    template = check_topic_template(params.template or mapping.topic)
    until = params.until or gateways.clock.now() - timedelta(milliseconds=params.grace)
    since = params.since or until - timedelta(milliseconds=params.last)
    if since >= until:
        raise UsageError(
            "bad_parameter", "--since is not before --until.", hint="Rows younger than --grace don't count."
        )
    topics = gateways.cluster.topics([params.topic])
    partitions = [one.partition for one in topics[0].partitions]
    comparison = Comparison()
    with gateways.outbox.spool() as spool:
        gateways.progress.begin("Reading rows", unit="rows")
        states = _states(gateways, mapping, params, template, (since, until))
        rows = spool.add(TABLE, _counted(gateways, states))
        offsets = gateways.cluster.log_offsets(partitions)
        gateways.progress.end()
        since_ms = round(since.timestamp() * 1_000) - _SLACK_MS
        records, without_header = _read_topic(gateways, spool, params.header, _ranges(gateways, offsets, since_ms))
        for sides in spool.buckets():
            comparison.add_bucket(sides, limit=params.limit)
    gone = _first_gone_ms(gateways, offsets, since_ms)
    return ReconcileSnapshot(mapping, since, until, rows, records, without_header, comparison, gone)


def _states(
    gateways: Gateways,
    mapping: OutboxMapping,
    params: OutboxReconcileParams,
    template: str,
    period: tuple[datetime, datetime],
) -> Iterator[tuple[str, str]]:
    for row in gateways.outbox.keys(mapping, *period):
        if topic_of(template, row.aggregate_type, row.event_type) != params.topic:
            continue
        state = PUBLISHED if row.published or params.cdc else FAILED if row.failed else PENDING
        yield row.id, state


def _counted(gateways: Gateways, pairs: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        gateways.progress.advance()
        yield pair


def _ranges(
    gateways: Gateways, offsets: Mapping[TopicPartition, LogOffsets], since_ms: int
) -> dict[TopicPartition, tuple[int, int]]:
    starts = gateways.cluster.offsets_for_times(list(offsets), since_ms)
    ranges: dict[TopicPartition, tuple[int, int]] = {}
    for partition, log in offsets.items():
        start = starts.get(partition)
        ranges[partition] = (max(log.log_start, start if start is not None else log.last_stable), log.last_stable)
    return ranges


def _read_topic(
    gateways: Gateways, spool: Spool, header: str, ranges: Mapping[TopicPartition, tuple[int, int]]
) -> tuple[int, int]:
    counts = {"records": 0, "without": 0}

    def ids() -> Iterator[tuple[str, str]]:
        for record in gateways.records.read(ranges):
            counts["records"] += 1
            gateways.progress.advance()
            found = next((value for name, value in record.headers if name == header and value is not None), None)
            if found is None:
                counts["without"] += 1
            else:
                yield found.decode(errors="replace").strip('"'), f"{record.partition.partition}@{record.offset}"

    gateways.progress.begin("Reading the topic", sum(end - start for start, end in ranges.values()), "records")
    spool.add(TOPIC, ids())
    gateways.progress.end()
    return counts["records"], counts["without"]


def _first_gone_ms(gateways: Gateways, offsets: Mapping[TopicPartition, LogOffsets], since_ms: int) -> int | None:
    """The time asked for, when records of that time may be gone from a partition whose log no longer begins at 0."""
    trimmed = [one for one, log in offsets.items() if log.log_start > 0]
    if not trimmed:
        return None
    starts = gateways.cluster.offsets_for_times(trimmed, since_ms)
    return since_ms if any(starts.get(one) == offsets[one].log_start for one in trimmed) else None


def report(snapshot: ReconcileSnapshot, params: OutboxReconcileParams) -> Report:
    """Counts, then the events that do not fit; exit 3 when some are lost."""
    seen = snapshot.comparison
    result = Reconciliation(
        table=str(snapshot.mapping.table),
        topic=params.topic,
        since=snapshot.since,
        until=snapshot.until,
        rows=snapshot.rows,
        records=snapshot.records,
        published_and_there=seen.published_there,
        lost=seen.lost,
        twice=seen.twice,
        extra_copies=seen.extra_copies,
        there_still_pending=seen.unmarked,
        pending_not_there=seen.pending_absent,
        unknown_in_topic=seen.unknown,
        without_header=snapshot.without_header,
        oddities=tuple(seen.oddities),
    )
    counts = [{"field": name.replace("_", " "), "value": getattr(result, name)} for name in _COUNTS]
    sections = [Section(f"Outbox {result.table} against {params.topic}", counts)]
    if seen.oddities:
        sections.append(Section("Events", seen.oddities, Oddity))
    verdict = "No event is lost." if not seen.lost else f"{seen.lost} events are lost."
    return Report(
        result,
        Reconciliation,
        exit_code=ExitCode.PROBLEM if seen.lost else ExitCode.DONE,
        warnings=_warnings(snapshot, params),
        errors=(_lost(seen.lost),) if seen.lost else (),
        sections=tuple(sections),
        summary=verdict,
    )


_COUNTS = (
    "since", "until", "rows", "records", "published_and_there", "lost", "twice", "extra_copies",
    "there_still_pending", "pending_not_there", "unknown_in_topic", "without_header",
)  # fmt: skip


def _lost(count: int) -> Notice:
    return Notice(
        "events_lost",
        f"{count} event{'s are' if count > 1 else ' is'} published by the table and not in the topic.",
        "Set published_at to NULL for those ids to let a relay publish them again.",
    )


def _warnings(snapshot: ReconcileSnapshot, params: OutboxReconcileParams) -> tuple[Notice, ...]:
    seen, found = snapshot.comparison, []
    if snapshot.records and snapshot.without_header == snapshot.records:
        found.append(
            Notice("no_id_header", f"No record has the header {params.header!r}.", "Name the right one with --header.")
        )
    if snapshot.log_start_after_ms is not None:
        found.append(
            Notice(
                "topic_trimmed",
                "The topic's beginning was deleted: what seems lost may have been there once.",
                "Compare a time that retention still covers.",
            )
        )
    if seen.twice:
        found.append(
            Notice(
                "published_twice",
                f"{seen.twice} event{'s are' if seen.twice > 1 else ' is'} there more than once.",
                "Consumers deduplicate by the header; a relay that died between publish and mark does this.",
            )
        )
    if seen.unmarked:
        found.append(
            Notice(
                "still_pending",
                f"{seen.unmarked} event{'s are' if seen.unmarked > 1 else ' is'} there and still pending.",
                "A relay will publish them again under the same id.",
            )
        )
    return tuple(found)


OPERATION = Query(
    name="outbox.reconcile",
    summary="Compare the table with a topic: what is lost, twice, or still unmarked",
    params=OutboxReconcileParams,
    result=Reconciliation,
    needs=("kafka", "database"),
    listing=False,
    observe=observe,
    report=report,
    details="Rows made in the time range are compared with the ids in the records' headers, from a minute before the "
    "range to the last stable offset. Ids go to temporary files, so memory stays flat. Exit 3 when an event is lost.",
    examples=(
        Example("eosctl outbox reconcile --topic order-events", "The last day."),
        Example("eosctl outbox reconcile --topic order-events --header id --cdc", "After a replication slot was lost."),
    ),
)
