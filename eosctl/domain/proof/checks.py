"""The checks of a trial, each a line of its own: what was found, and whether the promise asks for it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eosctl.core.counts import counted
from eosctl.domain.proof.counting import Tally

Held = Literal["yes", "no", "not promised"]


@dataclass(frozen=True)
class Check:
    """One check: `held` is `yes`, `no`, or `not promised` for what was broken and may be."""

    check: str
    held: Held
    found: str


@dataclass(frozen=True)
class Position:
    """Where a partition of the input ended, and where the consumer's position stands at the end."""

    partition: int
    position: int
    end: int


@dataclass(frozen=True)
class OutboxFacts:
    """The outbox at the end: its rows, rows not in the topic, records of the topic that no row tells of."""

    rows: int
    unpublished: int
    strangers: int


def checks(
    tally: Tally,
    promise: str,
    *,
    ordered: bool,
    positions: Sequence[Position] = (),
    outbox: OutboxFacts | None = None,
) -> tuple[Check, ...]:
    """Every check that applies. A position that nobody keeps in Kafka and an outbox that is not there have none."""
    once = promise == "exactly once"
    found = [
        _check("no acknowledged write is lost", tally.missed, promise != "at most once",
               f"{tally.total_messages:,} acknowledged, {tally.missed:,} without an effect"),
        _check("nothing is done twice", tally.duplicates, promise != "at least once",
               f"{counted(tally.duplicates, 'surplus effect')}"),
        _check("nothing is changed", tally.corrupted, True, f"{counted(tally.corrupted, 'effect')} with other content"),
        _check("nothing aborted is seen (G1a)", tally.aborted_seen, True,
               f"{counted(tally.aborted_seen, 'effect')} of aborted messages"),
        _check("each key keeps its order", tally.out_of_order, once and ordered,
               f"{counted(tally.out_of_order, 'message')} behind a later one"),
    ]  # fmt: skip
    if positions:
        found.append(_offsets(tally, positions, promised=once))
    if outbox is not None:
        astray = outbox.unpublished + outbox.strangers
        strangers = counted(outbox.strangers, "record")
        words = f"{counted(outbox.rows, 'row')}, {outbox.unpublished:,} not in the topic, {strangers} without a row"
        found.append(_check("outbox rows and topic agree", astray, True, words))
    return tuple(found)


def _offsets(tally: Tally, positions: Sequence[Position], *, promised: bool) -> Check:
    """A position at the end says that all is done: then all must have its effect; and the other way round."""
    behind = sum(one.end - one.position for one in positions if one.position < one.end)
    wrong = tally.missed if behind == 0 else behind if tally.missed == 0 else 0
    place = f"{behind:,} before" if behind else "at"
    words = f"positions are {place} the end, {counted(tally.missed, 'message')} without an effect"
    return _check("offsets and effects agree", wrong, promised, words)


def _check(name: str, faults: int, promised: bool, words: str) -> Check:
    return Check(name, "yes" if not faults else "no" if promised else "not promised", words)
