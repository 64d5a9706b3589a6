"""One line and performance data, as the Monitoring Plugins guidelines want it for Nagios, Icinga and their kin.

`EOSCTL CRITICAL - what is wrong | label=value[unit];[warning];[critical];[minimum]`: one datum a check, its highest
value. A threshold `10` alerts above 10, which is how our limits are meant.
"""

from collections.abc import Sequence

from eosctl.domain.checks.levels import Level, Unit
from eosctl.domain.checks.measures import CheckResult, Judged, Round, summary_words

_NAMED = 3
_LONGEST = 2_000


def nagios_line(found: Round) -> str:
    """The line of a round."""
    bad = [one for one in found.results if one.level is not Level.OK]
    order = (Level.CRITICAL, Level.WARNING, Level.UNKNOWN)
    told = [_told(one) for one in sorted(bad, key=lambda one: order.index(one.level)) if one.measures]
    words = "; ".join([*told, *_unseen(bad)]) or summary_words(found.results)
    data = " ".join(_datum(one) for one in found.results)
    return f"{_head(found.level)} - {_one_line(words)}" + (f" | {data}" if data else "")


def nagios_failure(message: str) -> str:
    """The line of a plugin that could not do its work: unknown."""
    return f"{_head(Level.UNKNOWN)} - {_one_line(message)}"


def _head(level: Level) -> str:
    return f"EOSCTL {level.value.upper()}"


def _told(one: CheckResult) -> str:
    unit = one.check.unit
    bad = [each for each in one.measures if each.level is not Level.OK]
    words = [_subject_words(each, unit) for each in bad[:_NAMED]]
    if len(bad) > _NAMED:
        words.append(f"{len(bad) - _NAMED} more")
    if one.why:
        words.append(f"unknown: {one.why}")
    return f"{one.check.name} {one.level.value}: {', '.join(words)}"


def _unseen(bad: Sequence[CheckResult]) -> list[str]:
    """Checks without any answer, those with the same reason together: a broker that is away is named once."""
    reasons: dict[str, list[str]] = {}
    for one in bad:
        if not one.measures:
            reasons.setdefault(one.why, []).append(one.check.name)
    return [f"{', '.join(names)} unknown: {why}" for why, names in reasons.items()]


def _subject_words(each: Judged, unit: Unit) -> str:
    subject = " ".join(part for part in each.subject if part)
    value = unit.words(each.value) if each.value is not None else each.why.rstrip(".")
    return f"{subject} {value}".strip()


def _datum(one: CheckResult) -> str:
    """`U` stands for a value that could not be had."""
    unit, limits = one.check.unit, one.limits
    if one.highest is None:
        return f"{_label(one.check.name)}=U"
    ends = [_number(unit.base(limit)) if limit is not None else "" for limit in (limits.warning, limits.critical)]
    return f"{_label(one.check.name)}={_number(unit.base(one.highest))}{unit.symbol};{ends[0]};{ends[1]};0"


def _label(name: str) -> str:
    """Quoted where it holds more than letters, digits and dashes; `=` and `'` may not be in it."""
    plain = name.replace("=", "_").replace("'", "_")
    return plain if plain.replace("-", "").isalnum() else f"'{plain}'"


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _one_line(words: str) -> str:
    """No line break, and no bar: it begins the performance data."""
    flat = " ".join(words.replace("|", "/").split())
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 3] + "..."
