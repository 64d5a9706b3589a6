"""`offsets import`: moves every group of a file to where the file says."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from eosctl.core.counts import counted
from eosctl.core.errors import Notice, UsageError
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import DurationMs, Params, param
from eosctl.core.plan import Plan, Step
from eosctl.core.report import Report
from eosctl.domain.steps.offsets import MoveOffsets
from eosctl.operations.offsets_costs import is_file, seen_with_costs
from eosctl.operations.offsets_from_file import read_offsets, wishes
from eosctl.operations.offsets_move import move_steps, restart_words
from eosctl.operations.offsets_safety import MoveParams, MoveSeen, look_at_group
from eosctl.operations.receipts import StepRow, step_rows
from eosctl.ports import Gateways


class OffsetsImportParams(Params):
    """Which file, into which store."""

    file: str = param(help="CSV or JSON, as `offsets export` writes it", positional=True, complete="file")
    group: str = param("", help="Whose lines without a group are", complete="group")
    store: str = param("kafka", help="Where offsets are kept [kafka|db|both]", pattern="^(kafka|db|both)$")
    table: str = param("", help="A mapping's name in the profile's tables.offsets, or a table")
    wait_empty: DurationMs = param(0, help="Wait so long for members to leave and for the table's rows to be quiet")
    table_idle: DurationMs = param(60_000, help="Rows of the table must be unchanged for so long; 0s: do not look")
    allow_new: bool = param(False, help="Also groups and partitions without an offset")
    sample: int = param(10_000, help="Look at so many offsets at most to say what it costs; 0: count only", ge=0)
    save_skipped: str = param(
        "", help="Keep skipped records: a new .jsonl file (one a group, where there are several), or a topic",
        metavar="FILE|TOPIC",
    )  # fmt: skip

    def of(self, group: str, *, alone: bool) -> MoveParams:
        """The same wish for one group of the file."""
        kept = self.save_skipped if alone or not is_file(self.save_skipped) else _file_of(self.save_skipped, group)
        return MoveParams(group=group, store=self.store, table=self.table, wait_empty=self.wait_empty,
                          table_idle=self.table_idle, allow_new=self.allow_new, sample=self.sample,
                          save_skipped=kept)  # fmt: skip


def _file_of(name: str, group: str) -> str:
    """`kept/skipped.jsonl` for the group `a/b`: `kept/skipped-a%2Fb.jsonl`."""
    path = Path(name)
    return str(path.with_name(f"{path.stem}-{quote(group, safe='')}{path.suffix}"))


@dataclass(frozen=True)
class ImportSeen:
    """Each group's move, and what was said of the file."""

    moves: dict[str, MoveSeen]
    notices: tuple[Notice, ...] = ()


def observe(gateways: Gateways, params: OffsetsImportParams) -> ImportSeen:
    """The whole file is read before any group is looked at. Raises UsageError (`bad_offsets_file`)."""
    file, notices = read_offsets(gateways, params.file, params.group)
    moves = {}
    groups = tuple(dict.fromkeys(one.group for one in file.offsets))
    for group in groups:
        mine, found = (
            params.of(group, alone=len(groups) == 1),
            wishes(one for one in file.offsets if one.group == group),
        )
        seen = look_at_group(gateways, mine, found.places, allow_new=params.allow_new)
        moves[group] = seen_with_costs(
            gateways, mine, seen, found.targets, table_targets=found.table_targets, metadata=found.metadata
        )
    return ImportSeen(moves, notices)


def plan(snapshot: ImportSeen, params: OffsetsImportParams) -> Plan:
    """Nothing is planned unless every group can be moved."""
    steps: list[Step] = []
    notices = list(snapshot.notices)
    for group, move in snapshot.moves.items():
        several = len(snapshot.moves) > 1
        mine, said = move_steps(move, params.of(group, alone=not several), clamp=True)
        steps += mine
        notices += [Notice(one.code, f"{group}: {one.message}", one.hint) if several else one for one in said]
    groups = len({one.group for one in steps if isinstance(one, MoveOffsets)})
    first = next(iter(snapshot.moves.values()), None)
    if first is None:
        raise UsageError("bad_offsets_file", f"{params.file} holds no offsets.")
    return Plan(
        operation=OPERATION.name,
        summary=f"Move {counted(groups, 'group')} to where {params.file} says",
        steps=tuple(steps),
        target=first.target,
        warnings=tuple(notices),
    )


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """A row a group and store."""
    return Report(step_rows(receipts), StepRow, text="", summary=restart_words(tuple(receipts)))


OPERATION = Change(
    name="offsets.import",
    summary="Move groups to where a file says",
    params=OffsetsImportParams,
    result=StepRow,
    needs=("kafka",),
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="Reads what kafka-consumer-groups.sh --export and `eosctl offsets export` write. A bad line is told with "
    "its line and column, and nothing is applied. Out of range is clamped, as Kafka's tool does it, and said.",
    examples=(Example("eosctl offsets import orders.csv --group orders --dry-run", "What a file would change."),),
)
