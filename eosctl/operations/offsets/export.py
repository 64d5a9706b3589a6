"""`offsets export`: offsets as text that kafka-consumer-groups.sh --from-file reads, or as JSON with more."""

from typing import Literal

from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report
from eosctl.domain.offset_files import KeptOffset, csv_text
from eosctl.operations.offsets_kept import kept_offsets, look_at_groups
from eosctl.operations.offsets_seen import OffsetsSeen
from eosctl.ports import Gateways


class OffsetsExportParams(Params):
    """Which groups."""

    group: tuple[str, ...] = param(
        help="Groups, or patterns with * and ?", positional=True, complete="group", metavar="GROUP...", min_length=1
    )
    store: Literal["kafka", "db", "both"] = param("kafka", help="Where offsets are kept")
    table: str = param("", help="A mapping's name in the profile's tables.offsets, or a table")
    topic: tuple[str, ...] = param((), help="Only this topic; repeatable", complete="topic")


def observe(gateways: Gateways, params: OffsetsExportParams) -> OffsetsSeen:
    """Raises UsageError (`unknown_group`)."""
    return look_at_groups(gateways, params.group, store=params.store, table=params.table)


def report(seen: OffsetsSeen, params: OffsetsExportParams) -> Report:
    """CSV as Kafka's tool has it; exit 5 when a group could not be read."""
    kept = kept_offsets(seen, params.topic)
    return Report(
        kept,
        KeptOffset,
        exit_code=ExitCode.PARTLY_DONE if seen.failures else ExitCode.DONE,
        warnings=seen.notices,
        errors=seen.failures,
        text=csv_text(kept),
        summary="" if kept else "No offset is stored.",
    )


OPERATION = Query(
    name="offsets.export",
    summary="Write offsets as CSV for kafka-consumer-groups.sh, or as JSON",
    params=OffsetsExportParams,
    result=KeptOffset,
    needs=("kafka",),
    observe=observe,
    report=report,
    details="Without -o: `topic,partition,offset` for one group, `group,topic,partition,offset` for several, no "
    "heading, as kafka-consumer-groups.sh --from-file reads it. With -o json or -o csv: store, leader epoch and "
    "metadata too. `offsets import` and `offsets reset --to-file` read all of them.",
    examples=(
        Example("eosctl offsets export orders > orders.csv", "One group."),
        Example("eosctl offsets export 'billing-*' --store both -o json > billing.json", "Both stores of many groups."),
    ),
)
