"""Reads a playbook and says, with file, line and column, all that is wrong with it. Nothing is asked of any server."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from eosctl.core.errors import EosctlError, UsageError, did_you_mean
from eosctl.core.expressions import compile_expression
from eosctl.core.operation import Change, Operation, Query
from eosctl.operations import registry
from eosctl.playbook import model
from eosctl.playbook.expressions import bare, templates
from eosctl.playbook.model import Playbook, Step, every_step
from eosctl.playbook.naming import name_faults
from eosctl.playbook.parameters import typed
from eosctl.playbook.places import Document, read
from eosctl.playbook.wording import words_of

Where = tuple[str | int, ...]
_PLACE = re.compile(r":(\d+):(\d+): ")
FORBIDDEN = ("playbook", "demo", "apply", "undo")
_MODELS: dict[str, type[BaseModel]] = {
    "steps": model.Step, "parallel": model.Step, "rescue": model.Step, "finally": model.Step, "params": model.ParamSpec,
    "requires": model.Requires, "assert": model.Assertion, "otherwise": model.Otherwise, "until": model.Until,
    "retries": model.Retries, "on_failure": model.OnFailure,
}  # fmt: skip


def load(path: Path) -> Playbook:
    """The playbook. Raises UsageError (`bad_playbook`) that lists every fault."""
    playbook, faults = inspect(path)
    if playbook is None or faults:
        raise UsageError("bad_playbook", " ".join(faults), hint=f"See `eosctl playbook validate {path}`.")
    return playbook


def inspect(path: Path) -> tuple[Playbook | None, tuple[str, ...]]:
    """The playbook as far as it can be read, and its faults, each with its place. Raises UsageError for no file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(
            "no_playbook", f"{path} can't be read: {reason}.", hint="See `eosctl playbook list`."
        ) from None
    try:
        document = read(text, str(path))
    except UsageError as error:
        return None, (error.message,)
    if not isinstance(document.data, dict):
        return None, (f"{path}:1:1: it is not a playbook.",)
    try:
        playbook = Playbook.model_validate(document.data)
    except ValidationError as error:
        found = [one for one in error.errors() if one["type"] != "too_short"] or error.errors()
        return None, _in_order(_fault(one, document) for one in found)
    return playbook, _in_order(_faults(playbook, document, path))


def _in_order(faults: Iterable[str]) -> tuple[str, ...]:
    """By line and column, each once."""

    def place(fault: str) -> tuple[int, ...]:
        found = _PLACE.search(fault)
        return (int(found.group(1)), int(found.group(2))) if found else (0, 0)

    return tuple(sorted(dict.fromkeys(faults), key=place))


def _fault(error: Mapping[str, Any], document: Document) -> str:
    path = [part for part in error["loc"] if not (isinstance(part, str) and part.startswith("function-"))]
    where = document.place(path)
    if error["type"] == "extra_forbidden":
        known = _fields(path[:-1])
        hint = did_you_mean(str(path[-1]), known)
        return f"{where}: {path[-1]!r} is not known here. {hint or 'There are ' + ', '.join(known) + '.'}"
    if error["type"] == "missing":
        return f"{where}: {path[-1]!r} is missing."
    name = str(path[-1]) if path and isinstance(path[-1], str) and path[-1] not in _MODELS else ""
    return f"{where}: {words_of(error, name)}"


def _fields(path: list[Any]) -> list[str]:
    words = [part for part in path if isinstance(part, str)]
    kind: type[BaseModel] = next((_MODELS[word] for word in reversed(words) if word in _MODELS), Playbook)
    return [info.alias or name for name, info in kind.model_fields.items()]


def _faults(playbook: Playbook, document: Document, path: Path) -> Iterator[str]:
    seen: set[str] = set()
    for where, step in _placed(document):
        if step["id"] in seen:
            yield f"{document.place((*where, 'id'))}: a step {step['id']!r} is there already."
        seen.add(step["id"])
        parsed = next(one for one in every_step((*playbook.steps, *playbook.at_end)) if one.id == step["id"])
        yield from _step_faults(parsed, where, document, path)
    for name, spec in playbook.params.items():
        yield from _default_faults(name, spec, document)
    steps = {one.id: one for one in every_step((*playbook.steps, *playbook.at_end))}
    placed = [(where, steps[step["id"]]) for where, step in _placed(document)]
    for where, expression in _expressions(document.data, ()):
        yield from _expression_faults(expression, where, playbook, placed, document)


def _placed(document: Document) -> Iterator[tuple[Where, Mapping[str, Any]]]:
    """Every step of the data with its path."""

    def walk(value: Any, where: Where) -> Iterator[tuple[Where, Mapping[str, Any]]]:
        if isinstance(value, dict):
            inside = [part for part in where if isinstance(part, str)]
            if "id" in value and inside and inside[-1] in ("steps", "parallel", "rescue", "finally"):
                yield where, value
            for key, inner in value.items():
                if key != "with":
                    yield from walk(inner, (*where, key))
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                yield from walk(inner, (*where, number))

    yield from walk(document.data, ())


def included(path: Path) -> tuple[Path, ...]:
    """The file and all that it includes, and they include, each once. A file that is not there is left out."""
    found: list[Path] = []
    left = [path]
    while left:
        one = left.pop(0)
        if one.resolve() in found or not one.is_file():
            continue
        found.append(one.resolve())
        left += [one.parent / name for name in _includes(one)]
    return tuple(found)


