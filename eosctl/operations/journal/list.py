"""`journal list`: every change that was made from this machine, the newest first."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report, column
from eosctl.ports import Gateways


class JournalListParams(Params):
    """What to list."""

    limit: int = param(50, help="At most so many entries", ge=1)
    operation: str | None = param(None, help="Only changes of this operation, for example txn.abort")


@dataclass(frozen=True)
class JournalRow:
    """One change."""

    id: str
    at: datetime
    operation: str
    status: str
    summary: str
    undoable: bool
    who: str = field(metadata=column(wide=True))


def observe(gateways: Gateways, params: JournalListParams) -> tuple[JournalRow, ...]:
    """The newest entries of this machine's journal."""
    journal = gateways.journal
    wanted = (one for one in journal.entries() if params.operation in (None, one.operation))
    return tuple(
        JournalRow(one.id, one.at, one.operation, one.status, one.summary, journal.is_undoable(one), one.who)
        for one in islice(wanted, params.limit)
    )


def report(rows: tuple[JournalRow, ...], params: JournalListParams) -> Report:
    """The rows as they are."""
    return Report(rows, JournalRow, summary="" if rows else "No change was made from this machine yet.")


OPERATION = Query(
    name="journal.list",
    summary="List the changes made from this machine",
    params=JournalListParams,
    result=JournalRow,
    observe=observe,
    report=report,
    examples=(Example("eosctl journal list --limit 10", "The last ten changes."),),
)
