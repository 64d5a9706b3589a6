"""From targets to a plan that says what a move costs; `offsets reset`, `seek` and `import` share it. Pure."""

from collections.abc import Iterable, Mapping

from eosctl.core.counts import counted
from eosctl.core.errors import Notice, Refused, UsageError, did_you_mean
from eosctl.core.operation import Receipt
from eosctl.core.plan import Plan, Step
from eosctl.domain.kafka import GroupProtocol, TopicPartition, in_order
from eosctl.domain.offset_costs import MoveCost, total
from eosctl.domain.offsets import OffsetMeans, OffsetsMapping, clamped
from eosctl.domain.steps.offsets import MoveOffsets, OffsetMove, SaveSkipped, SkippedRange
from eosctl.operations.offsets_costs import is_file, ranges_of
from eosctl.operations.offsets_safety import MoveParams, MoveSeen, refuse_unsafe, stores_of


def plan_move(operation: str, move: MoveSeen, params: MoveParams, *, clamp: bool) -> Plan:
    """The table first, then Kafka, so that a stop between leaves the truth moved. Raises Refused and UsageError."""
    steps, notices = move_steps(move, params, clamp=clamp)
    count = len({one.place for step in steps if isinstance(step, MoveOffsets) for one in step.moves})
    return Plan(
        operation=operation,
        summary=f"Move {params.group} on {counted(count, 'partition')}",
        steps=steps,
        target=move.target,
        warnings=notices,
    )


def move_steps(move: MoveSeen, params: MoveParams, *, clamp: bool) -> tuple[tuple[Step, ...], tuple[Notice, ...]]:
    """The steps for one group, and what the plan says of them."""
    refuse_unsafe(move.seen, params.group, idle_ms=params.table_idle, settled=_settled(move, params))
    _require_rows(move, params)
    steps: list[MoveOffsets] = []
    notices: list[Notice] = list(move.seen.notices)
    for mapping in stores_of(move.seen, params.store):
        final = _within_logs(move, mapping, notices, clamp=clamp)
        moves = _moves(move, params, final, mapping)
        if moves:
            steps.append(MoveOffsets(group=params.group, moves=moves, mapping=mapping))
        notices += _removed(moves, mapping)
    notices += _costs(steps, move.notices)
    about = move.seen.descriptions.get(params.group)
    if about is not None and about.protocol is GroupProtocol.SHARE and steps:
        text = "A share group gets everything from its new offset on, also what it acknowledged already."
        hint = "What is counted as skipped or to come again may be among that: Kafka tells where it begins, no more."
        notices.append(Notice("share_redelivered", text, hint))
    if move.seen.activity and any(one.mapping for one in steps):
        notices.append(move.seen.activity.notice(params.group))
    if params.store != "kafka" and steps:
        text = "A consumer reads the table when it starts: restart it after the move."
        notices.append(Notice("restart_needed", text))
    kept, why = _kept(move, params, steps)
    return (*kept, *steps), tuple(dict.fromkeys((*notices, *why)))


def _settled(move: MoveSeen, params: MoveParams) -> frozenset[TopicPartition]:
    """Rows that are where they shall be: a move that stopped after the table and is done anew finds them so."""
    mapping, logs = move.seen.mapping, move.seen.logs
    if mapping is None:
        return frozenset()
    rows = move.positions(params.group, mapping)
    return frozenset(
        at for at, wish in move.wished(mapping).items() if at in logs and rows.get(at) == clamped(wish, logs[at])
    )


def restart_words(receipts: tuple[Receipt, ...]) -> str:
    """What is true afterwards, also when it stopped between the stores."""
    done = [
        one.step.store for one in receipts if isinstance(one.step, MoveOffsets) and one.status in ("done", "skipped")
    ]
    left = [one.step.store for one in receipts if isinstance(one.step, MoveOffsets) and one.step.store not in done]
    if left:
        return f"Moved: {', '.join(done) or 'nothing'}; not moved: {', '.join(left)}. Running it again completes it."
    return "Start the group's consumers: they begin there."


def _require_rows(move: MoveSeen, params: MoveParams) -> None:
    mapping = move.seen.mapping
    if params.store == "kafka" or mapping is None or params.allow_new or move.seen.table.get(params.group):
        return
    raise UsageError("no_rows", f"{mapping.table} has no row of {params.group!r}.",
                     why="Its consumer may keep its offsets elsewhere, or under another name.",
                     hint=did_you_mean(params.group, move.seen.table) or "Give --table for another table, --store "
                     "kafka for Kafka alone, or --allow-new to make the rows.")  # fmt: skip


def _within_logs(
    move: MoveSeen, mapping: OffsetsMapping | None, notices: list[Notice], *, clamp: bool
) -> dict[TopicPartition, int]:
    final = {}
    every, logs = move.wished(mapping), move.seen.logs
    for at in in_order(every):
        wished, log = every[at], logs.get(at)
        if log is None:
            count = move.seen.counts.get(at.topic)
            why = (
                f"{at.topic} has {counted(count, 'partition')}, numbered from 0."
                if count
                else f"There is no topic {at.topic!r}."
            )
            raise UsageError("unknown_partition", f"{at} does not exist or has no leader.", why=why)
        final[at] = clamped(wished, log)
        if final[at] != wished and not clamp:
            raise UsageError("offset_out_of_range", f"{at} has no offset {wished}.",
                             why=f"Its log goes from {log.log_start} to {log.high_watermark}.")  # fmt: skip
        if wished < final[at]:
            text = f"{at}: {wished} is out of range and becomes {final[at]}, the log's start."
            notices.append(Notice("clamped", text, "Retention took the records before it."))
        elif wished > final[at]:
            notices.append(Notice("clamped", f"{at}: {wished} is out of range and becomes {final[at]}, the end."))
        if final[at] > log.last_stable:
            text = f"{at}: {final[at]} lies past the last stable offset {log.last_stable}."
            notices.append(Notice("open_transaction", text,
                                  "An open transaction there would be skipped."))  # fmt: skip
    return final


