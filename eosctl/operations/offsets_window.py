"""Does a deduplication table remember what a rewind brings again? Reads only."""

from collections.abc import Mapping

from eosctl.core.counts import counted
from eosctl.core.durations import format_time, time_from_ms
from eosctl.core.errors import EosctlError, Notice
from eosctl.domain.dedup import DedupKind, DedupMapping, all_mappings, checked, require_time
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.offset_costs import Range
from eosctl.ports import Gateways


def dedup_notices(
    gateways: Gateways, group: str, again: Mapping[TopicPartition, Range], now_ms: int
) -> tuple[Notice, ...]:
    """For each table of the profile's `tables.dedup` that this group checks: how many records it has forgotten.

    A table is the group's by its `group`, else by its `topics`; one alone with neither is taken for every group.
    """
    mappings = all_mappings(gateways.profile.get("tables") or {})
    found = []
    for name, mapping in mappings.items():
        mine = {at: one for at, one in again.items() if not mapping.topics or at.topic in mapping.topics}
        owned = mapping.group == group if mapping.group else bool(mapping.topics) or len(mappings) == 1
        if owned and mine:
            found.append(_looked_at(gateways, mapping, mine, name=name, group=group, now_ms=now_ms))
    return tuple(found)


def _looked_at(
    gateways: Gateways,
    mapping: DedupMapping,
    again: Mapping[TopicPartition, Range],
    *,
    name: str,
    group: str,
    now_ms: int,
) -> Notice:
    try:
        catalogue = gateways.database.describe_table(mapping.table)
        mapping = checked(catalogue, mapping)
        if catalogue is not None:
            require_time(catalogue, mapping)
        since_ms = _remembers_since_ms(gateways, mapping, group, now_ms)
        forgotten = _older(gateways, again, now_ms if since_ms is None else since_ms)
    except EosctlError as error:
        text = f"Whether the dedup table {name} remembers these records could not be found out: {error.message}"
        return Notice("dedup_unknown", text, error.hint)
    offsets = sum(end - start for start, end in again.values())
    if since_ms is None:
        return Notice("dedup_forgotten", f"{mapping.table} is empty: it remembers none of these records.")
    back = f"back to {format_time(time_from_ms(since_ms))}"
    if not forgotten:
        return Notice("dedup_covers", f"{mapping.table} remembers all that comes again: it goes {back}.")
    records = counted(offsets, "record is", "records are")
    text = (f"{forgotten:,} of {records} older than what {mapping.table} remembers ({back}) and would be "
            "processed twice.")  # fmt: skip
    return Notice("dedup_forgotten", text, "Counted in offsets, by the records' own times.")


def _remembers_since_ms(gateways: Gateways, mapping: DedupMapping, group: str, now_ms: int) -> int | None:
    """The later of the oldest entry and the promised retention, for what is older may be purged at any time."""
    args = {"group": group, "has_consumer_group": mapping.consumer_group is not None}
    (row,) = gateways.database.query("offsets_dedup_oldest", args, identifiers=mapping.identifiers())
    oldest_ms: int | None = row["oldest_ms"]
    if oldest_ms is None or mapping.retention_ms is None or mapping.kind is DedupKind.BUSINESS:
        return oldest_ms
    return max(oldest_ms, now_ms - mapping.retention_ms)


def _older(gateways: Gateways, again: Mapping[TopicPartition, Range], since_ms: int) -> int:
    first_young = gateways.cluster.offsets_for_times(list(again), since_ms)
    count = 0
    for at, (start, end) in again.items():
        young = first_young.get(at)
        count += max(0, min(end if young is None else young, end) - start)
    return count
