"""Records looked up where dead letters say that they came from."""

from collections.abc import Iterable

from eosctl.domain.dlq.records import RawRecord
from eosctl.domain.kafka import TopicPartition
from eosctl.ports import Gateways

OriginPlace = tuple[str, int, int]
"""Topic, partition and offset."""


class OriginRecords:
    """Looks up many places at once; remembers which topics there are. `starts` are the first offsets of the logs that
    the last look was at."""

    def __init__(self, gateways: Gateways) -> None:
        self.starts: dict[TopicPartition, int] = {}
        self._gateways = gateways
        self._partitions: dict[str, int] | None = None

    def at(self, places: Iterable[OriginPlace]) -> dict[OriginPlace, RawRecord]:
        """The committed records that are still there: none for what retention or compaction took, what was aborted,
        and what lies behind the last stable offset. Raises OperationFailed when an origin may not be read."""
        wanted: dict[TopicPartition, set[int]] = {}
        for topic, partition, offset in places:
            if partition < self._partitions_of(topic):
                wanted.setdefault(TopicPartition(topic, partition), set()).add(offset)
        found: dict[OriginPlace, RawRecord] = {}
        logs = self._gateways.cluster.log_offsets(list(wanted)) if wanted else {}
        self.starts = {where: log.log_start for where, log in logs.items()}
        for where, log in logs.items():
            offsets = sorted(one for one in wanted[where] if log.log_start <= one < log.last_stable)
            for record in self._gateways.dead_letters.at(where, offsets):
                found[where.topic, where.partition, record.offset() or 0] = record
        return found

    def _partitions_of(self, topic: str) -> int:
        if self._partitions is None:
            self._partitions = {one.name: len(one.partitions) for one in self._gateways.cluster.topics()}
        return self._partitions.get(topic, 0)
