"""How good or bad a number is: units as people write them, limits, and the level of a value. Pure rules."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eosctl.core.durations import format_duration_ms, format_size_bytes, parse_duration_ms
from eosctl.core.errors import UsageError

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB)?")
_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
OFF = "off"


class Level(StrEnum):
    """What a monitoring system hears. `unknown` is what could not be looked at: never ok."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"

    @property
    def number(self) -> int:
        """Nagios's return codes: 0 ok, 1 warning, 2 critical, 3 unknown."""
        return list(Level).index(self)


_BY_WEIGHT = (Level.CRITICAL, Level.WARNING, Level.UNKNOWN, Level.OK)


def worst(levels: Iterable[Level]) -> Level:
    """What was found outweighs what could not be seen, and that outweighs what is well; ok for nothing at all."""
    found = set(levels)
    return next((one for one in _BY_WEIGHT if one in found), Level.OK)


class Unit(StrEnum):
    """What a value counts. Durations are milliseconds inside and seconds outside, as Prometheus and Nagios want."""

    DURATION = "ms"
    SIZE = "bytes"
    RECORDS = "records"
    COUNT = "count"

    def parse(self, text: str) -> int:
        """The value of `15m`, `10GiB` or `1000`. Raises UsageError (`bad_duration`, `bad_threshold`)."""
        if self is Unit.DURATION:
            return parse_duration_ms(text)
        if self is Unit.SIZE and (found := _SIZE.fullmatch(text.strip())):
            return round(float(found.group(1)) * _SIZES[found.group(2) or "B"])
        plain = text.strip().replace("_", "")
        if self is not Unit.SIZE and plain.isdecimal():
            return int(plain)
        example = "a size such as 500MiB or 10GiB" if self is Unit.SIZE else "a whole number such as 1000"
        raise UsageError("bad_threshold", f"{text!r} is not a threshold here.", hint=f"Write {example}, or off.")

    def words(self, value: int) -> str:
        """The value as people read it."""
        if self is Unit.DURATION:
            return format_duration_ms(value)
        return format_size_bytes(value) if self is Unit.SIZE else f"{value:,}"

    def base(self, value: int) -> float:
        """The value in Prometheus's base unit: seconds, bytes, or the number itself."""
        return value / 1_000 if self is Unit.DURATION else float(value)

    @property
    def symbol(self) -> str:
        """The unit of measurement in Nagios's performance data."""
        return {Unit.DURATION: "s", Unit.SIZE: "B"}.get(self, "")


@dataclass(frozen=True)
class Limits:
    """A value above `warning` is a warning, above `critical` is critical; None: never."""

    warning: int | None
    critical: int | None


def level_of(value: int, limits: Limits) -> Level:
    """The level of a value: a value that equals its limit is within it, as in Nagios's ranges."""
    if limits.critical is not None and value > limits.critical:
        return Level.CRITICAL
    if limits.warning is not None and value > limits.warning:
        return Level.WARNING
    return Level.OK


def parse_limit(unit: Unit, given: Any) -> int | None:
    """A limit as a profile or a flag says it; None for `off` (which YAML reads as false). Raises UsageError."""
    if given is None or given is False or given == OFF:
        return None
    if isinstance(given, bool) or not isinstance(given, (str, int)):
        raise UsageError("bad_threshold", f"{given!r} is not a threshold.", hint="Write a value, or off.")
    return unit.parse(str(given))
