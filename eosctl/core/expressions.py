"""Conditions that people write (`--where`, playbooks): the Common Expression Language, compiled once, no side effects.

CEL can't loop without end, reach files or call Python: see docs/decisions/expressions.md for why it was chosen.
"""

from collections.abc import Collection, Mapping
from typing import Any

from eosctl.core.errors import UsageError, did_you_mean


class Expression:
    """A compiled condition or value. Make it with `compile_expression`."""

    def __init__(self, text: str, program: Any, names: Collection[str]) -> None:
        self.text = text
        self._program = program
        self._names = names

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The value. Raises KeyError for an absent field, TypeError or ValueError where types do not fit.

        Raises UsageError (`bad_expression`) for an unknown name, function or pattern: it is the expression's fault.
        """
        try:
            return self._program.execute(dict(values))
        except (RuntimeError, ValueError) as error:
            raise _wrong(self.text, error, self._names) from None
        except ZeroDivisionError as error:
            raise ValueError(str(error)) from None

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether the condition is true. An absent field makes it false; any other type than bool is a UsageError."""
        try:
            answer = self.evaluate(values)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError):
            return False
        if not isinstance(answer, bool):
            raise UsageError(
                "bad_expression",
                f"{self.text!r} gives {type(answer).__name__}, not true or false.",
                hint="Compare it with something.",
            )
        return answer


def compile_expression(text: str, names: Collection[str] = ()) -> Expression:
    """The expression, checked: raises UsageError (`bad_expression`) for its syntax. `names` are the known variables."""
    import cel

    try:
        return Expression(text, cel.compile(text), tuple(names))
    except Exception as error:  # noqa: BLE001  # the library raises ValueError, and a bare Exception for some inputs
        raise _wrong(text, error, names) from None


def _wrong(text: str, error: Exception, names: Collection[str]) -> UsageError:
    why = " ".join(str(error).split())
    unknown = why.split("'")[1] if why.startswith("Undefined") and "'" in why else ""
    hint = did_you_mean(unknown, names) if unknown else ""
    known = f"There are {', '.join(names)}." if names else "See https://cel.dev for the language."
    return UsageError("bad_expression", f"{text!r} is not a valid expression.", why=why[:300], hint=hint or known)
