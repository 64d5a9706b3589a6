"""Dead letters that only point to a record (KIP-1191 without copies) are filled from their origin, or stay pointers."""

from collections.abc import Sequence

from eosctl.domain.dlq.records import RawRecord, RehydratedRecord
from eosctl.domain.dlq.replaying import Replayer
from eosctl.operations.origin_records import OriginRecords
from eosctl.ports import Gateways


class Rehydrator:
    """Looks up the origins of a batch at once."""

    def __init__(self, gateways: Gateways, replayer: Replayer) -> None:
        self._origins = OriginRecords(gateways)
        self._replayer = replayer

    def filled(self, records: Sequence[RawRecord]) -> Sequence[RawRecord]:
        """The records, pointers replaced by what they point to.

        A pointer whose record is gone, by retention, by compaction or because its transaction was aborted, is left as
        it is: the replayer holds it. Raises OperationFailed when an origin may not be read.
        """
        find = self._replayer.pointer
        pointers = {at: found for at, one in enumerate(records) if (found := find(one)) is not None}
        if not pointers:
            return records
        origins = self._origins.at(pointers.values())
        filled = list(records)
        for at, place in pointers.items():
            if place in origins:
                filled[at] = _joined(records[at], origins[place])
        return filled


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
