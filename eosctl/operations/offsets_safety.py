"""What every change of offsets looks at first: the group, whoever uses it, and what forbids the change."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from eosctl.core.errors import Notice, Refused
from eosctl.core.params import DurationMs, Params, param
from eosctl.domain.kafka import GroupProtocol, TopicPartition
from eosctl.domain.offset_activity import Evidence
from eosctl.domain.offset_costs import MoveCost
from eosctl.domain.offsets import OffsetsMapping
from eosctl.operations.offsets_activity import TableWatch
from eosctl.operations.offsets_seen import OffsetsSeen, look, require_known
from eosctl.ports import Gateways

_LOOK_EVERY_MS = 500


class GroupParams(Params):
    """Whose offsets, where, how carefully."""

    group: str = param(help="A group", positional=True, complete="group")
    store: str = param("kafka", help="Where offsets are kept [kafka|db|both]", pattern="^(kafka|db|both)$")
    table: str = param("", help="A mapping's name in the profile's tables.offsets, or a table")
    wait_empty: DurationMs = param(0, help="Wait so long for members to leave and for the table's rows to be quiet")
    table_idle: DurationMs = param(60_000, help="Rows of the table must be unchanged for so long; 0s: do not look")


class MoveParams(GroupParams):
    """What a move may do, and how closely its cost is looked at."""

    allow_new: bool = param(False, help="Also a group or a partition without an offset")
    sample: int = param(10_000, help="Look at so many offsets at most to say what a move costs; 0: count only", ge=0)
    save_skipped: str = param("", help="Keep skipped records: a new .jsonl file, or a topic", metavar="FILE|TOPIC")


@dataclass(frozen=True)
class MoveSeen:
    """Both stores and the wished next-to-read offset of each partition, not yet held against the log.

    `table_targets` are the table's where they are not Kafka's; `metadata` belongs to targets that have some; `costs` by
    partition, first offset and end; `notices` is what was found out about a rewind.
    """

    seen: OffsetsSeen
    targets: Mapping[TopicPartition, int]
    target: Mapping[str, str] = field(default_factory=dict)
    table_targets: Mapping[TopicPartition, int] | None = None
    metadata: Mapping[TopicPartition, str] = field(default_factory=dict)
    costs: Mapping[tuple[TopicPartition, int, int], MoveCost] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()

    def wished(self, mapping: OffsetsMapping | None) -> Mapping[TopicPartition, int]:
        """The targets of the table (`mapping`) or of Kafka."""
        return self.targets if mapping is None or self.table_targets is None else self.table_targets

    def positions(self, group: str, mapping: OffsetsMapping | None) -> Mapping[TopicPartition, int]:
        """Where the group is in the table (`mapping`) or in Kafka."""
        if mapping is not None:
            return self.seen.table.get(group, {})
        return {at: one.offset for at, one in self.seen.kafka.get(group, {}).items()}


def look_at_group(
    gateways: Gateways, params: GroupParams, more: tuple[TopicPartition, ...] = (), *, allow_new: bool = False
) -> OffsetsSeen:
    """The group once its members have left and its rows are quiet, or when `wait_empty` is over.

    Raises UsageError (`unknown_group`).
    """
    until = gateways.clock.monotonic_ms() + params.wait_empty
    watch: TableWatch | None = None
    while True:
        seen = look(gateways, [params.group], store=params.store, table=params.table, more=more)
        if seen.mapping is not None and params.table_idle:
            watch = watch or TableWatch(gateways, seen.mapping, params.group)
            seen = replace(seen, activity=watch.look())
        over = gateways.clock.monotonic_ms() >= until or gateways.stop.requested()
        if over or _is_quiet(seen, params):
            break
        gateways.clock.sleep_ms(_LOOK_EVERY_MS)
    if not allow_new:
        require_known(gateways, seen, params.group, store=params.store, table=params.table)
    return seen


def target_of(gateways: Gateways, store: str) -> Mapping[str, str]:
    """The servers of the stores that are moved; Kafka's log is always looked at."""
    return gateways.target(("kafka",) if store == "kafka" else ("kafka", "database"))


def stores_of(seen: OffsetsSeen, store: str) -> tuple[OffsetsMapping | None, ...]:
    """The stores in the order in which they are moved: the table's mapping, None for Kafka."""
    return (*((seen.mapping,) if store != "kafka" else ()), *((None,) if store != "db" else ()))


def _is_quiet(seen: OffsetsSeen, params: GroupParams) -> bool:
    """No members, and no row that changed lately; where nobody can look back, the whole time is watched."""
    about, activity = seen.descriptions.get(params.group), seen.activity
    if about is not None and about.members:
        return False
    if activity is None:
        return True
    watched = activity.evidence is not Evidence.WATCHED or activity.watched_ms >= params.table_idle
    return watched and activity.busy(params.table_idle) is None


def refuse_unsafe(
    seen: OffsetsSeen, group: str, *, idle_ms: int, settled: Collection[TopicPartition] = frozenset()
) -> None:
    """Raises Refused for a streams group, for members, for rows that changed within `idle_ms` and are not `settled`."""
    about = seen.descriptions.get(group)
    if about is not None and about.protocol is GroupProtocol.STREAMS:
        raise Refused("group_protocol", f"{group!r} is a streams group.",
                      why="Its state stores and changelogs would stay where they are, and no longer fit its offsets.",
                      hint="Use kafka-streams-groups.sh --reset-offsets, which deals with them too.")  # fmt: skip
    if about is not None and about.members:
        who = ", ".join(f"{one.client_id} on {one.host}" for one in about.members[:5])
        more = f" and {len(about.members) - 5} more" if len(about.members) > 5 else ""
        raise Refused("group_active", f"{group!r} has active members: {who}{more}.",
                      why="They would commit over the change.",
                      hint="Stop its consumers first, or give --wait-empty 2m.")  # fmt: skip
    busy = seen.activity.busy(idle_ms, settled) if seen.activity else None
    if seen.activity and busy:
        raise seen.activity.refusal(busy)
