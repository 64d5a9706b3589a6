"""Dead letters that only point to a record (KIP-1191 without copies) are filled from their origin, or stay pointers."""

from collections.abc import Sequence

from eosctl.domain.dlq.records import RawRecord, RehydratedRecord
from eosctl.domain.dlq.replaying import Replayer
from eosctl.domain.kafka import TopicPartition
from eosctl.ports import Gateways


class Rehydrator:
    """Looks up the origins of a batch at once; remembers which topics there are."""

    def __init__(self, gateways: Gateways, replayer: Replayer) -> None:
        self._gateways = gateways
        self._replayer = replayer
        self._partitions: dict[str, int] | None = None

    def filled(self, records: Sequence[RawRecord]) -> Sequence[RawRecord]:
        """The records, pointers replaced by what they point to.

        A pointer whose record is gone, by retention, by compaction or because its transaction was aborted, is left as
        it is: the replayer holds it. Raises OperationFailed when an origin may not be read.
        """
        find = self._replayer.pointer
        pointers = {at: found for at, one in enumerate(records) if (found := find(one)) is not None}
        if not pointers:
            return records
        wanted: dict[TopicPartition, set[int]] = {}
        for topic, partition, offset in pointers.values():
            if partition < self._partitions_of(topic):
                wanted.setdefault(TopicPartition(topic, partition), set()).add(offset)
        origins = self._read(wanted)
        filled = list(records)
        for at, place in pointers.items():
            if place in origins:
                filled[at] = _joined(records[at], origins[place])
        return filled

    def _read(self, wanted: dict[TopicPartition, set[int]]) -> dict[tuple[str, int, int], RawRecord]:
        found: dict[tuple[str, int, int], RawRecord] = {}
        logs = self._gateways.cluster.log_offsets(list(wanted)) if wanted else {}
        for where, log in logs.items():
            offsets = sorted(one for one in wanted[where] if log.log_start <= one < log.last_stable)
            for record in self._gateways.dead_letters.at(where, offsets):
                found[where.topic, where.partition, record.offset() or 0] = record
        return found

    def _partitions_of(self, topic: str) -> int:
        if self._partitions is None:
            self._partitions = {one.name: len(one.partitions) for one in self._gateways.cluster.topics()}
        return self._partitions.get(topic, 0)


def _joined(pointer: RawRecord, origin: RawRecord) -> RehydratedRecord:
    """The origin's key, value and headers at the dead letter's place; its failure headers come last."""
    kind, written = origin.timestamp()
    return RehydratedRecord(
        at=(pointer.partition() or 0, pointer.offset() or 0),
        time=pointer.timestamp(),
        raw_key=origin.key(),
        raw_value=origin.value(),
        raw_headers=(*(origin.headers() or ()), *(pointer.headers() or ())),
        origin_ms=written if kind else 0,
    )
