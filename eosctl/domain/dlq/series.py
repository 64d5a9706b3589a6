"""How far a replay was when: a series of few points, however long it runs. Pure."""

from dataclasses import dataclass, field

_MOST = 120


@dataclass
class ProgressSeries:
    """(milliseconds since the epoch, records replayed), ever wider apart; the last note is always there."""

    points: list[tuple[int, int]] = field(default_factory=list)
    apart_ms: int = 0

    def note(self, at_ms: int, replayed: int) -> None:
        """So many were replayed at that time. A note that comes soon after another one takes its place."""
        if len(self.points) > 1 and at_ms - self.points[-2][0] < self.apart_ms:
            self.points[-1] = (at_ms, replayed)
            return
        self.points.append((at_ms, replayed))
        if len(self.points) > _MOST:
            self.points = [*self.points[:-1:2], self.points[-1]]
            self.apart_ms = max(1, 2 * (self.points[-1][0] - self.points[0][0]) // _MOST)