def _includes(path: Path) -> list[str]:
    try:
        document = read(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError, UsageError):
        return []
    return [str(step["include"]) for _, step in _placed(document) if step.get("include")]


def _step_faults(step: Step, where: Where, document: Document, path: Path) -> Iterator[str]:
    if step.include:
        yield from _include_faults(step, where, document, path)
    if step.until and not (step.run or step.parallel):
        yield f"{document.place((*where, 'until'))}: only what is asked (run, parallel) can be waited for."
    for number, one in enumerate(step.parallel):
        yield from _side_faults(one, (*where, "parallel", number), document)
    if not step.run:
        return
    try:
        operation = registry.find(step.run)
    except UsageError as error:
        yield f"{document.place((*where, 'run'))}: there is no action {step.run!r}. {error.hint}".rstrip()
        return
    if operation.noun in FORBIDDEN:
        yield f"{document.place((*where, 'run'))}: {step.run} can't be a step of a playbook."
        return
    if step.plan_only and not isinstance(operation, Change):
        yield f"{document.place((*where, 'plan_only'))}: {step.run} changes nothing: there is no plan of it."
    yield from _argument_faults(step, operation, (*where, "with"), document)


def _side_faults(step: Step, where: Where, document: Document) -> Iterator[str]:
    if step.run and not _is_query(step.run):
        yield f"{document.place((*where, 'run'))}: {step.id} is no query; only queries run side by side."
    given = {Step.model_fields[name].alias or name for name in step.model_fields_set}
    for name in sorted(given - {"id", "run", "with", "register"}):
        yield f"{document.place((*where, name))}: {name!r} is not for steps inside of parallel."


def _include_faults(step: Step, where: Where, document: Document, path: Path) -> Iterator[str]:
    """A missing file, one that includes this one again, and parameters that it does not have or wants."""
    inner = path.parent / step.include
    if not inner.is_file():
        known = [one.name for one in path.parent.glob("*.yaml")]
        hint = did_you_mean(step.include, known)
        words = f"there is no playbook {step.include!r} beside this one. {hint}".rstrip()
        yield f"{document.place((*where, 'include'))}: {words}"
        return
    if any(path.resolve() == (one.parent / name).resolve() for one in included(inner) for name in _includes(one)):
        yield f"{document.place((*where, 'include'))}: {step.include} includes this playbook again."
        return
    playbook, faults = inspect(inner)
    if playbook is None or faults:
        yield f"{document.place((*where, 'include'))}: {step.include} has faults of its own. {faults[0]}"
        return
    for name in sorted(set(step.arguments) - set(playbook.params)):
        hint = did_you_mean(name, playbook.params) or f"It has {', '.join(playbook.params) or 'none'}."
        yield f"{document.place((*where, 'with', name))}: {step.include} has no parameter {name!r}. {hint}"
    for name, spec in playbook.params.items():
        if spec.required and name not in step.arguments:
            yield f"{document.place((*where, 'include'))}: {step.include} wants {name!r}."


def _argument_faults(step: Step, operation: Operation, where: Where, document: Document) -> Iterator[str]:
    """What is wrong with `with`; values that are templates are known only when they are evaluated."""
    fixed = {key: value for key, value in step.arguments.items() if not any(templates(value))}
    open_names = set(step.arguments) - set(fixed)
    known = operation.params.model_fields
    try:
        operation.params.model_validate(fixed)
    except ValidationError as error:
        for fault in error.errors():
            name = str(fault["loc"][0]) if fault["loc"] else ""
            if (fault["type"] == "missing" and name in open_names) or (not name and open_names):
                continue
            yield f"{document.place((*where, name))}: {_argument_words(fault, name, operation)}"
    for name in sorted(open_names - set(known)):
        hint = did_you_mean(name, known)
        yield f"{document.place((*where, name))}: {step.run} has no parameter {name!r}. {hint}".rstrip()


def _argument_words(fault: Mapping[str, Any], name: str, operation: Operation) -> str:
    known = operation.params.model_fields
    if fault["type"] == "extra_forbidden":
        hint = did_you_mean(name, known) or f"It has {', '.join(known)}."
        return f"{operation.name} has no parameter {name!r}. {hint}"
    if fault["type"] == "missing":
        return f"{operation.name} wants {name!r}."
    return words_of(fault, name)


def _is_query(name: str) -> bool:
    try:
        return isinstance(registry.find(name), Query)
    except UsageError:
        return True  # it is told as an unknown action


def _expressions(value: Any, where: Where) -> Iterator[tuple[Where, str]]:
    """Conditions (`when`, `that`, `for_each`) and templates, with their paths."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("when", "that", "for_each") and isinstance(inner, str):
                yield (*where, key), inner
            else:
                yield from _expressions(inner, (*where, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _expressions(inner, (*where, number))
    else:
        yield from ((where, found) for found in templates(value))


def _expression_faults(
    expression: str, where: Where, playbook: Playbook, placed: list[tuple[Where, Step]], document: Document
) -> Iterator[str]:
    try:
        compile_expression(bare(expression))
    except EosctlError as error:
        yield f"{document.place(where)}: {error.message} {error.why[:160]}"
        return
    for words in name_faults(expression, where, playbook, placed):
        yield f"{document.place(where)}: {words}"


def _default_faults(name: str, spec: model.ParamSpec, document: Document) -> Iterator[str]:
    if spec.default is None:
        return
    try:
        typed(name, spec, spec.default if spec.type == "boolean" else str(spec.default))
    except UsageError as error:
        yield f"{document.place(('params', name, 'default'))}: {error.message} {error.hint}".rstrip()
