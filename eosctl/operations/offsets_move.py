"""What `offsets reset` and `offsets seek` share: safety, and from targets to a plan that says what a move costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from eosctl.core.errors import Notice, Refused, UsageError
from eosctl.core.operation import Receipt
from eosctl.core.params import DurationMs, Params, param
from eosctl.core.plan import Plan, Step
from eosctl.domain.kafka import GroupProtocol, TopicPartition
from eosctl.domain.offsets import OffsetsMapping, clamped
from eosctl.domain.steps.offsets import MoveOffsets, OffsetMove
from eosctl.operations.offsets_seen import OffsetsSeen, look, require_known, stored_offsets
from eosctl.ports import Gateways

_LOOK_EVERY_MS = 500
_SETTLE_MS = 1_000


class MoveParams(Params):
    """Whose offsets, where, how carefully."""

    group: str = param(help="A group", positional=True, complete="group")
    store: str = param("kafka", help="Where offsets are kept [kafka|db|both]", pattern="^(kafka|db|both)$")
    table: str = param("", help="A mapping's name in the profile's tables.offsets, or a table")
    wait_empty: DurationMs = param(0, help="Wait so long for the group's members to leave")
    allow_new: bool = param(False, help="Also a group or a partition without an offset")


@dataclass(frozen=True)
class MoveSeen:
    """Both stores and the wished next-to-read offset of each partition, not yet held against the log."""

    seen: OffsetsSeen
    targets: Mapping[TopicPartition, int]
    busy_rows: tuple[TopicPartition, ...] = ()
    target: Mapping[str, str] = field(default_factory=dict)


def look_at_group(gateways: Gateways, params: MoveParams, more: tuple[TopicPartition, ...] = ()) -> OffsetsSeen:
    """The group once its members have left, or when `wait_empty` is over. Raises UsageError (`unknown_group`)."""
    until = gateways.clock.monotonic_ms() + params.wait_empty
    while True:
        seen = look(gateways, [params.group], store=params.store, table=params.table, more=more)
        about = seen.descriptions.get(params.group)
        if about is None or not about.members or gateways.clock.monotonic_ms() >= until or gateways.stop.requested():
            break
        gateways.clock.sleep_ms(_LOOK_EVERY_MS)
    if not params.allow_new:
        require_known(gateways, seen, params.group, store=params.store, table=params.table)
    return seen


def target_of(gateways: Gateways, params: MoveParams) -> Mapping[str, str]:
    """The servers of the stores that are moved; Kafka's log is always looked at."""
    return gateways.target(("kafka",) if params.store == "kafka" else ("kafka", "database"))


def stores_of(seen: OffsetsSeen, params: MoveParams) -> tuple[OffsetsMapping | None, ...]:
    """The stores in the order in which they are moved: the table's mapping, None for Kafka."""
    return (*((seen.mapping,) if params.store != "kafka" else ()), *((None,) if params.store != "db" else ()))


def busy_rows(gateways: Gateways, seen: OffsetsSeen, group: str) -> tuple[TopicPartition, ...]:
    """Rows of the table that changed within a second: a consumer that keeps its own offsets still runs."""
    if seen.mapping is None:
        return ()
    gateways.clock.sleep_ms(_SETTLE_MS)
    again = stored_offsets(gateways, seen.mapping, [group]).get(group, {})
    before = seen.table.get(group, {})
    return tuple(sorted(at for at in {*again, *before} if again.get(at) != before.get(at)))


def plan_move(operation: str, move: MoveSeen, params: MoveParams, *, clamp: bool) -> Plan:
    """The table first, then Kafka, so that a stop between leaves the truth moved. Raises Refused and UsageError."""
    refuse_unsafe(move, params)
    final, clamps = _within_logs(move, clamp=clamp)
    steps: list[Step] = []
    for mapping in stores_of(move.seen, params):
        moves = _moves(move.seen, params, final, mapping)
        if moves:
            steps.append(MoveOffsets(group=params.group, moves=moves, mapping=mapping))
    moved = len({one.place for step in steps if isinstance(step, MoveOffsets) for one in step.moves})
    return Plan(
        operation=operation,
        summary=f"Move {params.group} on {moved} partition{'s' if moved != 1 else ''}",
        steps=tuple(steps),
        target=move.target,
        warnings=(*clamps, *_costs(move.seen, params.group, final), *_restart(params)),
    )


