"""`offsets diff`: Kafka against the table, partition by partition, and what to do."""

from dataclasses import dataclass, field

from eosctl.core.errors import Notice
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report, column
from eosctl.domain.offsets import Drift, drift
from eosctl.operations.offsets_seen import OffsetsSeen, look, require_known
from eosctl.ports import Gateways


class OffsetsDiffParams(Params):
    """Which group."""

    group: str = param(help="A group", positional=True, complete="group")
    table: str = param("", help="A mapping's name in the profile's tables.offsets, or a table")


@dataclass(frozen=True)
class DiffRow:
    """A partition in both stores; offsets are the next to read."""

    topic: str
    partition: int = field(metadata=column("p"))
    kafka_offset: int | None = field(metadata=column("kafka"))
    table_offset: int | None = field(metadata=column("table"))
    table_ahead_by: int | None
    drift: Drift


def observe(gateways: Gateways, params: OffsetsDiffParams) -> OffsetsSeen:
    """Both stores."""
    seen = look(gateways, [params.group], store="both", table=params.table)
    require_known(gateways, seen, params.group, store="both", table=params.table)
    return seen


def report(seen: OffsetsSeen, params: OffsetsDiffParams) -> Report:
    """Exit 3 on any drift."""
    kafka, table = seen.kafka.get(params.group, {}), seen.table.get(params.group, {})
    rows = []
    for at in seen.places(params.group):
        ours, theirs = kafka[at].offset if at in kafka else None, table.get(at)
        ahead = theirs - ours if ours is not None and theirs is not None else None
        rows.append(DiffRow(at.topic, at.partition, ours, theirs, ahead, drift(ours, theirs, seen.logs.get(at))))
    drifted = [one for one in rows if one.drift is not Drift.EQUAL]
    code = ExitCode.PARTLY_DONE if seen.failures else ExitCode.PROBLEM if drifted else ExitCode.DONE
    return Report(
        tuple(rows),
        DiffRow,
        exit_code=code,
        warnings=(*seen.notices, *_advice(seen, params.group, rows)),
        errors=seen.failures,
        summary="" if drifted or not rows else "Both stores agree.",
    )


def _advice(seen: OffsetsSeen, group: str, rows: list[DiffRow]) -> tuple[Notice, ...]:
    if not any(one.drift is not Drift.EQUAL for one in rows):
        return ()
    if seen.mapping and not seen.table.get(group):
        text = f"{seen.mapping.table} has no row of {group!r}: it may keep no offsets there, or under another name."
        return (Notice("no_rows", text),)
    ahead = {one.table_ahead_by for one in rows}
    means = seen.mapping.offset_means.value if seen.mapping else ""
    text = f"Every partition is off by one, and the table is read as {means}."
    if ahead in ({1}, {-1}):
        return (Notice("off_by_one", text,
                       "Check offset_means in the profile before moving anything."),)  # fmt: skip
    return (Notice("drift", f"The table is the truth for {group} when it is written with the data in one transaction.",
                   f"Then: eosctl offsets reset {group} --all-topics --store kafka --to-store db"),)  # fmt: skip


OPERATION = Query(
    name="offsets.diff",
    summary="Compare a group's offsets in Kafka and in the table",
    params=OffsetsDiffParams,
    result=DiffRow,
    needs=("kafka", "database"),
    observe=observe,
    report=report,
    details="Exit 3 on drift. Table offsets are converted by the mapping's offset_means before they are compared.",
    examples=(Example("eosctl offsets diff orders", "Do Kafka and the table agree?"),),
)
