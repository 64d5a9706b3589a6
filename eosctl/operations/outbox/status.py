"""`outbox status`: what is pending, failed and published, how late it goes out, and whether that is well."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eosctl.core.durations import format_duration_ms, format_size_bytes
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import DurationMs, param
from eosctl.core.report import Report, Section, column
from eosctl.domain.outbox import has_poll_index, quoted, require_marking
from eosctl.domain.outbox_status import OutboxLimits, OutboxNumbers, Verdict, bloat_bytes, judge_outbox
from eosctl.operations.outbox_table import OutboxParams, OutboxTable, found_table, rows
from eosctl.ports import Gateways


class OutboxStatusParams(OutboxParams):
    """From when on it is a problem."""

    window: DurationMs = param(3_600_000, help="Published events of how long to look at", ge=1_000)
    max_age: DurationMs = param(300_000, help="A pending event older than this is a problem")
    max_pending: int = param(100_000, help="More pending events than this are a problem", ge=0)


@dataclass(frozen=True)
class RetryCount:
    """How many unpublished events have been tried so often."""

    retries: int
    events: int


@dataclass(frozen=True)
class ErrorCount:
    """An error that unpublished events have, and how many."""

    error: str
    events: int
    retries: int
    oldest_at: datetime


@dataclass(frozen=True)
class Poller:
    """A session that locks rows of the table now (a poller), or writes to it."""

    pid: int
    application: str
    client: str
    does: str
    state: str
    transaction_age_ms: int | None = field(metadata=column("for"))


@dataclass(frozen=True)
class OutboxStatus:
    """The whole answer. Ages and lags in milliseconds; `verdict` is ok, warning or problem."""

    table: str
    verdict: Verdict
    pending: int
    failed: int
    oldest_pending_at: datetime | None
    oldest_pending_age_ms: int | None
    published_in_window: int
    window_ms: int
    publish_lag_p50_ms: int | None
    publish_lag_p95_ms: int | None
    publish_lag_p99_ms: int | None
    retry_histogram: tuple[RetryCount, ...]
    top_errors: tuple[ErrorCount, ...]
    table_bytes: int
    index_bytes: int
    live_rows: int
    dead_rows: int
    bloat_bytes: int
    vacuumed_at: datetime | None
    poll_index: bool
    notify_trigger: bool
    pollers: tuple[Poller, ...]


@dataclass(frozen=True)
class StatusSnapshot:
    """What was read, one statement after another."""

    table: OutboxTable
    pending: Mapping[str, Any]
    published: Mapping[str, Any]
    histogram: tuple[Mapping[str, Any], ...]
    errors: tuple[Mapping[str, Any], ...]
    size: Mapping[str, Any]
    pollers: tuple[Mapping[str, Any], ...]
    triggers: tuple[Mapping[str, Any], ...]


def observe(gateways: Gateways, params: OutboxStatusParams) -> StatusSnapshot:
    """Counts by the poll index; lags by a scan of the window's published rows."""
    table = found_table(gateways, params.table)
    mapping = table.mapping
    require_marking(mapping)
    name = {"name": quoted(mapping.table)}
    database = gateways.database
    return StatusSnapshot(
        table,
        rows(gateways, "outbox_pending", mapping, max_retries=mapping.max_retries)[0],
        rows(gateways, "outbox_published", mapping, window_ms=params.window)[0],
        tuple(rows(gateways, "outbox_retry_histogram", mapping)),
        tuple(rows(gateways, "outbox_errors", mapping)),
        database.query("outbox_size", name)[0],
        tuple(database.query("outbox_pollers", name)),
        tuple(database.query("outbox_triggers", name)),
    )


