"""What a playbook file may say: the model behind validation and the JSON schema. No I/O, nothing runs here."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema, model_validator

from eosctl.core.durations import parse_duration_ms
from eosctl.core.errors import UsageError

SCHEMA = "eosctl.playbook/v1"
_NAME = r"^[A-Za-z][A-Za-z0-9_-]*$"
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
_ONE_OF = ("run", "manual", "parallel", "include")
_TEMPLATE = "${{"


def _duration(value: Any) -> Any:
    if not isinstance(value, str) or _TEMPLATE in value:
        return value
    try:
        return parse_duration_ms(value)
    except UsageError as error:
        raise ValueError(f"{error.message} {error.why} {error.hint}".strip()) from None


def _count(value: Any) -> Any:
    if isinstance(value, str) and _TEMPLATE in value:
        return value
    return TypeAdapter(Annotated[int, Field(ge=1, le=100)]).validate_python(value)


Wait = Annotated[
    int | str,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "examples": ["15m", "${{ params.wait }}"]}),
]
"""A duration as people write it, or a template that yields one."""

Count = Annotated[
    int | str,
    BeforeValidator(_count),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 100}, {"type": "string", "pattern": r"\$\{\{"}]}
    ),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ParamSpec(_Part):
    """A parameter of the playbook, given as `-p name=value`. A `secret` is masked wherever it would be shown."""

    type: Literal["string", "integer", "number", "boolean", "duration", "secret"] = "string"
    required: bool = False
    default: Any = None
    help: str = ""
    complete: str = ""
    choices: tuple[str, ...] = ()


class Requires(_Part):
    """What must hold before the first step: eosctl's version, the profile's `environment`."""

    min_version: str = ""
    environments: tuple[str, ...] = ()


class Otherwise(_Part):
    """What becomes of the run when an assertion does not hold: it stops, well (`ok`) or not (`failed`)."""

    stop: Literal["ok", "failed"]
    say: str = ""


class Assertion(_Part):
    """A condition over the step's `result` and what was registered; without `otherwise` the step fails."""

    that: str
    otherwise: Otherwise | None = None


class Until(_Part):
    """The step is repeated until the condition holds, at most for the limit."""

    that: str
    every: Wait = 5_000
    limit: Wait = Field(alias="for")


class Retries(_Part):
    """How often a failed step is tried again; each wait is twice the one before."""

    times: Count
    backoff: Wait = 1_000


class OnFailure(_Part):
    """After a failed step: the rescue's steps, then `rollback: undo` takes back the run's changes, the last first."""

    rescue: tuple["Step", ...] = ()
    rollback: Literal["undo"] | None = None


class Step(_Part):
    """One step: an action (`run`), a person's work (`manual`), queries side by side (`parallel`), another playbook."""

    id: str = Field(pattern=_NAME)
    run: str = ""
    manual: str = ""
    parallel: tuple["Step", ...] = ()
    include: str = ""
    arguments: dict[str, Any] = Field(default_factory=dict, alias="with")
    register_as: str = Field("", alias="register", pattern=rf"^$|{_VARIABLE}")
    when: str = ""
    check: Assertion | None = Field(None, alias="assert")
    for_each: str = ""
    until: Until | None = None
    retries: Retries | None = None
    confirm: str = ""
    plan_only: bool = Field(False, description="Make and show the plan of a change, and change nothing")
    on_failure: OnFailure | None = None
    timeout: Wait | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> "Step":
        given = [name for name in _ONE_OF if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"A step has exactly one of {', '.join(_ONE_OF)}; this has {', '.join(given) or 'none'}.")
        return self


class Playbook(_Part):
    """A whole file."""

    schema_name: Literal["eosctl.playbook/v1"] = Field(alias="schema")
    name: str = Field(pattern=_NAME)
    summary: str
    owner: str = ""
    links: tuple[str, ...] = ()
    params: dict[str, ParamSpec] = Field(default_factory=dict)
    requires: Requires = Requires()
    lock: str = ""
    steps: tuple[Step, ...] = Field(min_length=1)
    at_end: tuple[Step, ...] = Field((), alias="finally")


def every_step(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps and those inside them, in the order of the file."""
    found: list[Step] = []
    for one in steps:
        found.append(one)
        found += every_step(one.parallel)
        found += every_step(one.on_failure.rescue if one.on_failure else ())
    return tuple(found)
