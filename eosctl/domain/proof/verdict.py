"""Judges a trial by its own promise, and only when its control was found out. Pure."""

from typing import Literal

from eosctl.core.counts import counted
from eosctl.domain.proof.counting import Tally

Verdict = Literal["pass", "fail", "inconclusive"]
UNORDERED = ("reservation-compensation",)
"""Strategies that promise no order: a reconciler settles later what a crash left open."""


def broken_promises(tally: Tally, promise: str, *, ordered: bool = True) -> tuple[str, ...]:
    """What was promised and is not so, in words: "3 duplicates". () when the promise was kept.

    At most once may miss, at least once may double; only exactly once promises the order of each key.
    """
    faults = {
        ("missed", "missed"): tally.missed if promise != "at most once" else 0,
        ("duplicate", "duplicates"): tally.duplicates if promise != "at least once" else 0,
        ("corrupted", "corrupted"): tally.corrupted,
        ("aborted seen", "aborted seen"): tally.aborted_seen,
        ("out of order", "out of order"): tally.out_of_order if promise == "exactly once" and ordered else 0,
    }
    return tuple(counted(number, one, many) for (one, many), number in faults.items() if number)


def verdict(tally: Tally, control: Tally, promise: str, *, ordered: bool = True) -> Verdict:
    """`fail` when a promise is broken; `inconclusive` when the control showed no fault: the test might be blind."""
    if broken_promises(tally, promise, ordered=ordered):
        return "fail"
    return "pass" if broken_promises(control, promise, ordered=ordered) else "inconclusive"
