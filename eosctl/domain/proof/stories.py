"""The story of each message that went wrong: when it was sent, who handled it, which fault lay between. Pure."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from eosctl.core.durations import format_duration_ms
from eosctl.domain.proof.counting import ABORTED, ACCOUNTS, Effect, known
from eosctl.domain.proof.faults import Happened

MOST_STORIES = 200


@dataclass(frozen=True)
class Ran:
    """One process of a program: `run` counts its starts; `ended` says how: killed, asked, or by itself."""

    program: str
    instance: str
    run: int
    began_ms: int
    ended_ms: int | None
    ended: str

    @property
    def name(self) -> str:
        """How a story calls it."""
        return f"{self.program} run {self.run}"


@dataclass(frozen=True)
class Sent:
    """So many messages from `first` on, acknowledged at `at_ms`."""

    first: int
    count: int
    at_ms: int


@dataclass(frozen=True)
class Handled:
    """One effect of a message: when, and by which process (two names when two ran)."""

    at_ms: int | None
    by: str


@dataclass(frozen=True)
class Story:
    """A message that went wrong. `what` is duplicate, missed, corrupted or aborted; `between` names the faults."""

    id: str
    what: str
    sent_ms: int | None
    handled: tuple[Handled, ...]
    between: tuple[str, ...]
    told: str


@dataclass(frozen=True)
class Course:
    """What happened in a trial, by time: sent, ran, broken."""

    sent: tuple[Sent, ...] = ()
    ran: tuple[Ran, ...] = ()
    history: tuple[Happened, ...] = ()


def stories(course: Course, effects: Sequence[Effect], *, messages: int, prefix: str = "m") -> tuple[Story, ...]:
    """A story for each, the first `MOST_STORIES` of them, in the order of the messages."""
    by_id: dict[str, list[Effect]] = defaultdict(list)
    for one in effects:
        by_id[one.id].append(one)
    told = []
    for number in range(messages):
        id = f"{prefix}{number}"
        wrong = [one for one in by_id.get(id, ()) if one != known(id, prefix, one.at_ms)]
        if wrong:
            told.append(_story(course, id, "corrupted", number, wrong, wrong[0].at_ms, wrong[-1].at_ms))
        elif id not in by_id:
            told.append(_missed(course, id, number, by_id, prefix))
        elif len(by_id[id]) > 1:
            found = by_id[id]
            told.append(_story(course, id, "duplicate", number, found, found[0].at_ms, found[-1].at_ms))
        if len(told) >= MOST_STORIES:
            return tuple(told)
    for id in (one for one in by_id if one.startswith(ABORTED)):
        told.append(_story(course, id, "aborted", None, by_id[id], None, None))
    return tuple(told[:MOST_STORIES])


def _missed(course: Course, id: str, number: int, by_id: dict[str, list[Effect]], prefix: str) -> Story:
    """Between the effects of its neighbours of the same account lies the fault that took it."""
    before = _neighbour(by_id, prefix, number, -ACCOUNTS)
    after = _neighbour(by_id, prefix, number, ACCOUNTS)
    return _story(course, id, "missed", number, (), before, after)


def _neighbour(by_id: dict[str, list[Effect]], prefix: str, number: int, step: int) -> int | None:
    for _ in range(50):
        number += step
        found = by_id.get(f"{prefix}{number}")
        if found and found[0].at_ms is not None:
            return found[0].at_ms
    return None


def _story(  # noqa: PLR0917
    course: Course, id: str, what: str, number: int | None, found: Sequence[Effect], low: int | None, high: int | None
) -> Story:
    sent_ms = None if number is None else _sent_ms(course.sent, number)
    handled = tuple(Handled(one.at_ms, _who(course.ran, one.at_ms)) for one in found)
    between = (
        _between(course.history, low, high, missed=what == "missed") if low is not None or high is not None else ()
    )
    return Story(id, what, sent_ms, handled, between, _told(id, what, sent_ms, handled, between))


def _sent_ms(sent: Sequence[Sent], number: int) -> int | None:
    at = bisect_right([one.first for one in sent], number) - 1
    return sent[at].at_ms if at >= 0 else None


def _who(ran: Sequence[Ran], at_ms: int | None) -> str:
    if at_ms is None:
        return ""
    alive = [one for one in ran if one.began_ms <= at_ms and (one.ended_ms is None or at_ms <= one.ended_ms)]
    return " or ".join(one.name for one in alive)


def _between(history: Sequence[Happened], low: int | None, high: int | None, *, missed: bool) -> tuple[str, ...]:
    """The faults from `low` to `high`; without any, the last one before `high` is named."""
    came = [one for one in history if one.at_ms is not None]
    inside = [one for one in came if (low is None or one.at_ms >= low) and (high is None or one.at_ms <= high)]  # type: ignore[operator]
    if not inside and high is not None:
        inside = [one for one in came if one.at_ms <= high][-1:]  # type: ignore[operator]
    return tuple(f"{one.fault.words()} at {_at(one.at_ms)}" for one in (inside[-1:] if missed else inside[:3]))


def _told(id: str, what: str, sent_ms: int | None, handled: Sequence[Handled], between: Sequence[str]) -> str:
    parts = [f"{id} was sent at {_at(sent_ms)}" if sent_ms is not None else f"{id} was sent in an aborted transaction"]
    for one in handled[:4]:
        by = f" by {one.by}" if one.by else ""
        parts.append(f"had an effect{f' at {_at(one.at_ms)}' if one.at_ms is not None else ''}{by}")
    if what == "missed":
        parts.append("never had an effect")
    if between:
        where = "nearby" if what == "missed" else "between"
        parts.append(f"{where}: {', '.join(between)}")
    return "; ".join(parts) + "."


def _at(at_ms: int | None) -> str:
    return "?" if at_ms is None else format_duration_ms(at_ms)


@dataclass(frozen=True)
class Mark:
    """So many effects there were at a time."""

    at_ms: int
    effects: int


def marks(effects: Sequence[Effect], most: int = 60) -> tuple[Mark, ...]:
    """How the effects grew, in at most so many marks; () when they carry no time."""
    times = sorted(one.at_ms for one in effects if one.at_ms is not None)
    if not times:
        return ()
    step = max(1, -(-len(times) // most))
    chosen = [*range(step - 1, len(times), step)]
    if chosen[-1:] != [len(times) - 1]:
        chosen.append(len(times) - 1)
    return tuple(Mark(times[one], one + 1) for one in chosen)
