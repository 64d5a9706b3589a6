"""A run's secrets: whatever is shown, recorded, journalled or raised passes through here, and they are masked in it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from eosctl.core.errors import EosctlError, Notice, Refused
from eosctl.core.plain import plain
from eosctl.core.plan import Plan
from eosctl.core.redaction import MASK


class Secrets:
    """Values of parameters of the type `secret`; the longest is masked first, for one may hold another."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values = sorted({one for one in values if one}, key=len, reverse=True)

    def learn(self, values: Iterable[str]) -> None:
        """More of them: those of an included playbook."""
        self._values = sorted({*self._values, *(one for one in values if one)}, key=len, reverse=True)

    def masked(self, value: Any) -> Any:
        """A copy of plain data without them; keys stay what they are."""
        if not self._values:
            return value
        if isinstance(value, str):
            for one in self._values:
                value = value.replace(one, MASK)
            return value
        if isinstance(value, Mapping):
            return {key: self.masked(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.masked(inner) for inner in value]
        return MASK if str(value) in self._values else value

    def plan_to_show(self, plan: Plan) -> Plan:
        """The plan with its words masked. Raises Refused (`secret_in_plan`) when a step itself holds a secret.

        The journal keeps steps as they are, for the way back is made of them.
        """
        steps = [plain(one) for one in plan.steps]
        if self.masked(steps) != steps:
            raise Refused("secret_in_plan", f"The plan of {plan.operation} holds a secret parameter.",
                          why="Plans are shown and journalled, and a masked one could not be undone.",
                          hint="Make it a parameter of type string, or keep it out of `with`.")  # fmt: skip
        warnings = tuple(Notice(one.code, self.masked(one.message), self.masked(one.hint)) for one in plan.warnings)
        return replace(plan, summary=self.masked(plan.summary), warnings=warnings, params=self.masked(plan.params),
                       observed=self.masked(plan.observed))  # fmt: skip

    def mask_error(self, error: EosctlError) -> None:
        """Masks what an error says, in place: it is on its way to the terminal."""
        error.message, error.why, error.hint = (self.masked(one) for one in (error.message, error.why, error.hint))
        error.args = (error.message,)
