"""`outbox init`: makes the table with its indexes, and the trigger that wakes the relay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eosctl.core.errors import Notice, Refused
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import param
from eosctl.core.plan import Plan
from eosctl.core.report import Report
from eosctl.domain.outbox import (
    OutboxMapping,
    differences,
    has_poll_index,
    has_published_index,
    quoted,
    require_marking,
)
from eosctl.domain.steps.outbox import PARTS, CreateOutboxPart, part_name, statements_of
from eosctl.domain.tables import TableCatalogue
from eosctl.operations.outbox_table import OutboxParams, wished_mapping
from eosctl.operations.receipts import StepRow, step_rows
from eosctl.ports import Gateways


class OutboxInitParams(OutboxParams):
    """What to make."""

    notify: bool = param(False, help="Also make a trigger that wakes the relay by NOTIFY")
    print: bool = param(False, help="Print the statements for all of it instead of running them")


@dataclass(frozen=True)
class OutboxDdl:
    """Statements in the order in which to run them; the indexes outside of a transaction."""

    table: str
    statements: tuple[str, ...]


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
    mapping = replace(mapping, table=catalogue.table)
    triggers = gateways.database.query("outbox_triggers", {"name": quoted(mapping.table)})
    return InitSnapshot(mapping, catalogue, tuple(triggers))


def plan(snapshot: InitSnapshot, params: OutboxInitParams) -> Plan:
    """What is missing, in order. An existing table is left as it is.

    Raises Refused (`other_columns`, `not_a_table`) for one of that name that is something else.
    """
    mapping, table = snapshot.mapping, snapshot.mapping.table
    if snapshot.catalogue is not None:
        _check_fits(snapshot.catalogue, mapping)
    wanted = [part for part in PARTS if (part != "trigger" or params.notify) and not _exists(snapshot, part)]
    if snapshot.catalogue is not None and snapshot.catalogue.kind == "partitioned" and set(wanted) - {"trigger"}:
        raise Refused(
            "partitioned",
            f"{table} is partitioned and lacks {', '.join(wanted)}.",
            why="PostgreSQL makes no index of a partitioned table CONCURRENTLY, and any other way locks writers out.",
            hint="Make it partition by partition; `eosctl outbox init --print` shows the columns.",
        )
    warnings: tuple[Notice, ...] = ()
    if params.notify:
        warnings = (
            Notice(
                "notify_serialises",
                "PostgreSQL lets transactions that NOTIFY commit one after another.",
                "Leave --notify out where thousands of transactions a second write events; the relay polls as well.",
            ),
        )
    steps = tuple(CreateOutboxPart(mapping=mapping, part=part, name=part_name(table, part)) for part in wanted)
    return Plan(operation="outbox.init", summary=f"Make the outbox {table}", steps=steps, warnings=warnings)


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """A row a step."""
    return Report(step_rows(receipts), StepRow, text="")


def preview(gateways: Gateways, params: OutboxInitParams) -> Report | None:
    """With `--print` the statements, each ended by a semicolon; nothing is connected to."""
    if not params.print:
        return None
    mapping = wished_mapping(gateways, params.table)
    require_marking(mapping)
    texts = [
        gateways.database.text(name, identifiers=identifiers)
        for part in PARTS
        if part != "trigger" or params.notify
        for name, identifiers in statements_of(mapping, part)
    ]
    script = "\n\n".join(f"{text};" for text in texts)
    ddl = OutboxDdl(str(mapping.table), tuple(texts))
    return Report(ddl, OutboxDdl, text=script, summary="Printed; nothing was changed.")


def _check_fits(catalogue: TableCatalogue, mapping: OutboxMapping) -> None:
    if catalogue.kind not in ("table", "partitioned"):
        raise Refused(
            "not_a_table", f"{mapping.table} is a {catalogue.kind}.", hint="Choose another name with --table."
        )
    found = differences(catalogue, mapping)
    if found:
        raise Refused(
            "other_columns",
            f"A table {mapping.table} exists, and it is no outbox of this mapping: {'; '.join(found)}.",
            why=f"It has {', '.join(one.name for one in catalogue.columns)}.",
            hint="Map its columns in the profile's tables.outbox, or choose another name with --table.",
        )


def _exists(snapshot: InitSnapshot, part: str) -> bool:
    catalogue, mapping = snapshot.catalogue, snapshot.mapping
    if catalogue is None:
        return False
    match part:
        case "poll_index":
            return has_poll_index(catalogue, mapping)
        case "published_index":
            return has_published_index(catalogue, mapping)
        case "aggregate_index":
            aggregate = (mapping.aggregate_type, mapping.aggregate_id)
            return any(one.valid and one.columns[:2] == aggregate for one in catalogue.indexes)
        case "trigger":
            return any(one["notifies"] for one in snapshot.triggers)
        case _:
            return True


OPERATION = Change(
    name="outbox.init",
    summary="Make an outbox table, its indexes, and the trigger that wakes the relay",
    params=OutboxInitParams,
    result=StepRow,
    needs=("database",),
    observe=observe,
    plan=plan,
    outcome=outcome,
    preview=preview,
    details="What exists is left alone: run it again to add a missing index or the trigger. A table of that name with "
    "other columns is refused. Indexes are made CONCURRENTLY, so writers are not locked out: one for the relay, one "
    "for an aggregate's events, one for the purge.",
    examples=(
        Example("eosctl outbox init --notify", "The usual table `outbox`, with a trigger that wakes the relay."),
        Example("eosctl outbox init --table shop.outbox --dry-run", "What would be made in another schema."),
        Example("eosctl outbox init --print", "The statements, for a migration of your own."),
    ),
)
