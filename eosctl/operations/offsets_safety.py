"""What every change of offsets looks at first: the group, whoever uses it, and what forbids the change."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from eosctl.core.errors import Notice, Refused
from eosctl.core.params import DurationMs, Params, param
from eosctl.domain.kafka import GroupProtocol, TopicPartition
from eosctl.domain.offset_costs import MoveCost
from eosctl.domain.offsets import OffsetsMapping
from eosctl.operations.offsets_seen import OffsetsSeen, look, require_known, stored_offsets
from eosctl.ports import Gateways

_LOOK_EVERY_MS = 500
_SETTLE_MS = 1_000


class GroupParams(Params):
    """Whose offsets, where, how carefully."""

    group: str = param(help="A group", positional=True, complete="group")
    store: str = param("kafka", help="Where offsets are kept [kafka|db|both]", pattern="^(kafka|db|both)$")
    table: str = param("", help="A mapping's name in the profile's tables.offsets, or a table")
    wait_empty: DurationMs = param(0, help="Wait so long for the group's members to leave")


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
    busy_rows: tuple[TopicPartition, ...] = ()
    target: Mapping[str, str] = field(default_factory=dict)
    table_targets: Mapping[TopicPartition, int] | None = None
    metadata: Mapping[TopicPartition, str] = field(default_factory=dict)
    costs: Mapping[tuple[TopicPartition, int, int], MoveCost] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()

    def wished(self, mapping: OffsetsMapping | None) -> Mapping[TopicPartition, int]:
        """The targets of the table (`mapping`) or of Kafka."""
        return self.targets if mapping is None or self.table_targets is None else self.table_targets

    def current(self, group: str, at: TopicPartition, mapping: OffsetsMapping | None) -> int | None:
        """Where the group is in the table (`mapping`) or in Kafka."""
        if mapping is not None:
            return self.seen.table.get(group, {}).get(at)
        committed = self.seen.kafka.get(group, {}).get(at)
        return committed.offset if committed else None


def look_at_group(
    gateways: Gateways, params: GroupParams, more: tuple[TopicPartition, ...] = (), *, allow_new: bool = False
) -> OffsetsSeen:
    """The group once its members have left, or when `wait_empty` is over. Raises UsageError (`unknown_group`)."""
    until = gateways.clock.monotonic_ms() + params.wait_empty
    while True:
        seen = look(gateways, [params.group], store=params.store, table=params.table, more=more)
        about = seen.descriptions.get(params.group)
        if about is None or not about.members or gateways.clock.monotonic_ms() >= until or gateways.stop.requested():
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


def busy_rows(gateways: Gateways, seen: OffsetsSeen, group: str) -> tuple[TopicPartition, ...]:
    """Rows of the table that changed within a second: a consumer that keeps its own offsets still runs."""
    if seen.mapping is None:
        return ()
    gateways.clock.sleep_ms(_SETTLE_MS)
    again = stored_offsets(gateways, seen.mapping, [group]).get(group, {})
    before = seen.table.get(group, {})
    return tuple(sorted(at for at in {*again, *before} if again.get(at) != before.get(at)))


def refuse_unsafe(seen: OffsetsSeen, busy: tuple[TopicPartition, ...], group: str) -> None:
    """Raises Refused for a protocol of another API, for members, for rows that a running consumer changes."""
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
    if busy:
        raise Refused("table_active", f"The table's row for {busy[0]} changed while it was looked at.",
                      why="A consumer that keeps its own offsets still runs.", hint="Stop it first.")  # fmt: skip
