"""`dedup init`: makes a dedup table in one of three layouts, or prints its DDL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from eosctl.core.errors import Notice
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import param
from eosctl.core.plan import Plan, Step
from eosctl.core.report import Report
from eosctl.domain.dedup import DedupMapping
from eosctl.domain.dedup_layout import (
    DAY_COLUMN,
    DayPartition,
    Layout,
    day_partition_name,
    for_layout,
    missing_days,
    object_name,
    require_same,
)
from eosctl.domain.steps.dedup import CreateDayPartition, CreateDedupTable, CreateTimeIndex
from eosctl.domain.tables import TableCatalogue, TableName
from eosctl.operations.dedup_table import DedupParams, partitions_of, wished_mapping
from eosctl.operations.receipts import StepRow, step_rows
from eosctl.ports import Gateways

GIVES_UP = Notice(
    "partitioned_gives_up",
    f"The unique key of a partitioned table holds the day: a message that comes again on another {DAY_COLUMN} is not "
    "recognised.",
    f"Let the consumer set {DAY_COLUMN} from the record itself (its timestamp's day in UTC), never from its own clock.",
)


class DedupInitParams(DedupParams):
    """What to make."""

    layout: Layout = param(Layout.PLAIN, help="Keyed by id; by consumer group and id; or by id and day, partitioned")
    days_ahead: int = param(14, help="Partitions for so many days from today on (partitioned)", ge=0, le=366)
    print_ddl: bool = param(False, flags=("--print",), help="Print the DDL and change nothing")


@dataclass(frozen=True)
class InitSnapshot:
    """What there is, and which day it is for the server (UTC)."""

    mapping: DedupMapping
    catalogue: TableCatalogue | None
    partitions: tuple[DayPartition, ...]
    today: date


@dataclass(frozen=True)
class Ddl:
    """Statements in the order in which to run them."""

    table: str
    layout: Layout
    statements: tuple[str, ...]
    note: str


def observe(gateways: Gateways, params: DedupInitParams) -> InitSnapshot:
    """The table, its indexes and partitions, as far as they exist."""
    mapping = for_layout(wished_mapping(gateways, params.table), params.layout)
    catalogue = gateways.database.describe_table(mapping.table)
    partitions = partitions_of(gateways, mapping.table) if catalogue else ()
    today = gateways.database.query("purge_start", {"age_ms": 0})[0]["started_at"].date()
    return InitSnapshot(mapping, catalogue, partitions, today)


def plan(snapshot: InitSnapshot, params: DedupInitParams) -> Plan:
    """What is missing. Raises Refused (`other_table`) for a table of that name with other columns."""
    mapping, catalogue, layout = snapshot.mapping, snapshot.catalogue, params.layout
    index = object_name(mapping.table.name, str(mapping.processed_at))
    steps: list[Step] = []
    warnings = [GIVES_UP] if layout is Layout.PARTITIONED else []
    if catalogue is None:
        steps.append(CreateDedupTable(mapping=mapping, layout=layout, index=index))
    else:
        require_same(catalogue, mapping, layout)
        if not catalogue.leading_index(str(mapping.processed_at)):
            if layout is Layout.PARTITIONED:
                warnings.append(_index_by_hand(mapping))
            else:
                steps.append(CreateTimeIndex(mapping=mapping, name=index))
    if layout is Layout.PARTITIONED:
        steps += _partition_steps(snapshot, params.days_ahead)
    summary = f"Make the dedup table {mapping.table} ({layout})"
    return Plan(operation="dedup.init", summary=summary, steps=tuple(steps), warnings=tuple(warnings))


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """A row a step."""
    return Report(step_rows(receipts), StepRow, text="")


def preview(gateways: Gateways, params: DedupInitParams) -> Report | None:
    """The DDL as text, with --print; no server is asked."""
    if not params.print_ddl:
        return None
    mapping = for_layout(wished_mapping(gateways, params.table), params.layout)
    index = object_name(mapping.table.name, str(mapping.processed_at))
    names: dict[str, str | tuple[str, ...]] = {**mapping.identifiers(), "index": index, "day": DAY_COLUMN}
    text = gateways.database.text
    statements = [text(f"dedup_create_{params.layout.value}", identifiers=names),
                  text("dedup_create_index", identifiers=names)]  # fmt: skip
    note = ""
    if params.layout is Layout.PARTITIONED:
        statements += _partition_texts(gateways, mapping, names, params.days_ahead)
        note = f"{GIVES_UP.message} {GIVES_UP.hint}"
    comment = f"-- {GIVES_UP.message}\n-- {GIVES_UP.hint}\n" if note else ""
    shown = comment + "\n".join(f"{one};" for one in statements)
    ddl = Ddl(str(mapping.table), params.layout, tuple(statements), note)
    return Report(ddl, Ddl, text=shown, summary="Printed; nothing was changed.")


def _partition_steps(snapshot: InitSnapshot, days_ahead: int) -> list[Step]:
    mapping, have = snapshot.mapping, snapshot.partitions
    missing = missing_days(have, mapping.table.name, snapshot.today, days_ahead)
    steps: list[Step] = [CreateDayPartition(mapping=mapping, name=name, day=day.isoformat()) for name, day in missing]
    if all(one.until is not None for one in have):
        default = object_name(mapping.table.name, "default")
        steps.append(CreateDayPartition(mapping=mapping, name=default, day=None))
    return steps


def _partition_texts(gateways: Gateways, mapping: DedupMapping, names: Mapping[str, Any], days_ahead: int) -> list[str]:
    today = gateways.clock.now().date()
    table, text = mapping.table, gateways.database.text
    found = []
    for ahead in range(days_ahead + 1):
        day = today + timedelta(days=ahead)
        part = TableName(day_partition_name(table.name, day), table.schema)
        bounds = {"first": day.isoformat(), "until": (day + timedelta(days=1)).isoformat()}
        found.append(text("dedup_create_day", identifiers={**names, "day_table": part.parts}, literals=bounds))
    default = TableName(object_name(table.name, "default"), table.schema)
    return [*found, text("dedup_create_default", identifiers={**names, "day_table": default.parts})]


def _index_by_hand(mapping: DedupMapping) -> Notice:
    line = f"CREATE INDEX ON {mapping.table} ({mapping.processed_at});"
    return Notice("no_time_index", "The partitioned table has no index on its time column.", f"Make it: {line}")


OPERATION = Change(
    name="dedup.init",
    summary="Make a dedup table and its time index, or print the DDL",
    params=DedupInitParams,
    result=StepRow,
    needs=("database",),
    observe=observe,
    plan=plan,
    outcome=outcome,
    preview=preview,
    details="Run again it changes nothing, but adds the partitions of coming days; a table of that name with other "
    "columns is refused with the difference. plain: the id is the key. grouped: consumer group and id, for several "
    "groups in one database. partitioned: a partition a day, so that a purge drops whole days in no time; what it "
    f"gives up is that the key holds the day ({DAY_COLUMN}): a duplicate that comes with another day is missed, so the "
    "day must come from the record, not from the consumer's clock.",
    examples=(
        Example("eosctl dedup init", "The usual table processed_messages."),
        Example("eosctl dedup init --table shop.processed --layout grouped --print", "The DDL, for a migration."),
    ),
)
