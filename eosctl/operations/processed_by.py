"""What `--processed-in` names: a dedup table, or a table of stored offsets."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from eosctl.core.errors import Notice, UsageError
from eosctl.domain.dedup import is_mapped as is_dedup
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.dlq.records import RawRecord
from eosctl.domain.dlq.replaying import ReplayRules
from eosctl.domain.offsets import OffsetsMapping, all_mappings, checked
from eosctl.domain.tables import TableCatalogue, parse_table_name
from eosctl.operations.offsets_seen import found_mapping
from eosctl.operations.passed_records import PassedRecords
from eosctl.operations.processed_records import ProcessedRecords
from eosctl.ports import Gateways

_IDS = {"message_id", "fingerprint", "idempotency_key"}


class ProcessedBy(Protocol):
    """What a consumer keeps of what it processed."""

    def among(self, records: Sequence[RawRecord]) -> Mapping[tuple[int, int], str]:
        """Outcomes of those that need not go or must wait, by partition and offset on the dead-letter topic."""

    def note(self, record: RawRecord, outcome: str) -> None:
        """Counts what became of a record of the last batch."""

    def notices(self, *, scanned: bool) -> tuple[Notice, ...]:
        """What a plan says of it."""


class _NoTable:
    """Without `--processed-in` nothing is known."""

    def among(self, records: Sequence[RawRecord]) -> Mapping[tuple[int, int], str]:
        """None of them."""
        return {}

    def note(self, record: RawRecord, outcome: str) -> None:
        """Nothing."""

    def notices(self, *, scanned: bool) -> tuple[Notice, ...]:
        """None."""
        return ()


def processed_by(gateways: Gateways, rules: ReplayRules, reader: Reader) -> ProcessedBy:
    """The table of `--processed-in`, or one that knows nothing. Raises UsageError (`unknown_table`, `unknown_column`,
    `which_table`, `not_processed_table`, `processed_in_missing`, `no_stored_offsets`)."""
    name = rules.processed_in
    if not name:
        if rules.processed_group or rules.passed_means_processed:
            flag = "--processed-group" if rules.processed_group else "--passed-means"
            raise UsageError("processed_in_missing", f"{flag} says nothing without --processed-in.",
                             hint="Give the consumer's table with --processed-in TABLE.")  # fmt: skip
        return _NoTable()
    mapping = _offsets_of(gateways, name)
    if mapping is not None:
        return PassedRecords(gateways, rules, mapping, reader)
    if rules.passed_means_processed:
        raise UsageError("no_stored_offsets", f"{name} is a dedup table: it has no offset that passes anything.",
                         hint="Leave --passed-means out.")  # fmt: skip
    return ProcessedRecords(gateways, rules, reader)


def _offsets_of(gateways: Gateways, name: str) -> OffsetsMapping | None:
    """The mapping of a table of stored offsets, None for what is, or may be, a dedup table."""
    tables = gateways.profile.get("tables") or {}
    offsets = all_mappings(tables)
    if name in offsets and is_dedup(tables, name):
        raise UsageError("which_table", f"{name} is in the profile's tables.dedup and in its tables.offsets.",
                         why="Both can say what was processed, each in its own way.",
                         hint=f"Rename one, or name the table: {offsets[name].table}.")  # fmt: skip
    if name in offsets:
        return found_mapping(gateways, name)
    if is_dedup(tables, name):
        return None
    catalogue = gateways.database.describe_table(parse_table_name(name))
    return _fitting(gateways, catalogue, offsets) if catalogue is not None else None


def _fitting(
    gateways: Gateways, catalogue: TableCatalogue, offsets: Mapping[str, OffsetsMapping]
) -> OffsetsMapping | None:
    """The profile's mapping of this table, whatever its name; else one of the usual columns."""
    mapped = {}
    for name, mapping in offsets.items():
        found = gateways.database.describe_table(mapping.table)
        if found is not None and found.table == catalogue.table:
            mapped[name] = checked(found, mapping)
    if len(set(mapped.values())) > 1:
        raise UsageError("which_table", f"The profile maps {catalogue.table} as {' and as '.join(mapped)}.",
                         hint="Give the name of a mapping.")  # fmt: skip
    if mapped:
        return next(iter(mapped.values()))
    have = {one.name for one in catalogue.columns}
    usual = OffsetsMapping(table=catalogue.table)
    if have & _IDS:
        return None
    if not set(usual.columns().values()) - {None} <= have:
        raise UsageError("not_processed_table", f"{catalogue.table} is no dedup table and holds no stored offsets.",
                         why=f"It has {', '.join(one.name for one in catalogue.columns)}.",
                         hint="Map its columns in the profile's tables.dedup or tables.offsets.")  # fmt: skip
    return usual
