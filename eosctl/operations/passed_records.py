"""Which dead letters a consumer that keeps its offsets in a table has not passed yet; asked once a batch."""

from collections import Counter
from collections.abc import Mapping, Sequence

from eosctl.core.errors import Notice, UsageError, did_you_mean
from eosctl.domain.dlq import tally
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.dlq.passed import Said, is_same, is_settled, outcome_of, said_of
from eosctl.domain.dlq.passed_notices import PassedSum, named, passed_notices
from eosctl.domain.dlq.records import RawRecord
from eosctl.domain.dlq.replaying import ReplayRules
from eosctl.domain.dlq.rows import letter_of
from eosctl.domain.dlq.selection import matcher_of
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.offsets import OffsetsMapping
from eosctl.operations.origin_records import OriginPlace, OriginRecords
from eosctl.ports import Gateways

Place = tuple[int, int]
_Row = tuple[str, str, int]
"""Group, topic and partition."""
_INT = 2**31


class PassedRecords:
    """Looks up the stored offset of each record's group at its origin, and what lies there where it was not passed.

    The group is the one that was named, else the dead letter's, else the only one of the table.
    """

    def __init__(self, gateways: Gateways, rules: ReplayRules, mapping: OffsetsMapping, reader: Reader) -> None:
        self._gateways, self._rules, self._mapping, self._reader = gateways, rules, mapping, reader
        self._matches = matcher_of(rules.selection, reader)
        self._origins = OriginRecords(gateways)
        found = gateways.database.query("offsets_groups", identifiers=mapping.identifiers())
        self._groups = [str(one["consumer_group"]) for one in found if one["consumer_group"] is not None]
        if rules.processed_group and rules.processed_group not in self._groups:
            raise UsageError("no_rows", f"{mapping.table} has no row of {rules.processed_group!r}.",
                             why=f"It has {named(self._groups)}." if self._groups else "It is empty.",
                             hint=did_you_mean(rules.processed_group, self._groups)
                             or "Give the group as the table has it.")  # fmt: skip
        self._said: dict[Place, Said] = {}
        self._replayed: Counter[Said] = Counter()
        self._counts: Counter[str] = Counter()

    def among(self, records: Sequence[RawRecord]) -> Mapping[Place, str]:
        """Outcomes by partition and offset on the dead-letter topic. Raises UsageError (`which_group`) when a selected
        record names no group and the table has several."""
        wanted = {at: one for one in records if (at := self._place(one)) is not None}
        stored = self._stored({row for row, _, _ in wanted})
        ahead = {origin for row, origin, _ in wanted if row in stored and origin[2] >= stored[row]}
        origins, now_ms = self._origins.at(ahead), self._gateways.clock.now_ms()
        self._said = {}
        for (row, origin, place), record in wanted.items():
            held, next_offset = origins.get(origin), stored.get(row)
            in_log = held is not None and next_offset is not None and next_offset >= self._origins.starts[_log(row)]
            self._said[place] = said_of(origin[2], next_offset, readable=in_log and is_same(record, held),
                                        settled=is_settled(record, held, now_ms))  # fmt: skip
        claims = self._rules.passed_means_processed
        outcomes = {at: outcome_of(said, passed_means_processed=claims) for at, said in self._said.items()}
        return {at: outcome for at, outcome in outcomes.items() if outcome}

    def note(self, record: RawRecord, outcome: str) -> None:
        """Counts, for the notices, what became of a record of the last batch."""
        self._counts[outcome] += 1
        if outcome == tally.REPLAYED:
            self._replayed[self._said.get(_place_of(record), Said.UNKNOWN)] += 1

    def notices(self, *, scanned: bool) -> tuple[Notice, ...]:
        """What a plan says of it."""
        claimed = self._rules.passed_means_processed
        return passed_notices(PassedSum(self._mapping, self._groups, claimed, scanned, self._counts, self._replayed))

    def _stored(self, rows: set[_Row]) -> Mapping[_Row, int]:
        if not rows:
            return {}
        groups, topics, partitions = (list(one) for one in zip(*sorted(rows), strict=True))
        args = {"groups": groups, "topics": topics, "partitions": partitions}
        found = self._gateways.database.query("offsets_of_places", args, identifiers=self._mapping.identifiers())
        return {(one["consumer_group"], one["topic"], one["partition"]): self._mapping.next_to_read(one["stored"])
                for one in found}  # fmt: skip

    def _place(self, record: RawRecord) -> tuple[_Row, OriginPlace, Place] | None:
        """Group and origin of a selected record; None when the record does not tell enough to ask for."""
        if self._matches is not None and not self._matches(record):
            return None
        origin = letter_of(record, self._reader).origin
        if not origin.topic or origin.partition is None or origin.offset is None or origin.partition >= _INT:
            return None
        group = self._group_of(origin.group)
        if not group or "\0" in group + origin.topic:
            return None  # PostgreSQL's text holds no NUL: what can't be in the table is not in it
        row = (group, origin.topic, origin.partition)
        return row, (origin.topic, origin.partition, origin.offset), _place_of(record)

    def _group_of(self, told: str | None) -> str:
        if self._rules.processed_group or told:
            return self._rules.processed_group or told or ""
        if len(self._groups) > 1:
            raise UsageError("which_group", f"{self._mapping.table} has offsets of several groups, and a dead letter "
                             "names none.", why=f"It has {named(self._groups)}.",
                             hint="Give --processed-group, the group whose dead letters these are.")  # fmt: skip
        return self._groups[0] if self._groups else ""


def _log(row: _Row) -> TopicPartition:
    return TopicPartition(row[1], row[2])


def _place_of(record: RawRecord) -> Place:
    return record.partition() or 0, record.offset() or 0
