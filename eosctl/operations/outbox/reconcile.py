"""`outbox reconcile`: the table's ids against a topic's `idempotency-key` headers; what is lost, twice, unmarked."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from eosctl.core.counts import counted
from eosctl.core.durations import time_from_ms
from eosctl.core.errors import Notice, UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import DurationMs, Moment, param
from eosctl.core.report import Report, Section
from eosctl.domain.dedup import DedupMapping
from eosctl.domain.outbox import OutboxMapping
from eosctl.domain.outbox_events import ID_HEADER, check_topic_template, topic_of
from eosctl.domain.outbox_reconcile import DEDUP, TABLE, Comparison, Oddity
from eosctl.operations.outbox_table import OutboxParams, found_table
from eosctl.operations.reconciling import dedup_of, first_gone_ms, ranges_since, rows_of, spool_topic
from eosctl.ports import Gateways

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
    dedup: str | None = param(
        None,
        help="The consumers' deduplication table, a mapping or a table [default: the only one mapped for the topic]",
    )
    limit: int = param(100, help="Name at most so many events", ge=0)


@dataclass(frozen=True)
class Reconciliation:
    """The counts; `oddities` names the first events that do not fit.

    `without_header` counts records that carry no id; `unknown_in_topic` ids that the table's range does not hold
    (older rows, purged ones, other producers). With a deduplication table `processed` counts the rows that it holds,
    `processed_and_gone` those of them that the topic no longer has; None without one.
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
    dedup_table: str | None
    processed: int | None
    processed_and_gone: int | None
    there_not_processed: int | None
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
    dedup: DedupMapping | None = None


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
    dedup = dedup_of(gateways, params.dedup, params.topic)
    comparison = Comparison(deduplicated=dedup is not None)

    def wanted(aggregate_type: str, event_type: str) -> bool:
        return topic_of(template, aggregate_type, event_type) == params.topic

    with gateways.outbox.spool() as spool:
        gateways.progress.begin("Reading rows", unit="rows")
        states = rows_of(gateways, mapping, (since, until), wanted=wanted, all_published=params.cdc)
        rows = spool.add(TABLE, states)
        offsets = gateways.cluster.log_offsets(partitions)
        gateways.progress.end()
        since_ms = round(since.timestamp() * 1_000) - _SLACK_MS
        records, without_header = spool_topic(gateways, spool, params.header, ranges_since(gateways, offsets, since_ms))
        if dedup is not None:
            spool.add(DEDUP, ((one, "") for one in gateways.outbox.processed(dedup, time_from_ms(since_ms))))
        for sides in spool.buckets():
            comparison.add_bucket(sides, limit=params.limit)
    gone = first_gone_ms(gateways, offsets, since_ms)
    return ReconcileSnapshot(mapping, since, until, rows, records, without_header, comparison, gone, dedup)


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
        dedup_table=str(snapshot.dedup.table) if snapshot.dedup else None,
        processed=seen.processed if seen.deduplicated else None,
        processed_and_gone=seen.processed_gone if seen.deduplicated else None,
        there_not_processed=seen.unprocessed if seen.deduplicated else None,
        oddities=tuple(seen.oddities),
    )
    names = (*_COUNTS, *(_DEDUP_COUNTS if seen.deduplicated else ()))
    counts = [{"field": name.replace("_", " "), "value": getattr(result, name)} for name in names]
    sections = [Section(f"Outbox {result.table} against {params.topic}", counts)]
    if seen.oddities:
        sections.append(Section("Events", seen.oddities, Oddity))
    verdict = f"{counted(seen.lost, 'event is', 'events are')} lost." if seen.lost else "No event is lost."
    return Report(
        result,
        Reconciliation,
        exit_code=ExitCode.PROBLEM if seen.lost else ExitCode.DONE,
        warnings=_warnings(snapshot, params),
        errors=(_lost(seen.lost, cdc=params.cdc),) if seen.lost else (),
        sections=tuple(sections),
        summary=verdict,
    )


_COUNTS = (
    "since", "until", "rows", "records", "published_and_there", "lost", "twice", "extra_copies",
    "there_still_pending", "pending_not_there", "unknown_in_topic", "without_header",
)  # fmt: skip
_DEDUP_COUNTS = ("dedup_table", "processed", "processed_and_gone", "there_not_processed")


def _lost(count: int, *, cdc: bool) -> Notice:
    """What to do with a lost event differs: Debezium reads inserts, a relay reads unmarked rows."""
    if cdc:
        hint = "Insert those rows again under new ids with the old payload, or let a relay publish them once."
    else:
        hint = "A relay publishes them again after: eosctl outbox mark --as pending ID..."
    words = "written to the table" if cdc else "published by the table"
    return Notice("events_lost", f"{counted(count, 'event is', 'events are')} {words} and not in the topic.", hint)


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
                f"{counted(seen.twice, 'event is', 'events are')} there more than once.",
                "Consumers deduplicate by the header; a relay that died between publish and mark does this.",
            )
        )
    if seen.unprocessed:
        found.append(
            Notice(
                "not_processed",
                f"{counted(seen.unprocessed, 'event is', 'events are')} there and not marked in "
                f"{snapshot.dedup.table if snapshot.dedup else 'the dedup table'}.",
                "Consumers may be behind: compare again when their lag is 0.",
            )
        )
    if seen.unmarked:
        found.append(
            Notice(
                "still_pending",
                f"{counted(seen.unmarked, 'event is', 'events are')} there and still pending.",
                "A relay will publish them again under the same id, unless: eosctl outbox mark --as published ID...",
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
        Example("eosctl outbox reconcile --topic order-events --cdc", "After a replication slot was lost."),
    ),
)
