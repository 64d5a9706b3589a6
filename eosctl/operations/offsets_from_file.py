"""Offsets that a file or a kept snapshot holds, as targets of a move. Reads only."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from eosctl.core.errors import Notice, UsageError, did_you_mean
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.offset_files import KeptOffset, OffsetFile, parse
from eosctl.ports import Gateways


@dataclass(frozen=True)
class Wishes:
    """Targets for Kafka, and others for the table where the file keeps both stores apart."""

    targets: Mapping[TopicPartition, int]
    table_targets: Mapping[TopicPartition, int] | None
    metadata: Mapping[TopicPartition, str]

    @property
    def places(self) -> tuple[TopicPartition, ...]:
        """Every partition of the file."""
        return tuple(sorted({*self.targets, *(self.table_targets or {})}))


def read_offsets(gateways: Gateways, name: str, group: str = "") -> tuple[OffsetFile, tuple[Notice, ...]]:
    """The file, and a notice when it was taken from another cluster. Raises UsageError (`bad_offsets_file`)."""
    found = parse(gateways.offset_files.read(name), name=name, group=group)
    before, now = found.target.get("kafka_cluster_id", ""), gateways.cluster.cluster_id()
    if not before or before == now:
        return found, ()
    text = f"{name} was taken from the Kafka cluster {before}, and this is {now}."
    return found, (Notice("other_cluster", text, "The same offsets hold other records here."),)


def offsets_of_group(gateways: Gateways, name: str, group: str) -> tuple[tuple[KeptOffset, ...], tuple[Notice, ...]]:
    """The group's lines. Raises UsageError (`group_not_in_file`)."""
    file, notices = read_offsets(gateways, name, group)
    mine = tuple(one for one in file.offsets if one.group == group)
    if not mine:
        raise UsageError("group_not_in_file", f"{name} holds no offset of {group!r}.",
                         hint=did_you_mean(group, {one.group for one in file.offsets}))  # fmt: skip
    return mine, notices


def wishes(kept: Iterable[KeptOffset], *, only: Collection[TopicPartition] = ()) -> Wishes:
    """Lines of the table and lines of Kafka, where there are both, go to their own store; else all go to either."""
    every = [(TopicPartition(one.topic, one.partition), one) for one in kept]
    mine = [(at, one) for at, one in every if not only or at in only]
    table = {at: one.offset for at, one in mine if one.store == "db"}
    kafka = {at: one.offset for at, one in mine if one.store != "db"}
    metadata = {at: one.metadata for at, one in mine if one.store != "db" and one.metadata}
    return Wishes(kafka or table, table if kafka and table else None, metadata)
