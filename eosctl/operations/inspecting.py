"""Looks at a running group for `recommend --inspect`: topics, transactional ids, the tables beside it. Reads only."""

from collections.abc import Mapping, Sequence
from typing import Any

from eosctl.core.errors import EosctlError, Notice, UsageError, did_you_mean
from eosctl.domain.groups import OFFSETS_TOPIC, offsets_partition
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.strategies.observation import (
    Observed,
    SeenTable,
    observed_table,
    observed_topics,
    observed_transactions,
    role_of,
)
from eosctl.ports import Gateways


def look_at(gateways: Gateways, group: str) -> tuple[tuple[Observed, ...], tuple[Notice, ...]]:
    """What was seen of a group, and what could not be looked at. Raises UsageError (`unknown_group`)."""
    seen = [_group(gateways, group)]
    notices: list[Notice] = []
    for what, look in (("transactions", _transactions), ("tables", _tables)):
        try:
            seen += look(gateways, group)
        except EosctlError as error:
            notices.append(
                Notice(f"{what}_not_seen", f"The {what} were not looked at: {error.notice().message}", error.hint)
            )
    return tuple(seen), tuple(notices)


def _group(gateways: Gateways, group: str) -> Observed:
    committed = gateways.groups.committed([group]).items
    described = gateways.groups.describe([group]).items
    topics = {one.topic for offsets in committed for one in offsets.offsets}
    topics |= {one.topic for each in described for member in each.members for one in member.assignment}
    members = sum(len(each.members) for each in described)
    if not topics and not members:
        known = [one.group for one in gateways.groups.groups().items]
        if group not in known:
            raise UsageError(
                "unknown_group",
                f"There is no group {group!r}.",
                hint=did_you_mean(group, known) or "See `eosctl offsets show '*'`.",
            )
    return observed_topics(sorted(topics), described[0].state if described else "unknown", members)


def _transactions(gateways: Gateways, group: str) -> Sequence[Observed]:
    offsets = gateways.cluster.topics([OFFSETS_TOPIC])[0]
    count = len(offsets.partitions)
    mine = offsets_partition(group, count)
    producers = gateways.transactions.describe_producers([TopicPartition(OFFSETS_TOPIC, mine)]).items
    ids = {
        one.producer_id for one in producers if one.coordinator_epoch >= 0 or one.transaction_start_offset is not None
    }
    if not ids:
        return ()
    listed = gateways.transactions.list_transactions(producer_ids=ids).items
    others = [one.group for one in gateways.groups.groups().items if one.group != group]
    sharing = sum(offsets_partition(one, count) == mine for one in others)
    found = observed_transactions([one.transactional_id for one in listed], sharing)
    return (found,) if found else ()


def _tables(gateways: Gateways, group: str) -> Sequence[Observed]:
    rows = gateways.database.query("recommend_tables")
    return [found for row in rows if (found := observed_table(_seen(gateways, group, row)))]


def _seen(gateways: Gateways, group: str, row: Mapping[str, Any]) -> SeenTable:
    columns = tuple(row["columns"])
    count = None
    if "consumer_group" in columns and role_of(columns):
        names: dict[str, str | tuple[str, ...]] = {
            "table": (str(row["schema"]), str(row["name"])),
            "group_column": "consumer_group",
        }
        count = gateways.database.query("recommend_group_rows", {"group": group}, identifiers=names)[0]["rows"]
    return SeenTable(f"{row['schema']}.{row['name']}", columns, bool(row["published"]), count)
