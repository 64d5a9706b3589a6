"""`undo --force` of moves of offsets: the way back from wherever the group is now."""

from dataclasses import replace

from eosctl.core.errors import Notice, OperationFailed, UsageError
from eosctl.core.plan import Plan, Step
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.steps.offsets import MoveOffsets, OffsetMove
from eosctl.operations.offsets_activity import TableWatch
from eosctl.operations.offsets_safety import refuse_unsafe
from eosctl.operations.offsets_seen import OffsetsSeen, stored_offsets
from eosctl.ports import Gateways

_LATELY_MS = 60_000


def forced(gateways: Gateways, plan: Plan) -> Plan:
    """The plan with what is there now as what it expects. A group with members or busy rows is still refused.

    Raises UsageError (`no_force`) for a change that is no move of offsets, Refused as a move does.
    """
    steps: list[Step] = []
    overrun: list[str] = []
    for step in plan.steps:
        if not isinstance(step, MoveOffsets):
            raise UsageError("no_force", f"{plan.operation} can't be forced back.",
                             why="Only offsets can be set from wherever they are.",
                             hint="Leave --force away.")  # fmt: skip
        rebased = _rebased(gateways, step)
        pairs = zip(step.moves, rebased.moves, strict=True)
        overrun += [
            f"{new.place} is at {'no offset' if new.expects_offset is None else new.expects_offset}"
            for old, new in pairs if new.expects_offset not in (old.expects_offset, old.offset)
        ]  # fmt: skip
        steps.append(rebased)
    if not overrun:
        return replace(plan, steps=tuple(steps))
    more = f" and {len(overrun) - 1} more" if len(overrun) > 1 else ""
    moved = Notice("moved_on", f"The group moved on since: {overrun[0]}{more}.",
                   "What it processed since is processed again, or was never processed.")  # fmt: skip
    return replace(plan, steps=tuple(steps), warnings=(*plan.warnings, moved))


def _rebased(gateways: Gateways, step: MoveOffsets) -> MoveOffsets:
    if step.mapping is not None:
        rows = stored_offsets(gateways, step.mapping, [step.group])
        watched = TableWatch(gateways, step.mapping, step.group, look_back=False).look()
        refuse_unsafe(OffsetsSeen(mapping=step.mapping, activity=watched), step.group, idle_ms=_LATELY_MS)
        rows = stored_offsets(gateways, step.mapping, [step.group])
        table = rows.get(step.group, {})
        return replace(step, moves=tuple(replace(one, expects_offset=table.get(_at(one))) for one in step.moves))
    described, answer = gateways.groups.describe([step.group]), gateways.groups.committed([step.group])
    for failure in (*described.failures, *answer.failures):
        raise OperationFailed(failure.code, failure.message, hint=failure.hint)
    refuse_unsafe(OffsetsSeen(descriptions={one.group: one for one in described.items}), step.group, idle_ms=0)
    kafka = next((one.offsets for one in answer.items), {})
    moves: list[OffsetMove] = []
    for one in step.moves:
        now = kafka.get(_at(one))
        moves.append(replace(one, expects_offset=now.offset if now else None, expects_leader_epoch=now.leader_epoch
                             if now else None, expects_metadata=now.metadata if now else ""))  # fmt: skip
    return replace(step, moves=tuple(moves))


def _at(move: OffsetMove) -> TopicPartition:
    return TopicPartition(move.topic, move.partition)
