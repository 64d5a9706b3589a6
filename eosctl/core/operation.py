"""The one definition of each thing eosctl can do: subcommand, playbook action, schema and reference derive from it.

A `Query` only reads. A `Change` observes, plans purely, and tells the outcome of what the runtime did. An `Action`
works on this machine (labs, profiles, files) and plans nothing. `G` is the gateways' type, known from `ports` on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from eosctl.core.params import Params
    from eosctl.core.plan import Plan, Step
    from eosctl.core.report import Report

Needs = Literal["kafka", "database", "lab"]


@dataclass(frozen=True)
class Example:
    """A command line that works, and one sentence of what it is for."""

    command: str
    says: str


@dataclass(frozen=True)
class Receipt:
    """What became of one step: `done`, `skipped` (was so already), `failed`, or `not_started`.

    `before` and `after` are plain data that the step's handler saw; `verified` says that reading back showed it.
    """

    step: Step
    status: Literal["done", "skipped", "failed", "not_started"]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    verified: bool = False
    code: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What queries, changes and actions share.

    `name` is `noun.verb`, or a single word for a command at the top level. `needs` says which servers it talks to
    (they make up a plan's target). `result` is the frozen dataclass of a row (`listing`) or of the object.
    """

    name: str
    summary: str
    params: type[Params]
    result: type
    needs: tuple[Needs, ...] = ()
    listing: bool = True
    details: str = ""
    examples: tuple[Example, ...] = ()

    @property
    def noun(self) -> str:
        """The command group; the name itself for a command at the top level."""
        return self.name.split(".")[0]

    @property
    def verb(self) -> str:
        """The subcommand; "" for a command at the top level."""
        return self.name.partition(".")[2]


@dataclass(frozen=True, kw_only=True)
class Query(Operation):
    """Reads only: `observe(gateways, params) -> snapshot`, then the pure `report(snapshot, params)`.

    `samples(snapshot, params)` gives the measures behind the report: the command line then offers `--nagios`,
    `--prometheus` and `--serve`.
    """

    observe: Callable[[Any, Any], Any]
    report: Callable[[Any, Any], Report]
    samples: Callable[[Any, Any], Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Change(Operation):
    """`observe`, then the pure `plan(snapshot, params)`, then `outcome(plan, receipts)` when the runtime is through.

    The planner raises Refused where a safety rule says no, and UsageError where the wish does not fit the world.
    `preview(gateways, params)` may answer in place of the change (a statement's text alone): then nothing is planned.
    """

    observe: Callable[[Any, Any], Any]
    plan: Callable[[Any, Any], Plan]
    outcome: Callable[[Plan, Sequence[Receipt]], Report]
    preview: Callable[[Any, Any], Report | None] | None = None


@dataclass(frozen=True, kw_only=True)
class Action(Operation):
    """Works on this machine or steers other operations; says itself what it did."""

    run: Callable[[Any, Any], Report]