def _moves(
    move: MoveSeen, params: MoveParams, final: Mapping[TopicPartition, int], mapping: OffsetsMapping | None
) -> tuple[OffsetMove, ...]:
    kafka = move.seen.kafka.get(params.group, {}) if mapping is None else {}
    positions = move.positions(params.group, mapping)
    back, ahead = ranges_of(move, params.group, mapping)
    moves = []
    for at, offset in final.items():
        now, current = kafka.get(at), positions.get(at)
        if current is None and not params.allow_new:
            where = f"table {mapping.table}" if mapping else "Kafka"
            raise Refused("never_read", f"{params.group} has no offset for {at} in {where}.",
                          why="A typing error would make one.", hint="Give --allow-new when it is meant.")  # fmt: skip
        wanted = None if _holds_nothing(mapping, offset) else offset
        if current in (wanted, offset):
            continue
        kept = move.metadata.get(at, "") if mapping is None and move.targets.get(at) == offset else ""
        moves.append(OffsetMove(topic=at.topic, partition=at.partition, expects_offset=current, offset=wanted,
                                metadata=kept, expects_leader_epoch=now.leader_epoch if now else None,
                                expects_metadata=now.metadata if now else "",
                                again=_cost(move, at, back), skipped=_cost(move, at, ahead)))  # fmt: skip
    return tuple(moves)


def _holds_nothing(mapping: OffsetsMapping | None, offset: int) -> bool:
    """Offset 0 where a table holds the last processed: no number says that nothing was processed, -1 least of all."""
    return mapping is not None and mapping.offset_means is OffsetMeans.LAST_PROCESSED and offset == 0


def _removed(moves: tuple[OffsetMove, ...], mapping: OffsetsMapping | None) -> list[Notice]:
    gone = [one.place for one in moves if one.offset is None]
    if not gone:
        return []
    what = f"{gone[0]}{f' and {len(gone) - 1} more' if len(gone) > 1 else ''}"
    text = f"{what}: the row is removed, for last_processed has no number that says nothing was processed."
    return [Notice("row_removed", text, "The consumer must begin at 0 where it finds no row.")]


def _cost(move: MoveSeen, at: TopicPartition, ranges: Mapping[TopicPartition, tuple[int, int]]) -> MoveCost | None:
    if at not in ranges:
        return None
    start, end = ranges[at]
    return move.costs.get((at, start, end)) or MoveCost(offsets=end - start)


def _costs(steps: Iterable[MoveOffsets], found: tuple[Notice, ...]) -> list[Notice]:
    """Both sums, each partition counted where it is moved first; then what was found out about a rewind."""
    first: dict[str, OffsetMove] = {}
    for step in steps:
        for one in step.moves:
            first.setdefault(one.place, one)
    again = [one.again for one in first.values() if one.again]
    skipped = [one.skipped for one in first.values() if one.skipped]
    notices = []
    if again:
        told = any(one.code.startswith("dedup") for one in found)
        hint = "" if told else " No dedup table is known for this group: its consumers must deduplicate."
        notices.append(Notice("processed_again", f"{_sum(again)} will be processed again.",
                              (_how(again) + hint).strip()))  # fmt: skip
    if skipped:
        notices.append(Notice("skipped", f"{_sum(skipped)} will never be processed.", _how(skipped)))
    return [*notices, *found]


def _sum(costs: list[MoveCost]) -> str:
    text = total(costs).words()
    return text[0].upper() + text[1:]


def _how(costs: list[MoveCost]) -> str:
    """How exact the sum is."""
    sum_ = total(costs)
    if sum_.exact:
        return ""
    if sum_.records is None:
        return "Counted in offsets: transaction markers and aborted records are among them."
    return f"Judged by {sum_.sampled:,} of {counted(sum_.offsets, 'offset')}."


def _kept(move: MoveSeen, params: MoveParams, steps: list[MoveOffsets]) -> tuple[tuple[Step, ...], tuple[Notice, ...]]:
    """The step that keeps what is skipped, before anything is moved."""
    if not params.save_skipped:
        return (), ()
    found: dict[str, SkippedRange] = {}
    hidden = []
    for step in steps:
        for at, (start, end) in ranges_of(move, params.group, step.mapping)[1].items():
            stable = move.seen.logs[at].last_stable
            if end > stable:
                hidden.append(f"{at}: offsets {max(start, stable)} to {end - 1} lie behind an open transaction.")
            if start < min(end, stable):
                found.setdefault(str(at), SkippedRange(topic=at.topic, partition=at.partition, first=start,
                                                       end=min(end, stable), offset=end))  # fmt: skip
    notices = tuple(Notice("not_kept", one, "They can't be read and are not kept.") for one in hidden)
    if not found:
        return (), (*notices, Notice("nothing_skipped", "Nothing is skipped: there is nothing to keep."))
    if params.save_skipped in {one.topic for one in found.values()}:
        raise UsageError("same_topic", f"{params.save_skipped!r} is a topic that the group reads itself.",
                         hint="Keep skipped records in another topic or in a file.")  # fmt: skip
    file, topic = (params.save_skipped, "") if is_file(params.save_skipped) else ("", params.save_skipped)
    mapping = move.seen.mapping if params.store != "kafka" else None
    ranges = tuple(found.values())
    return (SaveSkipped(group=params.group, ranges=ranges, file=file, to_topic=topic, mapping=mapping),), notices
