"""Ratios of what was measured in rounds, with the interval that holds the true one in 95 of 100 such runs.

Ratios are compared by their logarithms: twice as slow and half as slow are equally far from the same. Student's t is
used because rounds are few; a machine's noise within a round hits both twins and so cancels out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist, fmean, stdev, variance

# Student's t at 97.5 %, for 1 to 30 degrees of freedom (any table of the distribution).
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
      2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)  # fmt: skip
_LEAST = 1e-9
"""What is measured as nothing counts as this, so that it has a logarithm."""


@dataclass(frozen=True)
class Ratio:
    """A ratio and its interval; one round alone has none."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def is_certain(self) -> bool:
        """Whether the interval leaves out 1: more than chance."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high

    def __str__(self) -> str:
        known = f" ({self.low:.2f} to {self.high:.2f})" if self.low is not None and self.high is not None else ""
        return f"{self.value:.2f}{known}"


def paired(measured: Sequence[float], twin: Sequence[float]) -> Ratio:
    """What was measured over its twin of the same round. Both have the same length, at least one."""
    logs = [_log(one) - _log(other) for one, other in zip(measured, twin, strict=True)]
    if len(logs) < 2:
        return Ratio(exp(logs[0]))
    return _ratio(fmean(logs), stdev(logs) / sqrt(len(logs)), len(logs) - 1)


def unpaired(later: Sequence[float], earlier: Sequence[float]) -> Ratio:
    """One run's measure over another run's, rounds of which have nothing in common (Welch's interval)."""
    one, other = [_log(value) for value in later], [_log(value) for value in earlier]
    middle = fmean(one) - fmean(other)
    if len(one) < 2 or len(other) < 2:
        return Ratio(exp(middle))
    shares = [variance(each) / len(each) for each in (one, other)]
    error = sum(shares)
    if error == 0:
        return Ratio(exp(middle), exp(middle), exp(middle))
    freedom = error**2 / sum(share**2 / (len(each) - 1) for share, each in zip(shares, (one, other), strict=True))
    return _ratio(middle, sqrt(error), int(freedom))


def student_t(freedom: int) -> float:
    """The 97.5 % point for so many degrees of freedom (1 or more)."""
    if freedom <= len(_T):
        return _T[max(1, freedom) - 1]
    normal = NormalDist().inv_cdf(0.975)
    return normal + (normal**3 + normal) / (4 * freedom)


def percentile(values: Sequence[float], percent: float) -> float:
    """By nearest rank: a value that was really seen. At least one is there."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def _ratio(middle: float, error: float, freedom: int) -> Ratio:
    reach = student_t(freedom) * error
    return Ratio(exp(middle), exp(middle - reach), exp(min(middle + reach, 700)))


def _log(value: float) -> float:
    return log(max(value, _LEAST))
