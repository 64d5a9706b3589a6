"""Rules of the relay, pure: which aggregates are held back and how long, how relays share lanes, when to wait."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from eosctl.domain.outbox_events import OutboxEvent, ValueForm

LANES = 64
"""Aggregates are spread over so many lanes by hash; a lane belongs to one relay at a time."""
EXHAUSTED_LOOK_MS = 5_000
"""How long an aggregate behind an exhausted event is left alone before its rows are looked at again."""
_FIRST_DELAY_MS = 200
_LONGEST_DELAY_MS = 30_000


@dataclass(frozen=True, kw_only=True)
class RelayWish:
    """How a relay runs. `rate_per_s` 0 means as fast as it goes; `once` and `drain` say when it ends by itself."""

    topic_template: str
    form: ValueForm = ValueForm.PAYLOAD
    batch_size: int = 2_000
    poll_ms: int = 100
    rate_per_s: int = 0
    once: bool = False
    drain: bool = False

    @property
    def next_batch(self) -> int:
        """Rows of one batch: at most a second's worth under a rate."""
        return min(self.batch_size, self.rate_per_s) if self.rate_per_s else self.batch_size


@dataclass
class Holds:
    """Aggregates whose rows are left alone until a moment (monotonic milliseconds): order goes before speed."""

    until_ms: dict[tuple[str, str], int] = field(default_factory=dict)

    def hold(self, aggregate: tuple[str, str], until_ms: int) -> None:
        """Leaves an aggregate alone."""
        self.until_ms[aggregate] = max(until_ms, self.until_ms.get(aggregate, 0))

    def release_due(self, now_ms: int) -> None:
        """Lets go of those whose time is over."""
        for aggregate in [one for one, until in self.until_ms.items() if until <= now_ms]:
            del self.until_ms[aggregate]

    def next_due_ms(self) -> int | None:
        """The next moment at which one is let go."""
        return min(self.until_ms.values(), default=None)


@dataclass(frozen=True)
class Selection:
    """A batch divided: what may go out now, and the aggregates behind an exhausted or a locked event."""

    ready: tuple[OutboxEvent, ...]
    exhausted: frozenset[tuple[str, str]]
    locked_elsewhere: frozenset[tuple[str, str]]


def select(events: Iterable[OutboxEvent], max_retries: int) -> Selection:
    """What of a batch may go out: nothing that comes after an exhausted or locked event of its aggregate.

    `events` must be in publishing order and hold, of each aggregate, the oldest pending ones.
    """
    ready: list[OutboxEvent] = []
    exhausted: set[tuple[str, str]] = set()
    locked: set[tuple[str, str]] = set()
    for event in events:
        aggregate = event.aggregate
        if aggregate in exhausted or aggregate in locked:
            continue
        if event.retry_count >= max_retries:
            exhausted.add(aggregate)
        elif not event.locked:
            locked.add(aggregate)
        else:
            ready.append(event)
    return Selection(tuple(ready), frozenset(exhausted), frozenset(locked))


def retry_delay_ms(retry_count: int) -> int:
    """How long to wait before the next try of an event that has failed so often: doubling, at most 30 s."""
    return min(_LONGEST_DELAY_MS, _FIRST_DELAY_MS << min(retry_count, 16))


def fair_share(relays: int) -> int:
    """The most lanes that one of so many relays may hold."""
    return -(-LANES // max(1, relays))


def lanes_to_release(held: Collection[int], relays: int) -> tuple[int, ...]:
    """The lanes to give away so that others get their share: the highest first go."""
    surplus = len(held) - fair_share(relays)
    return tuple(sorted(held)[-surplus:]) if surplus > 0 else ()


def lanes_to_try(held: Collection[int], taken: Collection[int], relays: int) -> tuple[int, ...]:
    """Free lanes that this relay may try to lock, no more than its share."""
    wanted = fair_share(relays) - len(held)
    free: Sequence[int] = [lane for lane in range(LANES) if lane not in held and lane not in taken]
    return tuple(free[:wanted]) if wanted > 0 else ()
