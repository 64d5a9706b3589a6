"""Cells: which columns a row has, and how one value reads in a table. Units come from the field's name."""

from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from eosctl.core.durations import format_duration_ms, format_size_bytes, format_time
from eosctl.core.plain import plain
from eosctl.core.report import COLUMN, Column

EMPTY = "-"
_NO_FRACTION_FROM = 1_000
_DURATION_FIELDS = ("_ms",)
_UNITS = (*_DURATION_FIELDS, "_bytes")


@dataclass(frozen=True)
class Shown:
    """A column that is shown: the field's name and its heading."""

    name: str
    heading: str
    right: bool


def columns(row_type: type | None, rows: Sequence[Any], *, wide: bool) -> tuple[Shown, ...]:
    """The columns of a table, from the row type, or from the first row when that is a mapping."""
    kind = row_type or (type(rows[0]) if rows else None)
    if kind is not None and is_dataclass(kind):
        return tuple(_shown(one) for one in fields(kind) if visible(one, wide=wide))
    keys = dict.fromkeys(key for row in rows if isinstance(row, Mapping) for key in row)
    return tuple(Shown(str(key), str(key), False) for key in keys)


def cell(row: Any, name: str) -> str:
    """One value of a row."""
    return cells(row, (name,))[0]


def cells(row: Any, names: Sequence[str]) -> list[str]:
    """The values of a row as people read them; `-` for none or nothing."""
    if isinstance(row, Mapping):
        return [words(row.get(name), name) for name in names]
    return [words(getattr(row, name), name) for name in names]


def words(value: Any, name: str = "") -> str:
    """A value in words, its unit taken from `name`: durations, sizes and times are written for people."""
    if type(value) in (str, int) and not name.endswith(_UNITS):
        return str(value) or EMPTY
    if value is None or value in ("", (), []):
        return EMPTY
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, float) and value.is_integer() and abs(value) >= _NO_FRACTION_FROM:
        return f"{value:.0f}"
    if isinstance(value, int) and name.endswith(_DURATION_FIELDS):
        return format_duration_ms(value)
    if isinstance(value, int) and name.endswith("_bytes"):
        return format_size_bytes(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _brief(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={words(inner, str(key))}" for key, inner in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(words(inner) for inner in value)
    return str(value)


def _brief(value: Any) -> str:
    if "__str__" in vars(type(value)):
        return str(value)
    return " ".join(f"{one.name}={words(getattr(value, one.name), one.name)}" for one in fields(value))


def visible(one: "Field[Any]", *, wide: bool) -> bool:
    """Whether people see this field."""
    column: Column = one.metadata.get(COLUMN, Column())
    return not column.hidden and (wide or not column.wide)


def _shown(one: "Field[Any]") -> Shown:
    column: Column = one.metadata.get(COLUMN, Column())
    heading = column.title or one.name.removesuffix("_ms").removesuffix("_bytes").replace("_", " ")
    numeric = one.type in (int, "int", "int | None", int | None) or one.name.endswith(("_ms", "_bytes", "_records"))
    return Shown(one.name, heading, numeric)


def csv_value(value: Any) -> str:
    """A value for CSV: raw numbers, RFC 3339 times, JSON for what is nested, empty for none."""
    import json

    simple = plain(value)
    if simple is None:
        return ""
    return json.dumps(simple, ensure_ascii=False) if isinstance(simple, (list, dict)) else str(simple)
