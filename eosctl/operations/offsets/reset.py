"""`offsets reset`: moves a group by one rule, with kafka-consumer-groups.sh's own semantics."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from eosctl.core.counts import counted
from eosctl.core.durations import parse_time
from eosctl.core.errors import UsageError
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import DurationMs, param
from eosctl.core.plan import Plan
from eosctl.core.report import Report
from eosctl.domain.kafka import TopicPartition
from eosctl.operations.offsets_costs import seen_with_costs
from eosctl.operations.offsets_move import plan_move, restart_words
from eosctl.operations.offsets_safety import MoveParams, MoveSeen, look_at_group
from eosctl.operations.offsets_seen import OffsetsSeen, look, require_known
from eosctl.operations.receipts import StepRow, step_rows
from eosctl.ports import Gateways

_RULES = ("to_earliest", "to_latest", "to_current", "to_offset", "shift_by", "to_datetime", "by_duration", "to_store",
          "to_group", "to_file", "to_snapshot")  # fmt: skip


class OffsetsResetParams(MoveParams):
    """Which partitions, and exactly one rule."""

    topic: tuple[str, ...] = param((), help="TOPIC or TOPIC:P,P; repeatable", complete="topic")
    all_topics: bool = param(False, help="Every partition on which the group has an offset")
    to_earliest: bool = param(False, help="To the log's start")
    to_latest: bool = param(False, help="To the end")
    to_current: bool = param(False, help="To where it is; makes an offset at the end where there is none")
    to_offset: int | None = param(None, help="To this offset", ge=0)
    shift_by: int | None = param(None, help="So many further, or back when negative", metavar="N")
    to_datetime: str | None = param(None, help="To the first record at or after a time", metavar="TIME")
    tz: str = param("", help="The zone of a time without one", examples=("Europe/Vienna",))
    by_duration: DurationMs | None = param(None, help="To the first record of the last so long")
    to_store: Literal["kafka", "db"] | None = param(None, help="Copy the other store's offsets")
    to_group: str | None = param(None, help="Copy another group's offsets in Kafka", complete="group")
    to_file: str | None = param(None, help="As a file says: CSV or JSON", metavar="FILE", complete="file")
    to_snapshot: str | None = param(None, help="As `offsets snapshot` kept it", metavar="FILE|ID")


def observe(gateways: Gateways, params: OffsetsResetParams) -> MoveSeen:
    """The group, the partitions that are meant, and what the rule gives for each."""
    _one_rule(params)
    named = _named(gateways, params)
    if params.to_file or params.to_snapshot:
        return _from_file(gateways, params, named)
    wide = params.model_copy(update={"store": "both"}) if params.to_store else params
    seen = look_at_group(gateways, wide, tuple(named), allow_new=params.allow_new)
    wanted = named if named or params.to_group else seen.places(params.group)
    if params.sample:
        gateways.records.prepare()
    targets = _targets(gateways, params, seen, wanted)
    if params.to_group and set(targets) - set(seen.logs):
        seen = look_at_group(gateways, wide, tuple(targets), allow_new=params.allow_new)
    return seen_with_costs(gateways, params, seen, targets)


def plan(snapshot: MoveSeen, params: OffsetsResetParams) -> Plan:
    """Out of range is clamped, and said."""
    return plan_move(OPERATION.name, snapshot, params, clamp=True)


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """A row a store."""
    return Report(step_rows(receipts), StepRow, text="", summary=restart_words(tuple(receipts)))


def _one_rule(params: OffsetsResetParams) -> None:
    given = [name for name in _RULES if getattr(params, name) not in (None, False)]
    if len(given) != 1:
        raise UsageError("one_rule", "Say exactly one way to move.",
                         why=f"Given: {', '.join(given) or 'none'}.",
                         hint="One of " + ", ".join("--" + one.replace("_", "-") for one in _RULES) + ".")  # fmt: skip
    if given[0] in ("to_file", "to_snapshot") and not (params.topic and params.all_topics):
        return
    if bool(params.topic) == params.all_topics:
        raise UsageError("which_topics", "Give --topic TOPIC[:P,P] or --all-topics; one of the two.")
    if params.to_store and params.store != {"db": "kafka", "kafka": "db"}[params.to_store]:
        raise UsageError("same_store", f"--to-store {params.to_store} copies onto the other store.",
                         hint=f"Give --store {'kafka' if params.to_store == 'db' else 'db'}.")  # fmt: skip


def _named(gateways: Gateways, params: OffsetsResetParams) -> list[TopicPartition]:
    if not params.topic:
        return []
    found: list[TopicPartition] = []
    words = [(name, numbers) for name, _, numbers in (one.partition(":") for one in params.topic)]
    topics = {one.name: len(one.partitions) for one in gateways.cluster.topics(sorted({name for name, _ in words}))}
    for name, numbers in words:
        if numbers and not all(one.isdecimal() for one in numbers.split(",")):
            raise UsageError("bad_topic", f"{name}:{numbers} is not TOPIC:P,P.", hint="Write orders:0,1.")
        wanted = [int(one) for one in numbers.split(",")] if numbers else list(range(topics[name]))
        for number in wanted:
            if number >= topics[name]:
                raise UsageError("unknown_partition", f"There is no partition {name}:{number}.",
                                 why=f"{name} has {counted(topics[name], 'partition')}, numbered from 0.")  # fmt: skip
        found += [TopicPartition(name, one) for one in wanted]
    return sorted(set(found))


def _from_file(gateways: Gateways, params: OffsetsResetParams, named: Sequence[TopicPartition]) -> MoveSeen:
    """Only what the file has for this group, of the named partitions where some are named."""
    from eosctl.operations.offsets_from_file import offsets_of_group, wishes

    kept, notices = offsets_of_group(gateways, params.to_file or params.to_snapshot or "", params.group)
    found = wishes(kept, only=named)
    seen = look_at_group(gateways, params, found.places, allow_new=params.allow_new)
    move = seen_with_costs(
        gateways, params, seen, found.targets, table_targets=found.table_targets, metadata=found.metadata
    )
    return replace(move, notices=(*notices, *move.notices))


def _targets(
    gateways: Gateways, params: OffsetsResetParams, seen: OffsetsSeen, wanted: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    if params.to_group:
        return _copied(gateways, params.to_group, wanted)
    if params.to_store:
        source = {at: int(one.offset) for at, one in seen.kafka.get(params.group, {}).items()}
        if params.to_store == "db":
            source = dict(seen.table.get(params.group, {}))
        return {at: source[at] for at in wanted if at in source}
    if params.to_datetime or params.by_duration is not None:
        at_ms = _moment_ms(params) if params.to_datetime else seen.now_ms - (params.by_duration or 0)
        if at_ms > seen.now_ms:
            raise UsageError("time_in_future", "The time lies in the future.", hint="Use --to-latest for the end.")
        found = gateways.cluster.offsets_for_times([at for at in wanted if at in seen.logs], at_ms)
        ends = {at: seen.logs[at].high_watermark for at in found}
        return {at: ends[at] if offset is None else offset for at, offset in found.items()}
    return {at: _ruled(params, seen, at) for at in wanted}


def _ruled(params: OffsetsResetParams, seen: OffsetsSeen, at: TopicPartition) -> int:
    if at not in seen.logs:
        raise UsageError("unknown_partition", f"{at} does not exist or has no leader.")
    log, committed = seen.logs[at], seen.kafka.get(params.group, {}).get(at)
    stored = seen.table.get(params.group, {}).get(at)
    current = stored if params.store == "db" or committed is None else int(committed.offset)
    if params.to_earliest:
        return log.log_start
    if params.to_offset is not None:
        return params.to_offset
    if params.shift_by is not None:
        if current is None:
            raise UsageError("no_offset", f"{params.group} has no offset for {at} to shift.")
        return current + params.shift_by
    if params.to_current and current is not None:
        return current
    return log.high_watermark


def _copied(gateways: Gateways, group: str, wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    other = look(gateways, [group], store="kafka")
    require_known(gateways, other, group, store="kafka", table="")
    offsets = other.kafka.get(group, {})
    return {at: int(one.offset) for at, one in offsets.items() if not wanted or at in wanted}


def _moment_ms(params: OffsetsResetParams) -> int:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    text = params.to_datetime or ""
    if params.tz:
        try:
            naive = datetime.fromisoformat(text)
            zone = ZoneInfo(params.tz)
        except (ValueError, ZoneInfoNotFoundError) as error:
            raise UsageError("bad_time", f"{text!r} in {params.tz!r} is not a time.", why=f"{error}.") from None
        if naive.tzinfo is None:
            return int(naive.replace(tzinfo=zone).timestamp() * 1_000)
    return int(parse_time(text).timestamp() * 1_000)


OPERATION = Change(
    name="offsets.reset",
    summary="Move a group's offsets by a rule",
    params=OffsetsResetParams,
    result=StepRow,
    needs=("kafka",),
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="As kafka-consumer-groups.sh does it: a time after the last record means the end, out of range is clamped "
    "and said. A group with members is refused (exit 7). Kafka knows no compare-and-set for offsets: the look right "
    "before the commit narrows that race and does not close it; in the table rows are locked and compared.",
    examples=(
        Example("eosctl offsets reset orders --topic payments --to-earliest --dry-run", "What a full replay costs."),
        Example("eosctl offsets reset orders --all-topics --store both --by-duration 1h", "The last hour again."),
        Example("eosctl offsets reset orders --to-snapshot 20261125T124500", "Where it was before the deployment."),
    ),
)
