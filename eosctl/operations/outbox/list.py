"""`outbox list`: events with their state, error and the beginning of their payload."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eosctl.core.errors import UsageError
from eosctl.core.operation import Example, Query
from eosctl.core.params import param
from eosctl.core.report import Report, column
from eosctl.domain.outbox import OutboxMapping, require_marking
from eosctl.operations.outbox_table import OutboxParams, found_table, rows
from eosctl.ports import Gateways

_PREVIEW = 60


class OutboxListParams(OutboxParams):
    """Which events."""

    pending: bool = param(False, help="Only unpublished events, the oldest first")
    failed: bool = param(False, help="Only events that have used up their retries")
    aggregate: str | None = param(None, help="Only of this aggregate: ID, or TYPE/ID", examples=("order/4711",))
    limit: int = param(50, help="At most so many events", ge=1, le=100_000)


@dataclass(frozen=True)
class OutboxRow:
    """One event; `payload` is its beginning."""

    id: str
    state: str
    aggregate: str
    event_type: str
    created_at: datetime
    published_at: datetime | None = field(metadata=column(wide=True))
    retry_count: int = field(metadata=column("retries"))
    last_error: str | None = field(metadata=column("error"))
    payload: str | None = field(metadata=column("payload"))


def observe(gateways: Gateways, params: OutboxListParams) -> tuple[OutboxMapping, tuple[Mapping[str, Any], ...]]:
    """Unpublished events by the poll index; all by creation time, the newest first."""
    if params.pending and params.failed:
        raise UsageError("bad_parameter", "--pending and --failed exclude each other.", hint="Failed ones are pending.")
    mapping = found_table(gateways, params.table).mapping
    require_marking(mapping)
    kind, _, aggregate_id = (params.aggregate or "").rpartition("/")
    found = rows(
        gateways,
        "outbox_list_pending" if params.pending or params.failed else "outbox_list",
        mapping,
        min_retries=mapping.max_retries if params.failed else 0,
        aggregate_id=aggregate_id or None,
        aggregate_type=kind or None,
        limit=params.limit,
        preview=_PREVIEW + 1,
    )
    return mapping, tuple(found)


def report(snapshot: tuple[OutboxMapping, tuple[Mapping[str, Any], ...]], params: OutboxListParams) -> Report:
    """A row an event."""
    mapping, found = snapshot
    listed = tuple(
        OutboxRow(
            one["id"],
            _state(one, mapping.max_retries),
            f"{one['aggregate_type']}/{one['aggregate_id']}",
            one["event_type"],
            one["created_at"],
            one["published_at"],
            one["retry_count"],
            one["last_error"],
            _preview(one["payload"]),
        )
        for one in found
    )
    more = f"The first {params.limit}; see more with --limit." if len(listed) == params.limit else ""
    return Report(listed, OutboxRow, summary=more if listed else "There is no such event.")


def _state(row: Mapping[str, Any], max_retries: int) -> str:
    if row["published_at"] is not None:
        return "published"
    return "failed" if row["retry_count"] >= max_retries else "pending"


def _preview(payload: str | None) -> str | None:
    if payload is None or len(payload) <= _PREVIEW:
        return payload
    return payload[: _PREVIEW - 1] + "…"


OPERATION = Query(
    name="outbox.list",
    summary="List events with their state, error and the beginning of their payload",
    params=OutboxListParams,
    result=OutboxRow,
    needs=("database",),
    observe=observe,
    report=report,
    examples=(
        Example("eosctl outbox list --failed", "What does not go out, and why."),
        Example("eosctl outbox list --aggregate order/4711", "The events of one aggregate."),
    ),
)
