"""Which dead letters a consumer's dedup table knows as processed after all; asked once a batch."""

from collections.abc import Mapping, Sequence

from eosctl.core.errors import Notice, UsageError
from eosctl.domain.dedup import IdRule
from eosctl.domain.dedup_ids import as_stored, id_by, ids_of
from eosctl.domain.dlq import tally
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.dlq.records import RawRecord
from eosctl.domain.dlq.replaying import ReplayRules
from eosctl.domain.dlq.rows import letter_of
from eosctl.operations.dedup_table import found_table
from eosctl.ports import Gateways

_BY_PLACE = (IdRule.PARTITION_OFFSET, IdRule.TOPIC_PARTITION_OFFSET)
_IDS = 10_000
Place = tuple[int, int]


class ProcessedRecords:
    """Looks records up by the table's own id rule, on the origin's place where the rule asks for one."""

    def __init__(self, gateways: Gateways, rules: ReplayRules, reader: Reader) -> None:
        self._gateways = gateways
        self._reader = reader
        table = found_table(gateways, rules.processed_in)
        self._mapping = table.mapping
        self._named = rules.processed_group or table.mapping.group
        if rules.processed_group and not table.mapping.consumer_group:
            raise UsageError("no_group_column", f"{table.mapping.table} has no column of consumer groups.",
                             hint="Leave --processed-group out, or map consumer_group in the profile.")  # fmt: skip
        column = table.catalogue.column(table.mapping.message_id)
        self._type = column.type if column else "text"

    def among(self, records: Sequence[RawRecord]) -> Mapping[Place, str]:
        """Those that the table holds, by partition and offset on the dead-letter topic.

        Where the table is shared by consumer groups only entries of the group that was named or mapped count, or else
        of the group that the dead letter names: a record of no known group is never taken for processed.
        """
        asked: dict[str | None, dict[str, list[Place]]] = {}
        for record in records:
            group, stored = self._group(record), self._id(record)
            if stored is not None and not (self._mapping.consumer_group and group is None):
                where = (record.partition() or 0, record.offset() or 0)
                asked.setdefault(group, {}).setdefault(stored, []).append(where)
        found: dict[Place, str] = {}
        for group, ids in asked.items():
            every = list(ids)
            for start in range(0, len(every), _IDS):
                for stored in self._known(group, every[start : start + _IDS]):
                    found |= dict.fromkeys(ids.get(stored, ()), tally.SKIPPED_PROCESSED)
        return found

    def note(self, record: RawRecord, outcome: str) -> None:
        """The table's word needs no explanation."""

    def notices(self, *, scanned: bool) -> tuple[Notice, ...]:
        """None."""
        return ()

    def _known(self, group: str | None, ids: list[str]) -> list[str]:
        args = {**self._mapping.presence(), "ids": ids, "group": group}
        rows = self._gateways.database.query("dedup_check", args, identifiers=self._mapping.identifiers())
        return [str(one["id"]) for one in rows]

    def _group(self, record: RawRecord) -> str | None:
        if not self._mapping.consumer_group:
            return None
        return self._named or letter_of(record, self._reader).origin.group

    def _id(self, record: RawRecord) -> str | None:
        """The id that the consumer stored; None when the record has nothing to make it of."""
        origin = letter_of(record, self._reader).origin
        known = origin.topic and origin.partition is not None and origin.offset is not None
        ids = ids_of(origin.topic or "", origin.partition or 0, origin.offset or 0, key=record.key(),
                     value=record.value(), headers=record.headers() or ())  # fmt: skip
        found = id_by(self._mapping.id_rule, ids)
        if found.id is None or (found.rule in _BY_PLACE and not known):
            return None
        try:
            return as_stored(self._type, found.id)
        except UsageError:
            return None  # what can't be in the column is not in the table
