"""The order of a replay by origin offset: an index on disk over the whole frozen range, so that memory stays flat."""

import json
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Self

from eosctl.domain.dlq.records import Batch, RawRecord
from eosctl.domain.dlq.replaying import Replayer
from eosctl.operations.rehydrating import Rehydrator
from eosctl.ports import Gateways

_LAST = 2**63 - 1
END = json.dumps([_LAST, _LAST, _LAST])
"""The place behind every record."""


class OriginOrder:
    """Every record of the ranges by its origin's offset; those that tell none come last, in the topic's own order.

    A key lies in one partition of its origin, so its records come in the order in which they were written. The index
    is built anew for each session and never trusted after a crash: what is committed is the place of the last record.
    """

    def __init__(self, gateways: Gateways, source: str, replayer: Replayer) -> None:
        self._gateways = gateways
        self._source = source
        self._replayer = replayer
        self._rehydrator = Rehydrator(gateways, replayer)
        self._index = gateways.dead_letters.index()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._index.close()

    def fill(
        self,
        ranges: Mapping[int, tuple[int, int]],
        *,
        keep: Callable[[RawRecord], bool] | None = None,
        interrupted: Callable[[], bool] | None = None,
    ) -> bool:
        """Reads the ranges into the index, or what `keep` says of them; False when it was interrupted on the way."""
        self._gateways.progress.begin("Sorting by origin", sum(end - start for start, end in ranges.values()))
        for batch in self._gateways.dead_letters.batches(self._source, ranges):
            if interrupted is not None and interrupted():
                return False
            filled = self._rehydrator.filled(batch.records)
            records = filled if keep is None else [one for one in filled if keep(one)]
            self._index.add([(self._replayer.origin_offset(one, _LAST), one) for one in records])
            self._gateways.progress.advance(len(batch.records))
        self._gateways.progress.end()
        return True

    def place(self, record: RawRecord) -> tuple[int, int, int]:
        """Where a record comes in the order."""
        return self._replayer.origin_offset(record, _LAST), record.partition() or 0, record.offset() or 0

    def batches(self, *, after: str, size: int) -> Iterator[Batch]:
        """Batches without positions behind the place `after`, each with the place of its last record as `after`."""
        place = tuple(json.loads(after)) if after else (-1, -1, -1)
        while records := self._index.read(place, size):
            place = self.place(records[-1])
            yield Batch(records, {}, json.dumps(place))
