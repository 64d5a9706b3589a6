"""Draws the plan of faults of a trial: the same seed, strategy and wish give the same plan. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.domain.strategies.scaffolding import Program

Kind = Literal["kill", "pause", "rebalance"]
KINDS: tuple[Kind, ...] = ("kill", "pause", "rebalance")
BATCH = 20
"""Messages that a program under test takes at once."""

FEWEST, MOST = 10, 50
"""A fault comes after so many messages; the book's chaos test has the same range."""

_ONCE_A_MESSAGE = {
    "before-effect", "after-effect", "after-reservation", "after-confirmation", "before-business-commit",
    "after-business-commit",
}  # fmt: skip
_RARE = "reconciler-"


@dataclass(frozen=True)
class Fault:
    """One fault: `kill` ends `program` by SIGKILL at `point`, passed `passes` times, after about `after_messages`.

    `pause` stops the program (SIGSTOP) past its session time-out while a second instance works on, then lets it go on.
    `rebalance` lets a second instance join and leave. Both come when `after_messages` more are committed.
    """

    kind: Kind
    program: str
    after_messages: int
    point: str = ""
    passes: int = 0


def parse_kinds(text: str) -> tuple[Kind, ...]:
    """The kinds in `kill,pause`. Raises UsageError (`unknown_fault`)."""
    wanted = [one.strip() for one in text.split(",") if one.strip()]
    for one in wanted:
        if one not in KINDS:
            raise UsageError("unknown_fault", f"There is no fault {one!r}.",
                             hint=did_you_mean(one, KINDS) or f"There are: {', '.join(KINDS)}.")  # fmt: skip
    if not wanted:
        raise UsageError("no_fault", "--faults names no fault.", hint=f"There are: {', '.join(KINDS)}.")
    return tuple(kind for kind in KINDS if kind in wanted)


def draw(
    strategy: str, programs: Sequence[Program], *, crashes: int, kinds: Sequence[Kind], seed: int
) -> tuple[Fault, ...]:
    """`crashes` faults, in the order of the programs, each place as often as any other (but for one).

    Only consumers are paused and rebalanced: the other programs have no group to lose.
    """
    random = Random(f"{seed}:{strategy}")
    places = [
        (kind, one.file, point)
        for kind in kinds
        for one in programs
        for point in (one.crash_points if kind == "kill" else ("",) if one.role == "consumer" else ())
    ]
    random.shuffle(places)
    drawn = [places[number % len(places)] for number in range(crashes)] if places else []
    faults = [_fault(random, *place) for place in drawn]
    order = [one.file for one in programs]
    return tuple(sorted(faults, key=lambda one: order.index(one.program)))


def _fault(random: Random, kind: Kind, program: str, point: str) -> Fault:
    after = random.randint(FEWEST, MOST)
    if kind != "kill":
        return Fault(kind, program, after)
    if point.startswith(_RARE):
        return Fault(kind, program, after, point, 1)  # passed only for what a crash left open
    return Fault(kind, program, after, point, after if point in _ONCE_A_MESSAGE else -(-after // BATCH))
