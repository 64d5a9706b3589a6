"""`offsets seek`: exact offsets, checked against the log."""

from collections.abc import Sequence

from eosctl.core.errors import UsageError
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import param
from eosctl.core.plan import Plan
from eosctl.core.report import Report
from eosctl.domain.kafka import TopicPartition
from eosctl.operations.offsets_costs import seen_with_costs
from eosctl.operations.offsets_move import plan_move, restart_words
from eosctl.operations.offsets_safety import MoveParams, MoveSeen, look_at_group
from eosctl.operations.receipts import StepRow, step_rows
from eosctl.ports import Gateways


class OffsetsSeekParams(MoveParams):
    """Where to."""

    to: tuple[str, ...] = param(help="TOPIC:PARTITION=OFFSET, one or more", positional=True, metavar="PLACE=OFFSET...")


def places(words: Sequence[str]) -> dict[TopicPartition, int]:
    """`TOPIC:PARTITION=OFFSET` read. Raises UsageError (`bad_place`, `named_twice`)."""
    found: dict[TopicPartition, int] = {}
    for word in words:
        place, _, offset = word.partition("=")
        topic, _, partition = place.rpartition(":")
        if not topic or not partition.isdecimal() or not offset.isdecimal():
            raise UsageError("bad_place", f"{word!r} is not TOPIC:PARTITION=OFFSET.", hint="Write orders:0=1200.")
        at = TopicPartition(topic, int(partition))
        if at in found:
            raise UsageError("named_twice", f"{at} is named twice.")
        found[at] = int(offset)
    return found


def observe(gateways: Gateways, params: OffsetsSeekParams) -> MoveSeen:
    """The group and the logs of the named partitions."""
    targets = places(params.to)
    seen = look_at_group(gateways, params, tuple(targets), allow_new=params.allow_new)
    return seen_with_costs(gateways, params, seen, targets)


def plan(snapshot: MoveSeen, params: OffsetsSeekParams) -> Plan:
    """Refuses what is out of range rather than clamping it."""
    return plan_move(OPERATION.name, snapshot, params, clamp=False)


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """A row a store."""
    return Report(step_rows(receipts), StepRow, text="", summary=restart_words(tuple(receipts)))


OPERATION = Change(
    name="offsets.seek",
    summary="Set exact offsets",
    params=OffsetsSeekParams,
    result=StepRow,
    needs=("kafka",),
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="Offsets are the next to read, whatever the table means. An offset outside of the log is refused.",
    examples=(Example("eosctl offsets seek orders payments:0=1200 --dry-run", "Back to one record."),),
)