def report(snapshot: StatusSnapshot, params: OutboxStatusParams) -> Report:
    """Numbers, then the verdict with its reasons; exit 3 for a problem."""
    pending, size = snapshot.pending, snapshot.size
    oldest = pending["oldest_pending_at"]
    age_ms = max(0, round((pending["now"] - oldest).total_seconds() * 1_000)) if oldest else None
    poll_index = has_poll_index(snapshot.table.catalogue, snapshot.table.mapping)
    numbers = OutboxNumbers(
        pending["pending"], pending["failed"], age_ms, size["live_rows"], size["dead_rows"], poll_index
    )
    verdict, reasons = judge_outbox(numbers, OutboxLimits(params.max_age, params.max_pending))
    lags = snapshot.published["lags_ms"] or (None, None, None)
    status = OutboxStatus(
        table=str(snapshot.table.mapping.table),
        verdict=verdict,
        pending=pending["pending"],
        failed=pending["failed"],
        oldest_pending_at=oldest,
        oldest_pending_age_ms=age_ms,
        published_in_window=snapshot.published["published"],
        window_ms=params.window,
        publish_lag_p50_ms=lags[0],
        publish_lag_p95_ms=lags[1],
        publish_lag_p99_ms=lags[2],
        retry_histogram=tuple(RetryCount(**one) for one in snapshot.histogram),
        top_errors=tuple(ErrorCount(**one) for one in snapshot.errors),
        table_bytes=size["table_bytes"],
        index_bytes=size["index_bytes"],
        live_rows=size["live_rows"],
        dead_rows=size["dead_rows"],
        bloat_bytes=bloat_bytes(size["table_bytes"], size["live_rows"], size["dead_rows"]),
        vacuumed_at=size["vacuumed_at"],
        poll_index=poll_index,
        notify_trigger=any(one["notifies"] for one in snapshot.triggers),
        pollers=tuple(Poller(**one) for one in snapshot.pollers),
    )
    problem = verdict is Verdict.PROBLEM
    return Report(
        status,
        OutboxStatus,
        exit_code=ExitCode.PROBLEM if problem else ExitCode.DONE,
        warnings=reasons if not problem else tuple(one for one in reasons if one.code in ("no_poll_index", "bloat")),
        errors=tuple(one for one in reasons if one.code not in ("no_poll_index", "bloat")),
        sections=_sections(status),
        summary=f"Verdict: {verdict.value}.",
    )


def _sections(status: OutboxStatus) -> tuple[Section, ...]:
    words = {
        "pending": status.pending,
        "failed (retries used up)": status.failed,
        "oldest pending": format_duration_ms(status.oldest_pending_age_ms)
        if status.oldest_pending_age_ms is not None
        else None,
        f"published in {format_duration_ms(status.window_ms)}": status.published_in_window,
        "publish lag p50 / p95 / p99": " / ".join(
            "-" if one is None else format_duration_ms(one)
            for one in (status.publish_lag_p50_ms, status.publish_lag_p95_ms, status.publish_lag_p99_ms)
        ),
        "poll index": status.poll_index,
        "notify trigger": status.notify_trigger,
    }
    space = {
        "table": format_size_bytes(status.table_bytes),
        "indexes": format_size_bytes(status.index_bytes),
        "live / dead rows": f"{status.live_rows} / {status.dead_rows}",
        "bloat (estimate)": format_size_bytes(status.bloat_bytes),
        "vacuumed": status.vacuumed_at,
    }
    sections = [Section(f"Outbox {status.table}", _pairs(words)), Section("Space", _pairs(space))]
    tables: tuple[tuple[str, Sequence[Any], type], ...] = (
        ("Retries of unpublished events", status.retry_histogram, RetryCount),
        ("Errors", status.top_errors, ErrorCount),
        ("Sessions that work on it now", status.pollers, Poller),
    )
    sections += [Section(title, found, kind) for title, found, kind in tables if found]
    return tuple(sections)


def _pairs(words: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [{"field": name, "value": value} for name, value in words.items()]


OPERATION = Query(
    name="outbox.status",
    summary="Pending, failed and published events, publish lag, space, and a verdict",
    params=OutboxStatusParams,
    result=OutboxStatus,
    needs=("database",),
    listing=False,
    observe=observe,
    report=report,
    details="Exit 3 when events have used up their retries, or are older or more than the limits. The publish lag is "
    "from a row's creation to its mark. bloat_bytes is an estimate from "
    "PostgreSQL's statistics: the dead rows' share of the table.",
    examples=(
        Example("eosctl outbox status", "Is the outbox well?"),
        Example("eosctl outbox status --max-age 30s --watch", "With a narrow limit, drawn again and again."),
    ),
)
