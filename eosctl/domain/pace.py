"""How far work had come, and when: a series that stays small however long the work takes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from eosctl.core.charts import Line

MOST_POINTS = 240
PROGRESS = "progress"
"""The name of a series in what a step says of itself: pairs of milliseconds from the start and how much was done."""


@dataclass
class Pace:
    """Moments (ms from the start) and what was done by then. Thins itself out evenly; first and last are kept."""

    points: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])
    _every_ms: int = 0

    def note(self, at_ms: int, done: int) -> None:
        """So much is done now; `at_ms` and `done` never fall."""
        close = len(self.points) > 1 and self.points[-1][0] - self.points[-2][0] < self._every_ms
        if close:
            self.points[-1] = (at_ms, done)
        else:
            self.points.append((at_ms, done))
        if len(self.points) > MOST_POINTS:
            span = self.points[-1][0]
            self._every_ms = max(self._every_ms * 2, 2 * span // MOST_POINTS, 1)
            self.points = [*self.points[:-1:2], self.points[-1]]


def progress_line(name: str, points: Iterable[Iterable[int]]) -> Line:
    """What was done over seconds."""
    return Line(name, tuple((at / 1_000, float(done)) for at, done in points))


def rate_line(name: str, points: Iterable[Iterable[int]]) -> Line:
    """How much a second, between each two moments; moments of the same millisecond count as one."""
    known = dict((int(at), int(done)) for at, done in points)
    return Line(name, tuple(((first[0] + then[0]) / 2_000, (then[1] - first[1]) * 1_000 / (then[0] - first[0]))
                            for first, then in pairwise(sorted(known.items()))))  # fmt: skip
