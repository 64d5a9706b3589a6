"""What is to be checked, of whom, and from when on it is bad: the profile's `checks` section, and flags over it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.domain.checks.levels import Limits, parse_limit
from eosctl.domain.checks.measures import Check

_EXAMPLE = "Write checks: {groups: ['orders-*'], thresholds: {group-lag: {warning: 1000, critical: 50000}}}."


@dataclass(frozen=True)
class Wish:
    """`names` () means every check that has something to look at; the other lists narrow whom they look at.

    Groups are names or patterns with * and ?. Tables are mappings' names in the profile, or tables.
    """

    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    dead_letter_topics: tuple[str, ...] = ()
    slots: tuple[str, ...] = ()
    dedup_tables: tuple[str, ...] = ()
    outbox_tables: tuple[str, ...] = ()
    offsets_tables: tuple[str, ...] = ()
    limits: Mapping[str, Limits] = field(default_factory=dict)

    def limits_of(self, check: Check) -> Limits:
        """The check's limits, its own where nobody said otherwise."""
        return self.limits.get(check.name, check.limits)


_LISTS = tuple(one.name for one in fields(Wish) if one.name != "limits")
_KEYS = (*_LISTS, "thresholds")


def wish_of(section: Any, known: Mapping[str, Check]) -> Wish:
    """The wish of the profile's `checks` section. Raises UsageError (`bad_checks`) that names key and nearest name."""
    if not isinstance(section, Mapping):
        raise UsageError("bad_checks", "checks is not a mapping.", hint=_EXAMPLE)
    for key in section:
        _require(str(key), _KEYS, "checks")
    lists: dict[str, Any] = {key: _names("checks." + key, section[key]) for key in _LISTS if key in section}
    wish = Wish(**lists)
    for name in wish.names:
        _require(name, known, "checks.names")
    thresholds = section.get("thresholds") or {}
    if not isinstance(thresholds, Mapping):
        raise UsageError("bad_checks", "checks.thresholds is not a mapping.", hint=_EXAMPLE)
    limits = {str(name): _limits(str(name), given, known) for name, given in thresholds.items()}
    return replace(wish, limits=limits)


def with_flags(
    wish: Wish,
    known: Mapping[str, Check],
    lists: Mapping[str, Sequence[str]],
    *,
    warning: Sequence[str],
    critical: Sequence[str],
) -> Wish:
    """The wish with what flags said: a list that was given replaces the profile's, `NAME=VALUE` one limit.

    Raises UsageError (`unknown_check`, `bad_threshold`).
    """
    given = {key: tuple(value) for key, value in lists.items() if value}
    for name in given.get("names", ()):
        _require(name, known, "", code="unknown_check")
    limits = dict(wish.limits)
    for side, words in (("warning", warning), ("critical", critical)):
        for word in words:
            name, equals, value = word.partition("=")
            if not equals:
                raise UsageError("bad_threshold", f"--{side} {word!r} is not NAME=VALUE.",
                                 hint=f"For example --{side} transaction-age=15m.")  # fmt: skip
            _require(name, known, f"--{side}", code="unknown_check")
            check = known[name]
            limit = _limit(f"--{side} {name}", check, value)
            limits[name] = replace(limits.get(name, check.limits), **{side: limit})
    ordered = {name: _ordered(known[name], both) for name, both in limits.items()}
    return replace(wish, limits=ordered, **given)


def _limits(name: str, given: Any, known: Mapping[str, Check]) -> Limits:
    _require(name, known, "checks.thresholds")
    if not isinstance(given, Mapping):
        raise UsageError("bad_checks", f"checks.thresholds.{name} is not a mapping.", hint=_EXAMPLE)
    for side in given:
        _require(str(side), ("warning", "critical"), f"checks.thresholds.{name}")
    check = known[name]
    said = {side: _limit(f"checks.thresholds.{name}.{side}", check, value) for side, value in given.items()}
    return replace(check.limits, **said)


def _limit(where: str, check: Check, given: Any) -> int | None:
    try:
        return parse_limit(check.unit, given)
    except UsageError as error:
        raise UsageError("bad_threshold", f"{where}: {error.message}", why=error.why, hint=error.hint) from None


def _ordered(check: Check, limits: Limits) -> Limits:
    """A warning comes first. The usual one gives way to a critical limit below it; one that was given is an error."""
    warning, critical = limits.warning, limits.critical
    if warning is None or critical is None or warning <= critical:
        return limits
    if warning == check.limits.warning:
        return Limits(critical, critical)
    words = check.unit.words
    raise UsageError("bad_threshold", f"{check.name}: warning {words(warning)} is above critical {words(critical)}.",
                     hint="Give both, or turn one off.")  # fmt: skip


def _names(where: str, given: Any) -> tuple[str, ...]:
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise UsageError("bad_checks", f"{where}: {given!r} is not a list of names.", hint=_EXAMPLE)
    return tuple(listed)


def _require(name: str, known: Any, where: str, *, code: str = "bad_checks") -> None:
    if name not in known:
        hint = did_you_mean(name, known) or f"There are {', '.join(known)}."
        what = f"{where}: {name!r} is not known." if where else f"There is no check {name!r}."
        raise UsageError(code, what, hint=hint)
