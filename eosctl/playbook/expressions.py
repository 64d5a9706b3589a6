"""`${{ ... }}` in a playbook's values: CEL over parameters and registered results. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from eosctl.core.errors import UsageError
from eosctl.core.expressions import compile_expression

_TEMPLATE = re.compile(r"\$\{\{\s*((?:(?!\}\}).)*?)\s*\}\}", re.S)
_ROOT = re.compile(r"(?<![\w.\"'])([A-Za-z_]\w*)(?!\w*\s*\()")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


def filled(value: Any, scope: Mapping[str, Any]) -> Any:
    """`value` with its templates evaluated; one that is the whole text keeps its type. Raises UsageError."""
    if isinstance(value, str):
        whole = _TEMPLATE.fullmatch(value.strip())
        if whole:
            return evaluated(whole.group(1), scope)
        return _TEMPLATE.sub(lambda found: _words(evaluated(found.group(1), scope)), value)
    if isinstance(value, Mapping):
        return {key: filled(inner, scope) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [filled(inner, scope) for inner in value]
    return value


def evaluated(expression: str, scope: Mapping[str, Any]) -> Any:
    """The value of one expression. Raises UsageError (`bad_expression`) with what was missing."""
    try:
        return compile_expression(bare(expression), tuple(scope)).evaluate(scope)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise UsageError("bad_expression", f"{expression!r} can't be evaluated: {str(error).strip(chr(39))}.",
                         hint=f"There are {', '.join(sorted(scope))}.") from None  # fmt: skip


def holds(expression: str, scope: Mapping[str, Any]) -> bool:
    """Whether a condition is true. Raises UsageError when it is no condition."""
    answer = evaluated(expression, scope)
    if not isinstance(answer, bool):
        raise UsageError("bad_expression", f"{expression!r} gives {answer!r}, not true or false.",
                         hint="Compare it with something.")  # fmt: skip
    return answer


def templates(value: Any) -> Iterator[str]:
    """Every expression inside a value."""
    if isinstance(value, str):
        yield from (found.group(1) for found in _TEMPLATE.finditer(value))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from templates(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from templates(inner)


def names_in(expression: str) -> set[str]:
    """The names that an expression may refer to at its root (a few too many rather than too few)."""
    return set(_ROOT.findall(_QUOTED.sub("''", bare(expression))))


def bare(expression: str) -> str:
    """The expression without the `${{ }}` that it may be written in."""
    whole = _TEMPLATE.fullmatch(expression.strip())
    return whole.group(1) if whole else expression


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
