"""What a consumer's stored offset says of a dead letter. Pure rules; why: docs/decisions/dead-letters.md.

A stored offset passes what was processed and what was dead-lettered alike, so below it nothing is known. What it has
not passed the consumer reads by itself, when its origin still holds it and the consumer is not at it right now.
"""

from enum import StrEnum

from eosctl.domain.dlq import tally
from eosctl.domain.dlq.records import RawRecord

SETTLED_MS = 300_000
"""`max.poll.interval.ms` by default: a batch that was in work when the dead letter was written is stored by then."""
_NO_TIME, _APPENDED = 0, 2


class Said(StrEnum):
    """AHEAD: the consumer reads it by itself. NEW: it does, or is at it now. GONE: not passed, but not to be read there
    any more. PASSED: processed or dead-lettered. UNKNOWN: no origin, or no offset of its group is stored."""

    AHEAD = "ahead"
    NEW = "new"
    GONE = "gone"
    PASSED = "passed"
    UNKNOWN = "unknown"


def said_of(offset: int, stored: int | None, *, readable: bool, settled: bool) -> Said:
    """What the next offset to read, `stored`, says of the origin's `offset`; None when there is none, or not one alone.

    `readable`: the origin has a committed record of the same key there, and its log still has the stored offset: below
    its start the consumer's own reset decides, and may jump to the end.
    """
    if stored is None:
        return Said.UNKNOWN
    if offset < stored:
        return Said.PASSED
    if not readable:
        return Said.GONE
    return Said.AHEAD if settled else Said.NEW


def outcome_of(said: Said, *, passed_means_processed: bool) -> str:
    """The outcome (a name of `tally`), "" for a record that goes on as if nothing had been asked."""
    if said is Said.PASSED and passed_means_processed:
        return tally.SKIPPED_PASSED
    return {Said.AHEAD: tally.SKIPPED_AHEAD, Said.NEW: tally.HELD_AHEAD}.get(said, "")


def is_same(letter: RawRecord, origin: RawRecord | None) -> bool:
    """Whether the origin holds what the dead letter was made of. Its value may have been wrapped, its key was not."""
    return origin is not None and origin.key() == letter.key()


def is_settled(letter: RawRecord, origin: RawRecord | None, now_ms: int) -> bool:
    """Whether the dead letter was written so long ago that its consumer is through with the batch it was in.

    Connect and Streams give a dead letter the time of its origin: such a time does not tell when it was written.
    """
    kind, written_ms = letter.timestamp()
    if kind == _NO_TIME or (kind != _APPENDED and origin is not None and origin.timestamp()[1] == written_ms):
        return False
    return now_ms - written_ms >= SETTLED_MS
