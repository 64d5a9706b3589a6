"""What pydantic found wrong, in our words: the value, what would be right, and the nearest right name. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from eosctl.core.errors import did_you_mean

_ALTERNATIVES = re.compile(r"\^\(([\w|.-]+)\)\$")


def words_of(fault: Mapping[str, Any], name: str) -> str:
    """One fault of a value; `name` is the key or parameter that holds it."""
    choices = _choices(fault)
    if choices:
        given = fault["input"]
        hint = did_you_mean(str(given), choices)
        return f"{name}: {given!r} is none of {', '.join(choices)}. {hint}".rstrip()
    message = str(fault["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"{name}: {message}." if name else f"{message}."


def _choices(fault: Mapping[str, Any]) -> list[str]:
    context = fault.get("ctx") or {}
    if fault["type"] in ("literal_error", "enum"):
        return re.findall(r"'([^']*)'", str(context.get("expected", "")))
    if fault["type"] == "string_pattern_mismatch":
        found = _ALTERNATIVES.fullmatch(str(context.get("pattern", "")))
        return found.group(1).split("|") if found else []
    return []