def refuse_unsafe(move: MoveSeen, params: MoveParams) -> None:
    """Raises Refused for a protocol of another API, for members, for rows that a running consumer changes."""
    about = move.seen.descriptions.get(params.group)
    if about is not None and about.protocol in (GroupProtocol.SHARE, GroupProtocol.STREAMS):
        raise Refused("group_protocol", f"{params.group!r} is a {about.protocol} group.",
                      why="Its offsets are kept by another API, which the clients in use do not have.",
                      hint="Use kafka-share-groups.sh or kafka-streams-groups.sh.")  # fmt: skip
    if about is not None and about.members:
        who = ", ".join(f"{one.client_id} on {one.host}" for one in about.members[:5])
        more = f" and {len(about.members) - 5} more" if len(about.members) > 5 else ""
        raise Refused("group_active", f"{params.group!r} has active members: {who}{more}.",
                      why="They would commit over the change.",
                      hint="Stop its consumers first, or give --wait-empty 2m.")  # fmt: skip
    if move.busy_rows:
        raise Refused("table_active", f"The table's row for {move.busy_rows[0]} changed while it was looked at.",
                      why="A consumer that keeps its own offsets still runs.", hint="Stop it first.")  # fmt: skip


def restart_words(receipts: tuple[Receipt, ...]) -> str:
    """What is true afterwards, also when it stopped between the stores."""
    done = [
        one.step.store for one in receipts if isinstance(one.step, MoveOffsets) and one.status in ("done", "skipped")
    ]
    left = [one.step.store for one in receipts if isinstance(one.step, MoveOffsets) and one.step.store not in done]
    if left:
        return f"Moved: {', '.join(done) or 'nothing'}; not moved: {', '.join(left)}. Running it again completes it."
    return "Start the group's consumers: they begin there."


def _within_logs(move: MoveSeen, *, clamp: bool) -> tuple[dict[TopicPartition, int], list[Notice]]:
    final, notices = {}, []
    for at, wished in sorted(move.targets.items()):
        log = move.seen.logs.get(at)
        if log is None:
            count = move.seen.counts.get(at.topic)
            why = (
                f"{at.topic} has {count} partitions, numbered from 0." if count else f"There is no topic {at.topic!r}."
            )
            raise UsageError("unknown_partition", f"{at} does not exist or has no leader.", why=why)
        final[at] = clamped(wished, log)
        if final[at] != wished and not clamp:
            raise UsageError("offset_out_of_range", f"{at} has no offset {wished}.",
                             why=f"Its log goes from {log.log_start} to {log.high_watermark}.")  # fmt: skip
        if final[at] != wished:
            notices.append(Notice("clamped", f"{at}: {wished} is out of range and becomes {final[at]}."))
        if final[at] > log.last_stable:
            text = f"{at}: {final[at]} lies past the last stable offset {log.last_stable}."
            notices.append(Notice("open_transaction", text,
                                  "An open transaction there would be skipped."))  # fmt: skip
    return final, notices


def _moves(
    seen: OffsetsSeen, params: MoveParams, final: Mapping[TopicPartition, int], mapping: OffsetsMapping | None
) -> tuple[OffsetMove, ...]:
    kafka, table = seen.kafka.get(params.group, {}), seen.table.get(params.group, {})
    moves = []
    for at, offset in final.items():
        now = kafka.get(at) if mapping is None else None
        current = (now.offset if now else None) if mapping is None else table.get(at)
        if current is None and not params.allow_new:
            where = f"table {mapping.table}" if mapping else "Kafka"
            raise Refused("never_read", f"{params.group} has no offset for {at} in {where}.",
                          why="A typing error would make one.", hint="Give --allow-new when it is meant.")  # fmt: skip
        if current != offset:
            moves.append(OffsetMove(topic=at.topic, partition=at.partition, expects_offset=current, offset=offset,
                                    expects_leader_epoch=now.leader_epoch if now else None,
                                    expects_metadata=now.metadata if now else ""))  # fmt: skip
    return tuple(moves)


def _costs(seen: OffsetsSeen, group: str, final: Mapping[TopicPartition, int]) -> list[Notice]:
    again = skipped = 0
    for at, offset in final.items():
        committed = seen.kafka.get(group, {}).get(at)
        current = (
            seen.table[group][at] if at in seen.table.get(group, {}) else committed.offset if committed else offset
        )
        log = seen.logs[at]
        again += max(0, clamped(current, log) - offset)
        skipped += max(0, offset - clamped(current, log))
    notices = []
    if again:
        notices.append(Notice("processed_again", f"At most {again:,} records will be processed again.",
                              "Counted in offsets; consumers must deduplicate."))  # fmt: skip
    if skipped:
        notices.append(Notice("skipped", f"At most {skipped:,} records will never be processed.",
                              "Counted in offsets."))  # fmt: skip
    return notices


def _restart(params: MoveParams) -> list[Notice]:
    if params.store == "kafka":
        return []
    return [Notice("restart_needed", "A consumer reads the table when it starts: restart it after the move.")]
