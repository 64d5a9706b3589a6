"""Charts as values: what is drawn, not how. Operations put them into documents; `render/charts.py` draws them."""

from collections.abc import Sequence
from dataclasses import dataclass

PERCENTILES = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9)


@dataclass(frozen=True)
class Line:
    """One line: points from left to right."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class LineChart:
    """Lines over an axis, for example of time. `x` and `y` name the axes with their units."""

    title: str
    x: str
    y: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Curve:
    """A distribution by its values at PERCENTILES."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Distribution:
    """Distributions side by side, percentile by percentile, on a logarithmic axis: the tail is what matters."""

    title: str
    y: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Bar:
    """A value with the interval in which it lies, where one is known."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Bars:
    """One bar for each label of a bar chart; None where nothing was measured."""

    name: str
    bars: tuple[Bar | None, ...]


@dataclass(frozen=True)
class BarChart:
    """Groups of bars with their intervals."""

    title: str
    y: str
    labels: tuple[str, ...]
    groups: tuple[Bars, ...]


@dataclass(frozen=True)
class Span:
    """Something that lasted, or happened at one moment when start and end are the same."""

    start_s: float
    end_s: float
    name: str


@dataclass(frozen=True)
class Lane:
    """What happened to one of those who took part."""

    name: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class TimeLine:
    """Events in lanes, one below the other, over seconds from the start."""

    title: str
    lanes: tuple[Lane, ...]


Chart = LineChart | Distribution | BarChart | TimeLine


def curve_of(name: str, values: Sequence[float]) -> Curve:
    """The curve of measured values (at least one), nearest rank: each point is a value that was really seen."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return Curve(name, tuple(ordered[min(last, int(len(ordered) * percent / 100))] for percent in PERCENTILES))
