"""A playbook's parameters: what was given as `-p name=value`, checked and typed."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.core.params import DurationMs
from eosctl.playbook.model import ParamSpec, Playbook

_TYPES: dict[str, Any] = {"integer": int, "number": float, "boolean": bool, "duration": DurationMs}


def values_of(playbook: Playbook, given: Mapping[str, str]) -> dict[str, Any]:
    """The parameters' values. Raises UsageError for unknown, missing and ill-typed ones."""
    for name in given:
        if name not in playbook.params:
            raise UsageError("unknown_parameter", f"{playbook.name} has no parameter {name!r}.",
                             hint=did_you_mean(name, playbook.params)
                             or f"It has {', '.join(playbook.params) or 'none'}.")  # fmt: skip
    values = {}
    for name, spec in playbook.params.items():
        if name in given:
            values[name] = typed(name, spec, given[name])
        elif spec.required:
            raise UsageError("missing_parameter", f"{playbook.name} wants {name}: {spec.help}.", hint=f"-p {name}=...")
        else:
            values[name] = spec.default if spec.default is not None or spec.type != "string" else ""
    return values


def typed(name: str, spec: ParamSpec, value: Any) -> Any:
    """The value of one parameter. Raises UsageError (`bad_parameter`)."""
    if spec.choices and value not in spec.choices:
        raise UsageError("bad_parameter", f"{name}={value!r} is none of {', '.join(spec.choices)}.",
                         hint=did_you_mean(value, spec.choices))  # fmt: skip
    if spec.type not in _TYPES:
        return value
    try:
        TypeAdapter(_TYPES[spec.type]).validate_python(value)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ").rstrip(".")
        raise UsageError("bad_parameter", f"{name}={value!r}: {message}.") from None
    if spec.type == "duration":
        return value  # operations read durations as people write them
    return TypeAdapter(_TYPES[spec.type]).validate_python(value)


def secrets_of(playbook: Playbook, params: Mapping[str, Any]) -> list[str]:
    """The values of its secrets."""
    return [str(params[name]) for name, spec in playbook.params.items() if spec.type == "secret" and params.get(name)]


def without_secrets(playbook: Playbook, given: Mapping[str, str]) -> dict[str, str]:
    """What a run was given; its secrets are masked in the record and must be given again."""
    return {name: value for name, value in given.items()
            if name in playbook.params and playbook.params[name].type != "secret"}  # fmt: skip
