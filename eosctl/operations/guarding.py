"""Looks for newer records of the dead letters' keys in the targets, first all of them, then what came since."""

from collections.abc import Mapping, Sequence

from eosctl.domain.dlq.guard import Destination, Marks, mark_of
from eosctl.domain.dlq.records import RawRecord
from eosctl.domain.dlq.replaying import Replayer
from eosctl.domain.dlq.seen import digest_of
from eosctl.domain.kafka import TopicPartition
from eosctl.operations.rehydrating import Rehydrator
from eosctl.ports import Gateways


class NewerGuard:
    """Gives the replayer its marks, batch by batch. Without `--guard-newer` it does nothing.

    Read is each target from the oldest place that a dead letter has in it, or the oldest time, whichever comes first.
    A record that a producer writes between the look and the commit is not seen: Kafka has no compare-and-set.
    """

    def __init__(self, gateways: Gateways, replayer: Replayer) -> None:
        self._gateways = gateways
        self._replayer = replayer
        self._on = replayer.rules.guard_newer
        self._index = gateways.dead_letters.marks() if self._on else None
        self._read_to: dict[TopicPartition, int] = {}

    def fill(self, ranges: Mapping[int, tuple[int, int]]) -> None:
        """Reads which keys the ranges hold, and what the targets have of them."""
        if self._index is None:
            return
        places: dict[TopicPartition, int] = {}
        times: dict[str, int] = {}
        rehydrator = Rehydrator(self._gateways, self._replayer)
        progress, source = self._gateways.progress, self._replayer.rules.source
        progress.begin("Looking for keys", sum(end - start for start, end in ranges.values()))
        for batch in self._gateways.dead_letters.batches(source, ranges):
            found = self._destinations(rehydrator.filled(batch.records))
            self._index.want({one.digest for one in found})
            for one in found:
                if one.place[0] >= 0:
                    where = TopicPartition(one.topic, one.place[0])
                    places[where] = min(places.get(where, one.place[1]), one.place[1])
                times[one.topic] = min(times.get(one.topic, one.written_ms), one.written_ms)
            progress.advance(len(batch.records))
        progress.end()
        self._read_to = self._starts(places, times)
        self._read_on()

    def look(self, records: Sequence[RawRecord]) -> None:
        """Before a batch: what the targets have got since the last look, and the marks of the batch's keys."""
        if self._index is None:
            return
        self._read_on()
        self._replayer.marks = Marks.of(self._index.of({one.digest for one in self._destinations(records)}))

    def committed(self) -> None:
        """What the batch sent is in the target, though a look may miss it: EndTxn is answered before its markers."""
        if self._index is not None and self._replayer.marks is not None:
            self._index.note(self._replayer.marks.sent)

    def close(self) -> None:
        """Forgets what was read."""
        if self._index is not None:
            self._index.close()

    def _destinations(self, records: Sequence[RawRecord]) -> list[Destination]:
        found = (self._replayer.destination(one) for one in records)
        return [one for one in found if one is not None]

    def _starts(self, places: Mapping[TopicPartition, int], times: Mapping[str, int]) -> dict[TopicPartition, int]:
        starts: dict[TopicPartition, int] = {}
        for topic, oldest_ms in times.items():
            partitions = [TopicPartition(topic, one) for one in range(self._replayer.rules.targets[topic].partitions)]
            at = self._gateways.cluster.offsets_for_times(partitions, oldest_ms)
            logs = self._gateways.cluster.log_offsets(partitions)
            for one, log in logs.items():
                by_time = at.get(one)
                first = log.last_stable if by_time is None else by_time
                starts[one] = max(log.log_start, min(first, places.get(one, first)))
        return starts

    def _read_on(self) -> None:
        logs = self._gateways.cluster.log_offsets(list(self._read_to)) if self._read_to else {}
        for topic in sorted({one.topic for one in logs}):
            ranges = {one.partition: (max(log.log_start, self._read_to[one]), log.last_stable)
                      for one, log in logs.items() if one.topic == topic}  # fmt: skip
            self._note(topic, {one: both for one, both in ranges.items() if both[0] < both[1]})
            self._read_to |= {TopicPartition(topic, one): end for one, (_, end) in ranges.items()}

    def _note(self, topic: str, ranges: Mapping[int, tuple[int, int]]) -> None:
        assert self._index is not None
        name = topic.encode()
        for batch in self._gateways.dead_letters.batches(topic, ranges):
            marks = []
            for one in batch.records:
                key = one.key()
                if key is not None:
                    place = (one.partition() or 0, one.offset() or 0)
                    marks.append((digest_of(name, key), mark_of(topic, place, one.timestamp()[1], one.headers())))
            self._index.note(marks)
