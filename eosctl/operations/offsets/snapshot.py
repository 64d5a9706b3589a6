"""`offsets snapshot`: keeps where groups are, for before a deployment."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eosctl.core.durations import format_time
from eosctl.core.errors import PartlyDone, UsageError
from eosctl.core.operation import Action, Example
from eosctl.core.params import Params, param
from eosctl.core.report import Report
from eosctl.domain.offset_files import json_text
from eosctl.operations.offsets_kept import kept_offsets, look_at_groups
from eosctl.operations.offsets_safety import target_of
from eosctl.ports import Gateways


class OffsetsSnapshotParams(Params):
    """Which groups, and where to."""

    group: tuple[str, ...] = param(
        help="Groups, or patterns with * and ?", positional=True, complete="group", metavar="GROUP...", min_length=1
    )
    store: Literal["kafka", "db", "both"] = param("kafka", help="Where offsets are kept")
    table: str = param("", help="A mapping's name in the profile's tables.offsets, or a table")
    file: Path | None = param(None, help="A new JSON file; else it is kept by an id", complete="file")


@dataclass(frozen=True)
class SnapshotRow:
    """What was kept; `id` is "" for a file that was named."""

    id: str
    file: str
    groups: int
    offsets: int


def run(gateways: Gateways, params: OffsetsSnapshotParams) -> Report:
    """All or nothing. Raises PartlyDone (`snapshot_incomplete`) when a group could not be read, and keeps nothing."""
    if params.file is not None:
        gateways.offset_files.check_new(params.file)
    seen = look_at_groups(gateways, params.group, store=params.store, table=params.table)
    if seen.failures:
        raise PartlyDone("snapshot_incomplete", "Not every group could be read, so nothing was kept.",
                         why=seen.failures[0].message, hint=seen.failures[0].hint)  # fmt: skip
    kept = kept_offsets(seen)
    if not kept:
        raise UsageError("nothing_to_keep", "These groups have no offsets.", hint="See `eosctl offsets show '*'`.")
    now = gateways.clock.now()
    text = json_text(kept, taken_at=format_time(now), target=target_of(gateways, params.store))
    name, path = "", params.file
    if path is None:
        name = now.strftime("%Y%m%dT%H%M%S") + f"{now.microsecond // 1_000:03d}"
        path = gateways.offset_files.keep(name, text)
    else:
        gateways.offset_files.write(path, text)
    row = SnapshotRow(name, str(path), len({one.group for one in kept}), len(kept))
    back = f"Back to it with: eosctl offsets reset GROUP --to-snapshot {name or path}"
    return Report(row, SnapshotRow, summary=back, warnings=seen.notices)


OPERATION = Action(
    name="offsets.snapshot",
    summary="Keep where groups are, for before a deployment",
    params=OffsetsSnapshotParams,
    result=SnapshotRow,
    listing=False,
    needs=("kafka",),
    run=run,
    details="Kept in the state folder by an id, or in a new file. The file is JSON, a line an offset. Groups move "
    "while it is taken: each group's offsets are of one moment, those of several groups are not.",
    examples=(
        Example("eosctl offsets snapshot '*' --store both", "Before a deployment."),
        Example("eosctl offsets snapshot orders --file orders.json", "One group, in a file."),
    ),
)
