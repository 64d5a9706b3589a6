"""`journal show`: one change whole, with before and after."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eosctl.core.counts import counted
from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report, Section
from eosctl.domain.journal import JournalEntry
from eosctl.ports import Gateways

_MANY = 3


class JournalShowParams(Params):
    """Which entry."""

    id: str = param(help="The entry's id, or its beginning", positional=True, complete="journal_id")


@dataclass(frozen=True)
class JournalDetail:
    """One change with its plan and receipts."""

    id: str
    at: datetime
    operation: str
    status: str
    summary: str
    undoable: bool
    who: str
    undoes: str
    undone_by: str
    plan: Mapping[str, Any]
    receipts: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class _StepRow:
    step: int
    kind: str
    status: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    message: str


def observe(gateways: Gateways, params: JournalShowParams) -> tuple[JournalEntry, bool]:
    """The entry, and whether it can be undone."""
    entry = gateways.journal.entry(params.id)
    return entry, gateways.journal.is_undoable(entry)


def report(snapshot: tuple[JournalEntry, bool], params: JournalShowParams) -> Report:
    """The head, then a row a step."""
    entry, undoable = snapshot
    detail = JournalDetail(
        entry.id,
        entry.at,
        entry.operation,
        entry.status,
        entry.summary,
        undoable,
        entry.who,
        entry.undoes,
        entry.undone_by,
        entry.plan,
        entry.receipts,
    )
    head = [
        {"field": name, "value": getattr(detail, name)}
        for name in ("id", "at", "operation", "status", "summary", "who", "undoable", "undoes", "undone_by")
    ]
    by_number = {one["step"]: one for one in entry.receipts}
    steps = [
        _StepRow(
            number + 1,
            step["kind"],
            _status(by_number.get(number), number in entry.intents),
            by_number.get(number, {}).get("before", {}),
            _brief(by_number.get(number, {}).get("after", {})),
            by_number.get(number, {}).get("message", ""),
        )
        for number, step in enumerate(entry.plan["steps"])
    ]
    undo = f"Undo it with: eosctl undo {entry.id}" if undoable else ""
    return Report(
        detail, JournalDetail, sections=(Section("Change", head), Section("Steps", steps, _StepRow, note=undo))
    )


def _brief(seen: Mapping[str, Any]) -> Mapping[str, Any]:
    """For people a series, or the measures of a run, is counted; the data has it whole."""
    return {key: counted(len(value), "entry", "entries") if _is_series(value) else value for key, value in seen.items()}


def _is_series(value: Any) -> bool:
    return isinstance(value, list) and len(value) > _MANY and isinstance(value[0], (list, Mapping))


def _status(receipt: Mapping[str, Any] | None, begun: bool) -> str:
    if receipt:
        return str(receipt["status"])
    return "begun, outcome unknown" if begun else "not started"


OPERATION = Query(
    name="journal.show",
    summary="Show one change with before and after",
    params=JournalShowParams,
    result=JournalDetail,
    listing=False,
    observe=observe,
    report=report,
    examples=(Example("eosctl journal show 20260301T120000-1a2b3c", "What one change did."),),
)
