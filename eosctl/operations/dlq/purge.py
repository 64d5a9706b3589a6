"""`dlq purge`: deletes dead letters from the front of their partitions, which is all that Kafka can do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eosctl.core.counts import counted
from eosctl.core.errors import Notice, Refused, UsageError
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import Moment, Params, param
from eosctl.core.plan import Plan
from eosctl.core.report import Report
from eosctl.domain.dlq import tally
from eosctl.domain.dlq.records import RawRecord
from eosctl.domain.dlq.replaying import Replayer, ReplayRules
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.steps.dlq import DeleteRecordsBefore
from eosctl.operations.dead_letters import dialects_of, stable_ranges
from eosctl.operations.replay_scan import load_window, replayable_targets
from eosctl.ports import Gateways


class DlqPurgeParams(Params):
    """How far."""

    topic: str = param(help="The dead-letter topic", positional=True, complete="topic")
    before: Moment | None = param(None, help="Delete what was written before this time")
    replayed: bool = param(False, help="Delete up to the first record that was not replayed")
    ledger: str | None = param(None, help="Topic of the replayed identities [default: TOPIC.replayed]")
    to: str = param("origin", help="Where they were replayed to", complete="topic")
    unreplayed_too: bool = param(False, help="With --before: delete records that were never replayed, too")


@dataclass(frozen=True)
class PurgeRow:
    """What became of one partition."""

    topic: str
    partition: int
    status: str
    log_start_before: int | None
    log_start_after: int | None
    message: str


@dataclass(frozen=True)
class PurgeSeen:
    """Each partition's log, how far it shall be deleted, and how many records before that were never replayed."""

    ranges: Mapping[int, tuple[int, int]]
    before: Mapping[int, int]
    unreplayed: Mapping[int, int] = field(default_factory=dict)
    records: int = 0


def observe(gateways: Gateways, params: DlqPurgeParams) -> PurgeSeen:
    """Reads what would go, and holds it against the ledger."""
    if (params.before is None) == (not params.replayed):
        raise UsageError("how_far", "Say how far: --before TIME or --replayed, one of them.")
    ranges = stable_ranges(gateways, params.topic)
    ends = _ends(gateways, params, ranges)
    done = _Done(gateways, params)
    before = {one: start for one, (start, _) in ranges.items()}
    unreplayed: dict[int, int] = {}
    stuck: set[int] = set()
    records = 0
    wanted = {one: (start, ends[one]) for one, (start, _) in ranges.items()}
    for batch in gateways.dead_letters.batches(params.topic, wanted):
        for record in batch.records:
            partition, offset = record.partition() or 0, record.offset() or 0
            if partition in stuck:
                continue
            if not done.is_replayed(record):
                if params.replayed:
                    stuck.add(partition)
                    continue
                unreplayed[partition] = unreplayed.get(partition, 0) + 1
            records += 1
            before[partition] = offset + 1
        for partition, position in batch.positions.items():
            if partition not in stuck:
                before[partition] = position
    return PurgeSeen(ranges, before, unreplayed, records)


def plan(seen: PurgeSeen, params: DlqPurgeParams) -> Plan:
    """A step for each partition that gives something up. Raises Refused (`not_replayed`)."""
    lost = sum(seen.unreplayed.values())
    if lost and not params.unreplayed_too:
        never = counted(lost, "record was", "records were")
        raise Refused("not_replayed", f"{never} never replayed, of {seen.records:,} that would go.",
                      why="The ledger does not know them, and deleting is for good.",
                      hint="Use --replayed, replay them first, or --unreplayed-too when they may go.")  # fmt: skip
    steps = tuple(
        DeleteRecordsBefore(topic=params.topic, partition=one, expects_log_start=start, before_offset=seen.before[one])
        for one, (start, _) in sorted(seen.ranges.items())
        if seen.before[one] > start
    )
    warnings = [Notice("front_only", "Kafka deletes from the front of a partition only: everything before goes.")]
    if lost:
        gone = counted(lost, "record goes that was", "records go that were")
        warnings.append(Notice("unreplayed", f"{gone} never replayed."))
    summary = f"Delete {counted(seen.records, 'record')} from the front of {params.topic}"
    return Plan(operation=OPERATION.name, summary=summary, steps=steps, warnings=tuple(warnings) if steps else (),
                observed={"records": seen.records, "unreplayed": lost})  # fmt: skip


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """A row a partition."""
    rows = tuple(
        PurgeRow(one.step.topic, one.step.partition, one.status, one.before.get("log_start"),
                 one.after.get("log_start"), one.message)
        for one in receipts
        if isinstance(one.step, DeleteRecordsBefore)
    )  # fmt: skip
    return Report(rows, PurgeRow)


class _Done:
    """Whether the ledger holds a record's identity."""

    def __init__(self, gateways: Gateways, params: DlqPurgeParams) -> None:
        from eosctl.domain.dlq.decoding import Reader

        ledger = params.ledger or f"{params.topic}.replayed"
        known = frozenset(one.name for one in gateways.cluster.topics())
        to = "" if params.to == "origin" else params.to
        rules = ReplayRules(source=params.topic, job="", ledger=ledger, parked="", to=to, window_ms=2**62,
                            targets=replayable_targets(known - {params.topic}), hold_key=False)  # fmt: skip
        self._replayer = Replayer(rules, Reader(dialects_of(gateways)), gateways.clock.now_ms())
        if ledger in known:
            load_window(gateways, rules, self._replayer)

    def is_replayed(self, record: RawRecord) -> bool:
        """By the same rules as a replay; a second copy of one identity counts as replayed with the first."""
        outcome, _ = self._replayer.decide(record)
        return outcome == tally.SKIPPED_WINDOW


def _ends(gateways: Gateways, params: DlqPurgeParams, ranges: Mapping[int, tuple[int, int]]) -> dict[int, int]:
    if params.before is None:
        return {one: end for one, (_, end) in ranges.items()}
    partitions = [TopicPartition(params.topic, one) for one in ranges]
    found = gateways.cluster.offsets_for_times(partitions, round(params.before.timestamp() * 1_000))
    ends = {}
    for one in partitions:
        at = found.get(one)
        start, end = ranges[one.partition]
        ends[one.partition] = end if at is None else max(start, min(at, end))
    return ends


OPERATION = Change(
    name="dlq.purge",
    summary="Delete dead letters from the front of their partitions",
    params=DlqPurgeParams,
    result=PurgeRow,
    needs=("kafka",),
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="Refuses records that the ledger does not know as replayed, unless told. With --replayed each partition is "
    "deleted up to the first record that was not replayed.",
    examples=(Example("eosctl dlq purge orders-dlt --replayed", "Give up what is back where it came from."),),
)
