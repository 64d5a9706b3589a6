"""Parameters of operations: pydantic at the edge, the field types that people write, and how a flag is named."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from eosctl.core.durations import parse_duration_ms, parse_time
from eosctl.core.errors import UsageError

CLI = "eosctl.cli"


class Params(BaseModel):
    """Base of every operation's parameters: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def param(
    default: Any = ...,
    *,
    help: str,
    positional: bool = False,
    flags: tuple[str, ...] = (),
    metavar: str = "",
    complete: str = "",
    examples: tuple[str, ...] = (),
    secret: bool = False,
    **limits: Any,
) -> Any:
    """A pydantic field with its help and its command line face.

    `positional` makes an argument (a list takes one or more values); `flags` override the derived `--name`;
    `complete` names what the shell completes from (`group`, `topic`, `transactional_id`, `file`, ...); `limits` are
    pydantic's own (`ge=`, `le=`, `min_length=`).
    """
    face: Any = {
        "positional": positional,
        "flags": list(flags),
        "metavar": metavar,
        "complete": complete,
        "secret": secret,
    }
    return Field(default, description=help, examples=list(examples) or None, json_schema_extra={CLI: face}, **limits)


def face_of(field_info: Any) -> dict[str, Any]:
    """What `param` recorded about the command line face of a field."""
    extra = field_info.json_schema_extra
    return dict(extra.get(CLI, {})) if isinstance(extra, dict) else {}


def _value_error(parse: Any, value: Any) -> Any:
    try:
        return parse(value)
    except UsageError as error:
        raise ValueError(f"{error.message} {error.why} {error.hint}".strip()) from None


def _duration(value: Any) -> Any:
    return _value_error(parse_duration_ms, value) if isinstance(value, str) else value


def _moment(value: Any) -> Any:
    return _value_error(parse_time, value) if isinstance(value, str) else value


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}.") from None
    return value


DurationMs = Annotated[
    int, BeforeValidator(_duration), WithJsonSchema({"type": "string", "format": "duration", "examples": ["15m"]})
]
"""Milliseconds; written as `15m`, `1h30m`, `250ms`."""

Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
"""An aware UTC datetime; written as RFC 3339 with a zone."""

Regex = Annotated[str, AfterValidator(_regex)]
"""A Python regular expression, checked when it is read; matched anywhere unless anchored."""
