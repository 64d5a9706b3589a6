"""A look at groups in both stores, which all verbs of `offsets` share. Reads only."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from eosctl.core.errors import Notice, UsageError, did_you_mean
from eosctl.core.report import Gathered
from eosctl.domain.kafka import CommittedOffset, GroupDescription, GroupOffsets, LogOffsets, TopicPartition, in_order
from eosctl.domain.offset_activity import TableActivity
from eosctl.domain.offsets import OffsetsMapping, all_mappings, checked, mapping_of
from eosctl.ports import Gateways

STORES = ("kafka", "db", "both")
Stored = Mapping[TopicPartition, int]


@dataclass(frozen=True)
class OffsetsSeen:
    """Groups in the stores that were asked for. `table` holds next-to-read offsets, whatever the table means."""

    descriptions: Mapping[str, GroupDescription] = field(default_factory=dict)
    kafka: Mapping[str, Mapping[TopicPartition, CommittedOffset]] = field(default_factory=dict)
    table: Mapping[str, Stored] = field(default_factory=dict)
    logs: Mapping[TopicPartition, LogOffsets] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    mapping: OffsetsMapping | None = None
    failures: tuple[Notice, ...] = ()
    notices: tuple[Notice, ...] = ()
    now_ms: int = 0
    activity: TableActivity | None = None

    def places(self, group: str) -> list[TopicPartition]:
        """Every partition on which the group has an offset in some store, by name."""
        return in_order({*self.kafka.get(group, {}), *self.table.get(group, {})})


def look(
    gateways: Gateways, groups: Collection[str], *, store: str, table: str = "", more: Collection[TopicPartition] = ()
) -> OffsetsSeen:
    """The groups by exact name, the logs of their partitions and of `more`. Unknown groups are simply not in it."""
    kafka: Gathered[GroupOffsets] = Gathered(())
    described: Gathered[GroupDescription] = Gathered(())
    if store != "db":
        kafka, described = gateways.groups.committed(groups), gateways.groups.describe(groups)
    mapping, others = _mapping_for(gateways, table, groups) if store != "kafka" else (None, ())
    rows = stored_offsets(gateways, mapping, groups) if mapping else {}
    topics = gateways.cluster.topic_sizes()
    places = {*more, *(at for one in kafka.items for at in one.offsets), *(at for one in rows.values() for at in one)}
    logs = gateways.cluster.log_offsets([one for one in places if one.partition < topics.get(one.topic, 0)])
    return OffsetsSeen(
        descriptions={one.group: one for one in described.items},
        kafka={one.group: one.offsets for one in kafka.items},
        table=rows,
        logs=logs,
        counts=topics,
        mapping=mapping,
        failures=tuple(dict.fromkeys((*kafka.failures, *described.failures))),
        notices=others,
        now_ms=gateways.clock.now_ms(),
    )


def found_mapping(gateways: Gateways, table: str) -> OffsetsMapping:
    """The mapped table. Raises UsageError (`unknown_table`, `unknown_column`)."""
    mapping = mapping_of(gateways.profile.get("tables") or {}, table)
    return checked(gateways.database.describe_table(mapping.table), mapping)


def _mapping_for(gateways: Gateways, table: str, groups: Collection[str]) -> tuple[OffsetsMapping, tuple[Notice, ...]]:
    """The table that is named, or the only one that holds the groups; and a notice of others that hold them too.

    Raises UsageError (`group_in_two_tables`) when none is named and several hold them.
    """
    every = all_mappings(gateways.profile.get("tables") or {})
    if len(every) < 2 or len(groups) != 1:
        return found_mapping(gateways, table), ()
    holding = [name for name in every if stored_offsets(gateways, found_mapping(gateways, name), groups)]
    if not table and len(holding) == 1:
        return found_mapping(gateways, holding[0]), ()
    if not table and holding:
        raise UsageError("group_in_two_tables", f"{', '.join(groups)}: rows are in {' and in '.join(holding)}.",
                         why="Which of them the consumer reads is not known here.",
                         hint=f"Give --table, one of {', '.join(holding)}.")  # fmt: skip
    mapping = found_mapping(gateways, table)
    also = [name for name in holding if found_mapping(gateways, name) != mapping]
    text = f"Rows of this group are in {', '.join(also)} too, and stay as they are."
    return mapping, (Notice("group_in_two_tables", text),) if also else ()


def stored_offsets(gateways: Gateways, mapping: OffsetsMapping, groups: Collection[str]) -> Mapping[str, Stored]:
    """Next-to-read offsets of the table by group."""
    found: dict[str, dict[TopicPartition, int]] = defaultdict(dict)
    rows = gateways.database.query("offsets_rows", {"groups": list(groups)}, identifiers=mapping.identifiers())
    for row in rows:
        found[row["consumer_group"]][TopicPartition(row["topic"], row["partition"])] = mapping.next_to_read(
            row["stored"]
        )
    return dict(found)


def known_groups(gateways: Gateways, *, store: str, table: str) -> list[str]:
    """Every group's name in the stores that were asked for."""
    names = {one.group for one in gateways.groups.groups().items} if store != "db" else set()
    if store != "kafka":
        mapping = found_mapping(gateways, table)
        rows = gateways.database.query("offsets_groups", identifiers=mapping.identifiers())
        names |= {str(row["consumer_group"]) for row in rows}
    return sorted(names)


def require_known(gateways: Gateways, seen: OffsetsSeen, group: str, *, store: str, table: str) -> None:
    """Raises UsageError (`unknown_group`) with the nearest names for a group with nothing in any store."""
    if seen.places(group) or seen.failures:
        return
    known = known_groups(gateways, store=store, table=table)
    if group not in known:
        raise UsageError("unknown_group", f"There is no group {group!r}.",
                         hint=did_you_mean(group, known) or "See `eosctl offsets show '*'`.")  # fmt: skip
