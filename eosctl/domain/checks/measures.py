"""One look at everything that is watched: each check, what it measured of whom, and how that is judged. Pure rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from eosctl.core.counts import counted
from eosctl.core.errors import Notice
from eosctl.domain.checks.levels import Level, Limits, Unit, level_of, worst


@dataclass(frozen=True, kw_only=True)
class Check:
    """What is watched: its name, its metric in Prometheus's words, its unit, whose value it is, and when it is bad.

    `labels` name the subject (topic, group, table, slot). `needs` are the servers without which nothing can be said.
    `look` is the command that tells more.
    """

    name: str
    metric: str
    unit: Unit
    says: str
    labels: tuple[str, ...]
    limits: Limits
    needs: tuple[str, ...]
    look: str


@dataclass(frozen=True)
class Measure:
    """A value of one subject, in the check's unit. `level` overrules the limits; `value` None: there is no number."""

    subject: tuple[str, ...]
    value: int | None
    level: Level | None = None
    why: str = ""


@dataclass(frozen=True)
class Measured:
    """What a look gave one check: the measures, and a notice for each subject or server that did not answer."""

    measures: tuple[Measure, ...] = ()
    failures: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class Judged:
    """A measure with its level."""

    subject: tuple[str, ...]
    value: int | None
    level: Level
    why: str = ""


@dataclass(frozen=True)
class CheckResult:
    """A check's answer: the measures, the worst first. `why` says what could not be seen."""

    check: Check
    limits: Limits
    level: Level
    measures: tuple[Judged, ...]
    why: str = ""

    @property
    def seen(self) -> bool:
        """Whether it was looked at whole: only then it is a fresh sample."""
        return not self.why and all(one.level is not Level.UNKNOWN for one in self.measures)

    @property
    def highest(self) -> int | None:
        """The highest value; None when there is none."""
        return max((one.value for one in self.measures if one.value is not None), default=None)


@dataclass(frozen=True)
class Round:
    """All checks at one time. `servers`: whether each one answered. `left_out`: by name, why nobody asked."""

    results: tuple[CheckResult, ...]
    servers: Mapping[str, bool]
    at: datetime
    took_ms: int
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """The worst level."""
        return worst(one.level for one in self.results)


def judge(check: Check, limits: Limits, measured: Measured) -> CheckResult:
    """The result. A part that did not answer makes it unknown, unless what did answer is bad: that counts more.

    Nothing there to measure is a value of 0: no open transaction has no age.
    """
    measures = measured.measures
    if not measures and not measured.failures:
        measures = (Measure(("",) * len(check.labels), 0),)
    judged = sorted((_judged(one, limits) for one in measures), key=_badness)
    levels = [*(one.level for one in judged), *([Level.UNKNOWN] if measured.failures else [])]
    why = " ".join(dict.fromkeys(one.message for one in measured.failures))
    return CheckResult(check, limits, worst(levels), tuple(judged), why)


def unseen(check: Check, limits: Limits, why: str) -> CheckResult:
    """A check that could not be looked at."""
    return CheckResult(check, limits, Level.UNKNOWN, (), why)


def summary_words(results: Sequence[CheckResult]) -> str:
    """`9 checks: 1 critical, 8 ok`, the worst first."""
    counts = [
        (level, sum(one.level is level for one in results))
        for level in (Level.CRITICAL, Level.WARNING, Level.UNKNOWN, Level.OK)
    ]
    words = ", ".join(f"{count} {level.value}" for level, count in counts if count)
    return f"{counted(len(results), 'check')}: {words}" if results else "No check was made"


def _judged(one: Measure, limits: Limits) -> Judged:
    level = one.level
    if level is None:
        level = Level.UNKNOWN if one.value is None else level_of(one.value, limits)
    return Judged(one.subject, one.value, level, one.why)


def _badness(one: Judged) -> tuple[int, int, tuple[str, ...]]:
    order = (Level.CRITICAL, Level.WARNING, Level.UNKNOWN, Level.OK)
    return order.index(one.level), -(one.value if one.value is not None else 0), one.subject
