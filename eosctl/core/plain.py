"""Plain data of frozen values: what JSON, YAML, the journal and plan files hold."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from eosctl.core.durations import format_time

_AS_IT_IS = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """`value` as mappings, lists, strings, numbers, booleans and None; times become RFC 3339, bytes hex.

    Raises TypeError for a value that has no plain form: better loud than a `repr` in somebody's script.
    """
    if type(value) in _AS_IT_IS:
        return value
    if value is None or (isinstance(value, (bool, int, float)) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (str, Path, UUID)):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        pairs = ((name, getattr(value, name)) for name in _names(type(value)))
        return {name: one if type(one) in _AS_IT_IS else plain(one) for name, one in pairs}
    if hasattr(value, "model_dump"):
        return plain(value.model_dump())
    if isinstance(value, Mapping):
        return {
            key if type(key) is str else str(plain(key)): one if type(one) in _AS_IT_IS else plain(one)
            for key, one in value.items()
        }
    if isinstance(value, Set):
        return sorted(plain(inner) for inner in value)
    if isinstance(value, Sequence):
        return [plain(inner) for inner in value]
    raise TypeError(f"{type(value).__name__} has no plain form")


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))
