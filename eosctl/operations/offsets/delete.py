"""`offsets delete`: forgets a group's offsets of topics that it no longer reads."""

from collections.abc import Sequence

from eosctl.core.errors import Notice, UsageError, did_you_mean
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import param
from eosctl.core.plan import Plan, Step
from eosctl.core.report import Report
from eosctl.domain.steps.offsets import MoveOffsets, OffsetMove
from eosctl.operations.offsets_safety import (
    GroupParams,
    MoveSeen,
    look_at_group,
    refuse_unsafe,
    stores_of,
    target_of,
)
from eosctl.operations.receipts import StepRow, step_rows
from eosctl.ports import Gateways


class OffsetsDeleteParams(GroupParams):
    """Which topics."""

    topic: tuple[str, ...] = param(help="A topic; repeatable", complete="topic", min_length=1)


def observe(gateways: Gateways, params: OffsetsDeleteParams) -> MoveSeen:
    """The group in the stores that are meant."""
    seen = look_at_group(gateways, params)
    return MoveSeen(seen, {}, target_of(gateways, params.store))


def plan(snapshot: MoveSeen, params: OffsetsDeleteParams) -> Plan:
    """Raises UsageError (`no_offset`) for a topic on which the group has none."""
    refuse_unsafe(snapshot.seen, params.group, idle_ms=params.table_idle)
    places = snapshot.seen.places(params.group)
    for topic in params.topic:
        known = {one.topic for one in places}
        if topic not in known:
            raise UsageError("no_offset", f"{params.group} has no offset on {topic!r}.",
                             hint=did_you_mean(topic, known))  # fmt: skip
    steps: list[Step] = []
    kafka, table = snapshot.seen.kafka.get(params.group, {}), snapshot.seen.table.get(params.group, {})
    for mapping in stores_of(snapshot.seen, params.store):
        moves = []
        for at in places:
            now = kafka.get(at) if mapping is None else None
            current = (now.offset if now else None) if mapping is None else table.get(at)
            if at.topic in params.topic and current is not None:
                moves.append(OffsetMove(topic=at.topic, partition=at.partition, expects_offset=current, offset=None,
                                        expects_leader_epoch=now.leader_epoch if now else None,
                                        expects_metadata=now.metadata if now else ""))  # fmt: skip
        if moves:
            steps.append(MoveOffsets(group=params.group, moves=tuple(moves), mapping=mapping))
    return Plan(
        operation=OPERATION.name,
        summary=f"Forget the offsets of {params.group} on {', '.join(params.topic)}",
        steps=tuple(steps),
        target=snapshot.target,
        warnings=(*snapshot.seen.notices, *_evidence(snapshot, params, steps)),
    )


def _evidence(snapshot: MoveSeen, params: OffsetsDeleteParams, steps: list[Step]) -> tuple[Notice, ...]:
    activity = snapshot.seen.activity
    touched = any(isinstance(one, MoveOffsets) and one.mapping for one in steps)
    return (activity.notice(params.group),) if activity and touched else ()


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """A row a store."""
    text = "A consumer that comes back begins where auto.offset.reset says."
    return Report(step_rows(receipts), StepRow, text="", summary=text)


OPERATION = Change(
    name="offsets.delete",
    summary="Forget a group's offsets of a topic",
    params=OffsetsDeleteParams,
    result=StepRow,
    needs=("kafka",),
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="For what is left behind when a group stops reading a topic. A group with members is refused (exit 7).",
    examples=(Example("eosctl offsets delete orders --topic old-payments --dry-run", "What would be forgotten."),),
)
