"""When effects came, where they carry no time: how many there are is looked at again and again."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from eosctl.domain.proof.counting import Effect

_LOOK_EVERY_S = 0.4


class Curve:
    """Pairs of time and count. An effect came between the last look without it and the first with it."""

    def __init__(self, count: Callable[[], int], now_ms: Callable[[], int]) -> None:
        self._count, self._now_ms = count, now_ms
        self._marks: list[tuple[int, int]] = []
        self._next = 0.0

    def look(self, *, at_once: bool = False) -> None:
        """Counts, unless it was done just now."""
        if at_once or time.monotonic() >= self._next:
            count = self._count()
            self._marks.append((self._now_ms(), count))
            self._next = time.monotonic() + _LOOK_EVERY_S

    def timed(self, effects: Iterable[Effect]) -> Iterator[Effect]:
        """The effects, in the order in which they came, each with the time of the look that saw it first."""
        marks = iter(self._marks)
        at_ms, count = next(marks, (None, 1 << 62))
        for ordinal, effect in enumerate(effects, 1):
            while at_ms is not None and count < ordinal:
                at_ms, count = next(marks, (None, 1 << 62))
            yield replace(effect, at_ms=at_ms)
