"""Durations, sizes and times as people write and read them. Milliseconds and UTC inside, always."""

import re
from datetime import UTC, datetime

from eosctl.core.errors import UsageError

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def parse_duration_ms(text: str) -> int:
    """Milliseconds of `15m`, `1h30m`, `250ms` or `7d`; raises UsageError for anything else.

    Zero is a duration; negative values are not. A bare number has no unit and is refused.
    """
    compact = text.strip().replace(" ", "")
    parts = list(_PART.finditer(compact))
    if not parts or "".join(part.group(0) for part in parts) != compact:
        raise UsageError(
            "bad_duration",
            f"{text!r} is not a duration.",
            why="A duration is a number with a unit, or several: 250ms, 30s, 15m, 1h30m, 7d, 2w.",
            hint="Write it with a unit, for example 15m.",
        )
    return round(sum(float(part.group(1)) * _UNITS_MS[part.group(2)] for part in parts))


def format_duration_ms(ms: int) -> str:
    """At most two units, the largest first: `3d 4h`, `15m`, `1.2s`, `250ms`; negative values keep their sign."""
    if ms < 0:
        return "-" + format_duration_ms(-ms)
    if ms < 1_000:
        return f"{ms}ms"
    if ms < 10_000 and ms % 1_000:
        return f"{ms / 1_000:.1f}s"
    left, words = ms // 1_000, []
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, seconds)
        if count:
            words.append(f"{count}{unit}")
        elif words:
            break
    return " ".join(words[:2])


def parse_time(text: str) -> datetime:
    """An aware UTC datetime from RFC 3339; a time without a zone is refused, never guessed."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            "bad_time",
            f"{text!r} is not a time.",
            why="Times are RFC 3339: 2026-03-01T12:00:00Z or 2026-03-01T13:00:00+01:00.",
            hint="Write the date, a T, the time and the zone.",
        ) from None
    if moment.tzinfo is None:
        raise UsageError(
            "time_without_zone",
            f"{text!r} has no time zone.",
            why="The same wall clock means another moment in another zone.",
            hint=f"Write {text.strip()}Z for UTC, or an offset such as +01:00.",
        )
    return moment.astimezone(UTC)


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-03-01T12:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_from_ms(epoch_ms: int) -> datetime:
    """The aware UTC datetime of milliseconds since the epoch."""
    return datetime.fromtimestamp(epoch_ms / 1_000, UTC)


def format_size_bytes(size: int) -> str:
    """`512 B`, `1.4 GiB`."""
    value, unit = float(size), _SIZES[0]
    for name in _SIZES:
        unit = name
        if round(abs(value), 1) < 1_024 or name == _SIZES[-1]:
            break
        value /= 1_024
    return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"
