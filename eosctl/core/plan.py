"""Plans: frozen, serialisable data that says what will be done. Made by pure planners, carried out by the runtime."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from eosctl.core.errors import Notice, UsageError
from eosctl.core.plain import plain

PLAN_SCHEMA = "eosctl.plan/v1"
_KINDS: dict[str, type["Step"]] = {}


@dataclass(frozen=True)
class Effect:
    """One line of the before/after table: what of which subject goes from where to where."""

    subject: str
    attribute: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Step(ABC):
    """One change. A subclass is a frozen dataclass with a `kind` such as `txn.abort_transaction`.

    The part of `kind` before the dot names the room `runtime/steps/<noun>.py` that knows how to do it. Fields that
    begin with `expects_` hold what was seen and must still be so; `done_when` says in words when there is nothing
    left to do.
    """

    kind: ClassVar[str]
    done_when: ClassVar[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "kind" in cls.__dict__:
            _KINDS[cls.kind] = cls

    @abstractmethod
    def describe(self) -> str:
        """One line, in the imperative: `Abort producer 7 on orders:3`."""

    @abstractmethod
    def effects(self) -> tuple[Effect, ...]:
        """The rows of the before/after table."""

    def first_effects(self, limit: int) -> tuple[Effect, ...]:
        """The first of those rows; a step of thousands makes no more than are asked for."""
        return self.effects()[:limit]

    def count_effects(self) -> int:
        """How many rows; a step of thousands counts them without making them."""
        return len(self.effects())


class PlanMode(StrEnum):
    """ORDERED stops at the first failure; INDEPENDENT does the others all the same, several at once."""

    ORDERED = "ordered"
    INDEPENDENT = "independent"


@dataclass(frozen=True)
class ExtraConfirmation:
    """A question that `--yes` does not answer; `answered_by` names the flag that does."""

    question: str
    answered_by: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an operation will do. `target`, `made_at` are stamped by the runtime: which servers, and when."""

    operation: str
    summary: str
    steps: tuple[Step, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    observed: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[Notice, ...] = ()
    extra_confirmations: tuple[ExtraConfirmation, ...] = ()
    mode: PlanMode = PlanMode.ORDERED
    target: Mapping[str, str] = field(default_factory=dict)
    made_at: datetime | None = None

    def effects(self) -> tuple[Effect, ...]:
        """The before/after table of all steps."""
        return tuple(effect for step in self.steps for effect in step.effects())

    def first_effects(self, limit: int) -> tuple[tuple[Effect, ...], int]:
        """The first rows of that table, and how many there are in all."""
        first: list[Effect] = []
        for step in self.steps:
            if len(first) >= limit:
                break
            first += step.first_effects(limit - len(first))
        return tuple(first), sum(step.count_effects() for step in self.steps)

    def as_dict(self) -> dict[str, Any]:
        """Plain data that `plan_from_dict` reads back; carries a digest so that an edited file is noticed."""
        body = {
            "schema": PLAN_SCHEMA,
            "operation": self.operation,
            "summary": self.summary,
            "made_at": plain(self.made_at),
            "target": dict(self.target),
            "mode": self.mode.value,
            "params": plain(self.params),
            "observed": plain(self.observed),
            "steps": [{"kind": step.kind, **plain(step)} for step in self.steps],
            "warnings": plain(self.warnings),
            "extra_confirmations": plain(self.extra_confirmations),
        }
        return {**body, "digest": _digest(body)}


def stamp(plan: Plan, *, target: Mapping[str, str], made_at: datetime, params: Mapping[str, Any]) -> Plan:
    """The plan with where and when it was made."""
    return replace(plan, target=target, made_at=made_at, params=params)


def step_from_dict(data: Mapping[str, Any]) -> Step:
    """The step of plain data; its module must have been imported. UsageError for an unknown kind or a bad field."""
    from pydantic import TypeAdapter, ValidationError

    fields = dict(data)
    kind = str(fields.pop("kind", ""))
    if kind not in _KINDS:
        raise UsageError(
            "unknown_step", f"A step of kind {kind!r} is not known.", hint="Was it made by a newer eosctl?"
        )
    try:
        return TypeAdapter(_KINDS[kind]).validate_python(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError("bad_step", f"Step {kind}: {where}: {first['msg']}.", hint="Make the plan again.") from None


def plan_from_dict(data: Mapping[str, Any]) -> Plan:
    """The plan of a saved file. Raises UsageError when it is no plan, or was edited after it was saved."""
    if data.get("schema") != PLAN_SCHEMA:
        raise UsageError(
            "not_a_plan",
            "The file is not a plan.",
            why=f"Its schema is not {PLAN_SCHEMA}.",
            hint="Make one with --plan-out FILE on a changing command.",
        )
    body = {key: value for key, value in data.items() if key != "digest"}
    if data.get("digest") != _digest(body):
        raise UsageError(
            "plan_edited",
            "The plan was changed after it was saved.",
            why="Its digest does not fit its content.",
            hint="Make it again with --plan-out.",
        )
    return Plan(
        operation=body["operation"],
        summary=body["summary"],
        steps=tuple(step_from_dict(step) for step in body["steps"]),
        params=body["params"],
        observed=body["observed"],
        warnings=tuple(Notice(**one) for one in body["warnings"]),
        extra_confirmations=tuple(ExtraConfirmation(**one) for one in body["extra_confirmations"]),
        mode=PlanMode(body["mode"]),
        target=body["target"],
        made_at=datetime.fromisoformat(body["made_at"]) if body["made_at"] else None,
    )


def _digest(body: Mapping[str, Any]) -> str:
    canonical = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
