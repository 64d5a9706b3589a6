"""What a plan says of a table of stored offsets that was asked about dead letters. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eosctl.core.counts import counted
from eosctl.core.errors import Notice
from eosctl.domain.dlq import tally
from eosctl.domain.dlq.passed import SETTLED_MS, Said
from eosctl.domain.offsets import OffsetsMapping

_NAMED = 10


@dataclass(frozen=True)
class PassedSum:
    """What a scan counted: `outcomes` of all records, and of the `replayed` ones what was said. `scanned` false: none.

    `claimed` is whether --passed-means says that what was passed was processed.
    """

    mapping: OffsetsMapping
    groups: Sequence[str]
    claimed: bool = False
    scanned: bool = True
    outcomes: Mapping[str, int] = field(default_factory=dict)
    replayed: Mapping[Said, int] = field(default_factory=dict)


def passed_notices(sum_: PassedSum) -> tuple[Notice, ...]:
    """How the table is read, then one for each kind of record there is."""
    text = f"{sum_.mapping.table} is read as {sum_.mapping.offset_means.value}."
    means = Notice("offset_means", text, "offset_means in the profile's tables.offsets says what a table holds.")
    found = [means, *_passed(sum_)]
    if count := sum_.outcomes.get(tally.SKIPPED_AHEAD):
        one = "is skipped because the consumer has not passed it: it must run to process it."
        many = "are skipped because the consumer has not passed them: it must run to process them."
        text = counted(count, one, many)
        hint = "A later run that finds them passed replays them: purge them by then, or give --since."
        found.append(Notice("ahead", text, hint))
    if count := sum_.outcomes.get(tally.HELD_AHEAD):
        text = counted(count, "is held because the consumer has not passed it and may be at it now.",
                       "are held because the consumer has not passed them and may be at them now.")  # fmt: skip
        hint = f"They were written less than {SETTLED_MS // 60_000}m ago, or do not tell when. Run it again later."
        found.append(Notice("ahead_or_at_it", text, hint))
    if count := sum_.replayed.get(Said.GONE):
        text = counted(count, "was not passed, but can't be read there any more: it is replayed.",
                       "were not passed, but can't be read there any more: they are replayed.")  # fmt: skip
        hint = "Their origin does not hold them, or the stored offset lies before the start of its log."
        found.append(Notice("ahead_and_gone", text, hint))
    if count := sum_.replayed.get(Said.UNKNOWN):
        text = counted(count, "tells no origin, or has no offset of its group in the table: it is replayed.",
                       "tell no origin, or have no offset of their group in the table: they are replayed.")  # fmt: skip
        hint = f"It has {named(sum_.groups)}: --processed-group says which one is meant." if sum_.groups else ""
        found.append(Notice("offset_not_stored", text, hint))
    return tuple(found)


def named(groups: Sequence[str]) -> str:
    """The first of them."""
    more = len(groups) - _NAMED
    return ", ".join(groups[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _passed(sum_: PassedSum) -> list[Notice]:
    if sum_.claimed:
        text = _letters(
            sum_, sum_.outcomes.get(tally.SKIPPED_PASSED, 0), "skipped: that such were processed is your word."
        )
        hint = ("It holds for a consumer that never stores an offset past a record that it dead-lettered, or that was "
                "set back and has read them again since.")  # fmt: skip
        return [Notice("passed_means_processed", text, hint)]
    if sum_.scanned and not sum_.replayed.get(Said.PASSED):
        return []
    count = sum_.replayed.get(Said.PASSED, 0)
    text = _letters(sum_, count, "replayed: it passes what was dead-lettered, too.")
    return [Notice("passed_is_no_proof", text, "If you know that they were processed: --passed-means processed.")]


def _letters(sum_: PassedSum, count: int, then: str) -> str:
    passed = "that the stored offset has passed"
    if not sum_.scanned:
        return f"Dead letters {passed} are {then}"
    return f"{counted(count, f'dead letter {passed} is', f'dead letters {passed} are')} {then}"
