"""Binds an operation to a Typer command: its pydantic fields become arguments and options, nothing is written twice."""

import inspect
import types
from collections.abc import Callable
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from eosctl.cli import options
from eosctl.cli.completing import completer
from eosctl.core.errors import UsageError
from eosctl.core.operation import Change, Operation, Query
from eosctl.core.params import Params, face_of

Runner = Callable[[Operation, Params, options.Shared], None]


def command_of(operation: Operation, run: Runner) -> Callable[..., None]:
    """A function that Typer can bind; it validates with the operation's own model and calls `run`."""
    parameters, annotations = [typer_context()], {"ctx": typer.Context}
    for name, field in operation.params.model_fields.items():
        kind, face = _typer_face(name, field)
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=face, annotation=kind))
        annotations[name] = kind
    for name in shared_names(operation):
        kind, face = options.shared_option(name)
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=face, annotation=kind))
        annotations[name] = kind

    def command(ctx: typer.Context, **values: Any) -> None:
        shared = options.shared_of(values, operation.params.model_fields).over(_outer(ctx))
        run(operation, validated(operation, values), shared)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = annotations
    command.__doc__ = help_text(operation)
    command.__name__ = operation.name.replace(".", "_").replace("-", "_")
    return command


def typer_context() -> inspect.Parameter:
    """The context's parameter, first in every command."""
    return inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)


def shared_names(operation: Operation) -> tuple[str, ...]:
    """Which of the shared flags this operation takes, less those whose name it uses itself."""
    connection = options.CONNECTION if operation.needs or isinstance(operation, Change) else ("profile", "timeout")
    extra = options.CHANGE if isinstance(operation, Change) else (("watch",) if isinstance(operation, Query) else ())
    if isinstance(operation, Query) and operation.samples is not None:
        extra += options.MONITORING
    own = set(operation.params.model_fields)
    return tuple(name for name in (*connection, *options.OUTPUT, *extra) if name not in own)


def validated(operation: Operation, values: dict[str, Any]) -> Params:
    """The parameters of what was typed; raises UsageError that names the flag."""
    given = {name: _as_given(value) for name, value in values.items() if value is not None and value != []}
    try:
        return operation.params.model_validate(given)
    except ValidationError as error:
        raise _usage_error(operation, error) from None


def help_text(operation: Operation) -> str:
    """The help of a subcommand: summary, details, examples."""
    examples = "\n\n".join(f"{one.says}\n\n  $ {one.command}" for one in operation.examples)
    stop = "" if operation.summary.endswith("?") else "."
    parts = (operation.summary + stop, operation.details, f"Examples:\n\n{examples}" if examples else "")
    return "\n\n".join(part for part in parts if part)


def flag_of(name: str, field: FieldInfo) -> str:
    """How a field is written on the command line: `--older-than`, or `TOPIC` for an argument."""
    face = face_of(field)
    if face.get("positional"):
        return str(face.get("metavar") or name.upper())
    flags = face.get("flags") or ["--" + name.replace("_", "-")]
    return str(flags[0])


def _typer_face(name: str, field: FieldInfo) -> tuple[Any, Any]:
    face = face_of(field)
    kind, many = _plain_kind(field.annotation)
    default: Any = False if kind is bool and not field.default else None
    if kind is bool and field.default is True:
        default = True
    if kind is bool and field.default is None:
        default = None
    shown = default_words(field)
    text = " ".join(part for part in (field.description or "", _choices(field.annotation), shown) if part)
    complete = completer(face["complete"]) if face.get("complete") not in ("", None, "file") else None
    annotation: Any = list[str] if many else kind
    if not many and kind is not bool:
        annotation = kind | None
    if face.get("positional"):
        required = field.is_required()
        return annotation, typer.Argument(
            ... if required else None,
            help=text,
            autocompletion=complete,
            metavar=face.get("metavar") or name.upper(),
            show_default=False,
        )
    flags = face.get("flags") or _flags(name, kind, field)
    return annotation, typer.Option(
        [] if many else default,
        *flags,
        help=_required(text, field),
        metavar=_metavar(face, kind, field),
        show_default=False,
        autocompletion=complete,
    )


def _flags(name: str, kind: Any, field: FieldInfo) -> list[str]:
    flag = "--" + name.replace("_", "-")
    return [f"{flag}/--no-{flag[2:]}"] if kind is bool and field.default is not False else [flag]


def _metavar(face: dict[str, Any], kind: Any, field: FieldInfo) -> str | None:
    if kind is bool:
        return None
    return str(face.get("metavar") or _metavar_of_type(field))


def _metavar_of_type(field: FieldInfo) -> str:
    described = f"{field.annotation} {field.metadata}"
    for mark, metavar in (
        ("duration", "DURATION"),
        ("date-time", "TIME"),
        ("_regex", "REGEX"),
        ("Path", "FILE"),
        ("int", "N"),
        ("float", "N"),
    ):
        if mark in described:
            return metavar
    return "TEXT"


def _required(text: str, field: FieldInfo) -> str:
    return f"{text} [required]" if field.is_required() else text


def default_words(field: FieldInfo) -> str:
    """The default as the help says it, `[default: 15m]`, or "" where there is nothing to say."""
    if field.default in (None, PydanticUndefined, "", (), False, True) or field.is_required():
        return ""
    value = field.default.value if isinstance(field.default, Enum) else field.default
    if isinstance(value, int) and "duration" in str(field.metadata):
        from eosctl.core.durations import format_duration_ms

        value = format_duration_ms(value)
    return f"[default: {value}]"


def _plain_kind(annotation: Any) -> tuple[Any, bool]:
    """The type that the command line parses to, and whether there may be several. Pydantic does the rest."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        inner = [one for one in get_args(annotation) if one is not type(None)]
        return _plain_kind(inner[0]) if len(inner) == 1 else (str, any(_plain_kind(one)[1] for one in inner))
    if origin in (tuple, list, set, frozenset):
        return str, True
    return (bool, False) if annotation is bool else (str, False)


def _choices(annotation: Any) -> str:
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, Enum):
            return "[" + "|".join(str(member.value) for member in one) + "]"
        if get_origin(one) is Literal:
            return "[" + "|".join(str(member) for member in get_args(one)) + "]"
    return ""


def _as_given(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _usage_error(operation: Operation, error: ValidationError) -> UsageError:
    lines = []
    for one in error.errors():
        where = one["loc"][0] if one["loc"] else ""
        field = operation.params.model_fields.get(str(where))
        message = one["msg"].removeprefix("Value error, ").rstrip(".")
        stop = "" if message.endswith("?") else "."
        lines.append(f"{flag_of(str(where), field)}: {message}{stop}" if field else f"{message}{stop}")
    command = "eosctl " + operation.name.replace(".", " ")
    return UsageError("bad_parameter", " ".join(lines), hint=f"See `{command} --help`.")


def _outer(ctx: typer.Context) -> options.Shared:
    found = ctx.find_root().obj
    return found if isinstance(found, options.Shared) else options.Shared()


def model_fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A model's fields by name."""
    return dict(model.model_fields)
