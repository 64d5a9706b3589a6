"""Receipts as rows: what `undo` and `apply` say of changes that they did not plan themselves."""

from collections.abc import Sequence
from dataclasses import dataclass

from eosctl.core.operation import Receipt


@dataclass(frozen=True)
class StepRow:
    """What became of one step."""

    step: str
    status: str
    verified: bool
    message: str


def step_rows(receipts: Sequence[Receipt]) -> tuple[StepRow, ...]:
    """A row for each receipt."""
    return tuple(StepRow(one.step.describe(), one.status, one.verified, one.message) for one in receipts)
