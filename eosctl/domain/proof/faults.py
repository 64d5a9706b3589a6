"""Draws the plan of faults of a trial: the same seed, strategy and wish give the same plan. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.domain.strategies.scaffolding import Program

Kind = Literal[
    "kill", "pause", "rebalance", "duplicate", "cut", "lost-ack", "slow", "broker-kill", "broker-restart",
    "database-kill", "disk-full", "connect-kill",
]  # fmt: skip
KINDS: tuple[Kind, ...] = (
    "kill", "pause", "rebalance", "duplicate", "cut", "lost-ack", "slow", "broker-kill", "broker-restart",
    "database-kill", "disk-full", "connect-kill",
)  # fmt: skip
WIRE_KINDS: tuple[Kind, ...] = ("cut", "lost-ack", "slow")
"""These need a proxy between the program and the server."""

SERVER_KINDS: tuple[Kind, ...] = ("broker-kill", "broker-restart", "database-kill", "disk-full", "connect-kill")
"""These touch servers: a lab's, and only when they are allowed."""

BATCH = 20
"""Messages that a program under test takes at once."""

FEWEST, MOST = 10, 50
"""A fault comes after so many messages; the book's chaos test has the same range."""

WIRE_POINTS = ("produce", "offset-commit", "transaction-commit", "database-commit")
"""Commits and sends that a proxy sees pass, before they arrive and when they are answered."""

DEDUPLICATING = (
    "at-least-once", "natural-idempotency", "dedup-table", "idempotency-key", "conditional-write",
    "content-fingerprint", "external-idempotency-keys", "reservation-compensation",
)  # fmt: skip
"""Strategies that promise something for a message that comes twice from upstream, as two records."""

_ONCE_A_MESSAGE = {
    "before-effect", "after-effect", "after-reservation", "after-confirmation", "before-business-commit",
    "after-business-commit",
}  # fmt: skip
_RARE = "reconciler-"
_SAYS = {
    "produce": r"\.produce\(",
    "offset-commit": r"\bcommit\(consumer",
    "transaction-commit": r"commit_transaction\(",
    "database-commit": r"database\.transaction\(\)",
}


@dataclass(frozen=True)
class Fault:
    """One fault: `kill` ends `program` by SIGKILL at `point`, passed `passes` times, after about `after_messages`.

    `pause` stops the program (SIGSTOP) past its session time-out while a second instance works on, then lets it go on.
    `rebalance` lets a second instance join and leave; `duplicate` sends messages again. `cut` ends all connections to
    `point`, `slow` delays each message to and from it, `lost-ack` drops the answer at `point`. `disk-full` lets
    the server `point` write to no file until it has ended of that; the others end a server.
    They come when `after_messages` more are committed.
    """

    kind: Kind
    program: str
    after_messages: int
    point: str = ""
    passes: int = 0
    instance: int = 1

    def words(self) -> str:
        """Which, at which place."""
        return f"{self.kind} ({self.point})" if self.point else self.kind


@dataclass(frozen=True)
class Happened:
    """A fault of the plan and when it came, in milliseconds from the start; None when the work was over before."""

    fault: Fault
    at_ms: int | None


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


def wires(files: Mapping[str, str], programs: Sequence[Program]) -> dict[str, tuple[str, ...]]:
    """What each program says to servers that a proxy can hold: its commits and sends, by its own text."""
    return {
        one.file: tuple(point for point in WIRE_POINTS if re.search(_SAYS[point], files[one.file])) for one in programs
    }


def draw(
    strategy: str,
    programs: Sequence[Program],
    *,
    crashes: int,
    kinds: Sequence[Kind],
    seed: int,
    wired: Mapping[str, tuple[str, ...]] | None = None,
    points: Sequence[str] = (),
) -> tuple[Fault, ...]:
    """`crashes` faults, in the order of the programs, each place as often as any other (but for one).

    Only consumers are paused and rebalanced: the other programs have no group to lose. `points` keeps kills to these.
    """
    random = Random(f"{seed}:{strategy}")
    places = [
        (kind, one.file, point)
        for kind in kinds
        for one in programs
        for point in _places(kind, one, strategy, (wired or {}).get(one.file, ()), points)
    ]
    random.shuffle(places)
    drawn = [places[number % len(places)] for number in range(crashes)] if places else []
    faults = [_fault(random, *place) for place in drawn]
    order = [one.file for one in programs]
    return tuple(sorted(faults, key=lambda one: order.index(one.program)))


def draw_own(
    passed: Sequence[str], *, crashes: int, kinds: Sequence[Kind], instances: int, seed: int, points: Sequence[str] = ()
) -> tuple[Fault, ...]:
    """The faults of the user's own program, of which only is known what a proxy saw pass (`passed`)."""
    random = Random(f"{seed}:own")
    wired = [one for one in WIRE_POINTS if one in passed]
    sides = [f"{side}-{one}" for one in wired for side in ("before", "after")]
    wanted = [one for one in [*sides, "anywhere"] if not points or one in points]
    servers = ["kafka", *(["database"] if "database-commit" in wired else [])]
    held = [one for one in wanted if one.startswith("before-")] or ["anywhere"]
    by_kind: dict[Kind, list[str]] = {
        "kill": wanted, "pause": held, "cut": servers, "slow": servers, "lost-ack": wired, "disk-full": servers,
        "connect-kill": [],
    }  # fmt: skip
    places = [(kind, point) for kind in kinds for point in by_kind.get(kind, [""])]
    random.shuffle(places)
    drawn = [places[number % len(places)] for number in range(crashes)] if places else []
    return tuple(
        Fault(kind, "", random.randint(FEWEST, MOST), point, random.randint(1, 2), random.randint(1, instances))
        for kind, point in drawn
    )


def _places(
    kind: Kind, program: Program, strategy: str, wired: Sequence[str], points: Sequence[str]
) -> tuple[str, ...]:
    if kind == "kill":
        return tuple(one for one in program.crash_points if not points or one in points)
    if kind == "lost-ack":
        return tuple(wired)
    if kind in ("cut", "slow"):
        return ("kafka", "database") if "database-commit" in wired else ("kafka",) if wired else ()
    if kind == "connect-kill":  # behind the service everything has been carried over, and Connect has nothing to do
        return ("",) if strategy == "outbox-cdc" and program.role == "service" else ()
    if kind == "disk-full":
        return ("kafka", "database") if "database-commit" in wired else ("kafka",)
    if kind in SERVER_KINDS:
        return ("",) if kind != "database-kill" or "database-commit" in wired else ()
    if kind == "duplicate" and strategy not in DEDUPLICATING:
        return ()
    return ("",) if program.role == "consumer" else ()


def _fault(random: Random, kind: Kind, program: str, point: str) -> Fault:
    after = random.randint(FEWEST, MOST)
    if kind == "lost-ack":
        return Fault(kind, program, after, point, -(-after // BATCH))
    if kind != "kill":
        return Fault(kind, program, after, point)
    if point.startswith(_RARE):
        return Fault(kind, program, after, point, 1)  # passed only for what a crash left open
    return Fault(kind, program, after, point, after if point in _ONCE_A_MESSAGE else -(-after // BATCH))
