"""`outbox init`: makes the table with its indexes, and the trigger that wakes the relay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eosctl.core.errors import Notice
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import param
from eosctl.core.plan import Plan
from eosctl.core.report import Report
from eosctl.domain.outbox import OutboxMapping, checked, quoted, require_marking
from eosctl.domain.steps.outbox import CreateOutboxPart
from eosctl.domain.tables import TableCatalogue
from eosctl.operations.outbox_table import OutboxParams, wished_mapping
from eosctl.operations.receipts import StepRow, step_rows
from eosctl.ports import Gateways

_NAME_LIMIT_BYTES = 63


class OutboxInitParams(OutboxParams):
    """What to make."""

    notify: bool = param(False, help="Also make a trigger that wakes the relay by NOTIFY")


@dataclass(frozen=True)
class InitSnapshot:
    """What there is."""

    mapping: OutboxMapping
    catalogue: TableCatalogue | None
    triggers: tuple[Mapping[str, Any], ...]


def observe(gateways: Gateways, params: OutboxInitParams) -> InitSnapshot:
    """The table, its indexes and triggers, as far as they exist."""
    mapping = wished_mapping(gateways, params.table)
    require_marking(mapping)
    catalogue = gateways.database.describe_table(mapping.table)
    if catalogue is None:
        return InitSnapshot(mapping, None, ())
    mapping = checked(catalogue, mapping)
    triggers = gateways.database.query("outbox_triggers", {"name": quoted(mapping.table)})
    return InitSnapshot(mapping, catalogue, tuple(triggers))


def plan(snapshot: InitSnapshot, params: OutboxInitParams) -> Plan:
    """What is missing, in order. An existing table is left as it is; missing columns are an error of the mapping."""
    mapping, catalogue = snapshot.mapping, snapshot.catalogue
    table = mapping.table
    wanted = []
    if catalogue is None:
        wanted.append(("table", str(table)))
    if catalogue is None or not has_poll_index(catalogue, mapping):
        wanted.append(("poll_index", _object_name(table.name, "pending")))
    aggregate = (mapping.aggregate_type, mapping.aggregate_id)
    if catalogue is None or not any(one.columns[:2] == aggregate for one in catalogue.indexes):
        wanted.append(("aggregate_index", _object_name(table.name, "aggregate")))
    warnings: tuple[Notice, ...] = ()
    if params.notify:
        if not any(one["notifies"] for one in snapshot.triggers):
            wanted.append(("trigger", _object_name(table.name, "notify")))
        warnings = (
            Notice(
                "notify_serialises",
                "PostgreSQL lets transactions that NOTIFY commit one after another.",
                "Leave --notify out where thousands of transactions a second write events; the relay polls as well.",
            ),
        )
    steps = tuple(CreateOutboxPart(mapping=mapping, part=part, name=name) for part, name in wanted)
    return Plan(operation="outbox.init", summary=f"Make the outbox {table}", steps=steps, warnings=warnings)


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """A row a step."""
    return Report(step_rows(receipts), StepRow, text="")


def has_poll_index(catalogue: TableCatalogue, mapping: OutboxMapping) -> bool:
    """Whether a valid partial index begins with the creation time and covers pending rows only."""
    return any(
        one.valid and one.columns[:1] == (mapping.created_at,) and "IS NULL" in (one.predicate or "")
        for one in catalogue.indexes
    )


def _object_name(table: str, suffix: str) -> str:
    room = _NAME_LIMIT_BYTES - len(suffix) - 1
    return f"{table.encode()[:room].decode(errors='ignore')}_{suffix}"


OPERATION = Change(
    name="outbox.init",
    summary="Make an outbox table, its indexes, and the trigger that wakes the relay",
    params=OutboxInitParams,
    result=StepRow,
    needs=("database",),
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="What exists is left alone: run it again to add a missing index or the trigger. Indexes are made "
    "CONCURRENTLY, so writers are not locked out.",
    examples=(
        Example("eosctl outbox init --notify", "The usual table `outbox`, with a trigger that wakes the relay."),
        Example("eosctl outbox init --table shop.outbox --dry-run", "What would be made in another schema."),
    ),
)
