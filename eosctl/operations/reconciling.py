"""How `outbox reconcile` reads its sides: rows, records, what consumers marked; all of it in a stream."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from eosctl.core.errors import UsageError
from eosctl.domain.dedup import DedupMapping, all_mappings, checked, fitted, mapping_of
from eosctl.domain.kafka import LogOffsets, TopicPartition
from eosctl.domain.outbox import OutboxMapping
from eosctl.domain.outbox_reconcile import FAILED, PENDING, PUBLISHED, TOPIC
from eosctl.ports import Gateways
from eosctl.ports.outbox import Spool


def dedup_of(gateways: Gateways, name: str | None, topic: str) -> DedupMapping | None:
    """The deduplication table of the topic's consumers: the named one, or the only mapped one that may be the topic's.

    Raises UsageError for a name whose table or columns do not exist.
    """
    tables: Mapping[str, Any] = gateways.profile.get("tables") or {}
    if name is not None:
        mapping = mapping_of(tables, name)
    else:
        fitting = [one for one in all_mappings(tables).values() if not one.topics or topic in one.topics]
        if len(fitting) != 1:
            return None
        mapping = fitting[0]
    catalogue = gateways.database.describe_table(mapping.table)
    if name is not None and catalogue is None:
        raise UsageError("unknown_table", f"There is no table {mapping.table}.", hint="Make it: eosctl dedup init.")
    return checked(catalogue, fitted(catalogue, mapping)) if catalogue else None


def rows_of(
    gateways: Gateways,
    mapping: OutboxMapping,
    period: tuple[datetime, datetime],
    *,
    wanted: Callable[[str, str], bool],
    all_published: bool,
) -> Iterator[tuple[str, str]]:
    """Id and state of each row of a time range whose aggregate type and event type are `wanted`."""
    for row in gateways.outbox.keys(mapping, *period):
        if not wanted(row.aggregate_type, row.event_type):
            continue
        gateways.progress.advance()
        state = PUBLISHED if row.published or all_published else FAILED if row.failed else PENDING
        yield row.id, state


def ranges_since(
    gateways: Gateways, offsets: Mapping[TopicPartition, LogOffsets], since_ms: int
) -> dict[TopicPartition, tuple[int, int]]:
    """Of each partition the records from a time on, to the last stable offset."""
    starts = gateways.cluster.offsets_for_times(list(offsets), since_ms)
    ranges: dict[TopicPartition, tuple[int, int]] = {}
    for partition, log in offsets.items():
        start = starts.get(partition)
        ranges[partition] = (max(log.log_start, start if start is not None else log.last_stable), log.last_stable)
    return ranges


def spool_topic(
    gateways: Gateways, spool: Spool, header: str, ranges: Mapping[TopicPartition, tuple[int, int]]
) -> tuple[int, int]:
    """Spools the ids of records; how many records there are, and how many of them carry no id."""
    counts = {"records": 0, "without": 0}

    def ids() -> Iterator[tuple[str, str]]:
        for record in gateways.records.read(ranges):
            counts["records"] += 1
            gateways.progress.advance()
            found = next((value for name, value in record.headers if name == header and value is not None), None)
            if found is None:
                counts["without"] += 1
            else:
                yield found.decode(errors="replace").strip('"'), f"{record.partition.partition}@{record.offset}"

    gateways.progress.begin("Reading the topic", sum(end - start for start, end in ranges.values()), "records")
    spool.add(TOPIC, ids())
    gateways.progress.end()
    return counts["records"], counts["without"]


def first_gone_ms(gateways: Gateways, offsets: Mapping[TopicPartition, LogOffsets], since_ms: int) -> int | None:
    """The time asked for, when records of that time may be gone from a partition whose log no longer begins at 0."""
    trimmed = [one for one, log in offsets.items() if log.log_start > 0]
    if not trimmed:
        return None
    starts = gateways.cluster.offsets_for_times(trimmed, since_ms)
    return since_ms if any(starts.get(one) == offsets[one].log_start for one in trimmed) else None
