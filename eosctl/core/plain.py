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
    kind: Any = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind is tuple or kind is list:
        return [one if type(one) in _AS_IT_IS else plain(one) for one in value]
    names = _names(kind)
    if names is not None:
        return {name: one if type(one := getattr(value, name)) in _AS_IT_IS else plain(one) for name in names}
    if kind is dict or isinstance(value, Mapping):
        return {
            key if type(key) is str else str(plain(key)): one if type(one) in _AS_IT_IS else plain(one)
            for key, one in value.items()
        }
    return _rarely(value)


def _rarely(value: Any) -> Any:
    """What a value of thousands holds few of."""
    if isinstance(value, (bool, int, float)) and not isinstance(value, Enum):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (str, Path, UUID)):
        return str(value)
    if hasattr(value, "model_dump"):
        return plain(value.model_dump())
    if isinstance(value, Set):
        return sorted(plain(inner) for inner in value)
    if isinstance(value, Sequence):
        return [plain(inner) for inner in value]
    raise TypeError(f"{type(value).__name__} has no plain form")


@cache
def _names(kind: type) -> tuple[str, ...] | None:
    """The fields of a dataclass; None for any other type."""
    return tuple(one.name for one in fields(kind)) if is_dataclass(kind) else None
