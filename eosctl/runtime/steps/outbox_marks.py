"""How events of an outbox are marked as published or as pending, by `outbox mark`."""

from collections.abc import Mapping
from typing import Any

from eosctl.core.errors import OperationFailed, WorldChanged
from eosctl.core.plan import Step
from eosctl.domain.steps.outbox import MarkState, SetMarks
from eosctl.ports import Gateways
from eosctl.runtime.handler import NotUndoable, StepState


class MarksHandler:
    """Sets marks."""

    kind = SetMarks.kind

    def look(self, gateways: Gateways, step: SetMarks) -> StepState:
        """Done when each is so or gone; changed when one has another mark than was seen."""
        found = _marks(gateways, step, lock=False)
        left = [one for one in step.rows if not _is_so(found, one)]
        moved = [one.id for one in left if found[one.id] != one.expects_published_at]
        seen = {"set": len(step.rows) - len(left), "left": len(left)}
        if moved:
            return StepState("changed", seen, f"Event {moved[0]} was marked otherwise since.")
        return StepState("ready" if left else "done", seen)

    def act(self, gateways: Gateways, step: SetMarks) -> Mapping[str, Any]:
        """One UPDATE in one transaction, the rows locked and looked at once more."""
        with gateways.database.transaction():
            found = _marks(gateways, step, lock=True)
            left = [one for one in step.rows if not _is_so(found, one)]
            for one in left:
                if found[one.id] != one.expects_published_at:
                    raise WorldChanged("world_changed", f"Event {one.id} was marked otherwise since.")
            gateways.database.execute(
                "outbox_set_marks",
                {"ids": [one.id for one in left], "marks": [one.published_at for one in left]},
                identifiers=step.mapping.identifiers(),
            )
        now = _marks(gateways, step, lock=False)
        return {"marks": {one.id: now.get(one.id) for one in left}}

    def verify(self, gateways: Gateways, step: SetMarks, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """Published ones stay so; a relay may have published a pending one at once, and marked it."""
        found = _marks(gateways, step, lock=False)
        for one in step.rows:
            if one.published_at is not None and found.get(one.id, "gone") is None:
                raise OperationFailed("not_verified", f"Event {one.id} is still pending.")
        return after

    def undo(self, step: SetMarks, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """The marks of before; an event that a relay has published meanwhile stops the way back."""
        marks: Mapping[str, str | None] = after.get("marks", {})
        back = tuple(
            MarkState(id=one.id, expects_published_at=marks[one.id], published_at=one.expects_published_at)
            for one in step.rows
            if one.id in marks
        )
        return SetMarks(mapping=step.mapping, rows=back) if back else NotUndoable("No event was marked.")


def _marks(gateways: Gateways, step: SetMarks, *, lock: bool) -> dict[str, str | None]:
    name = "outbox_marks_locked" if lock else "outbox_marks"
    ids = [one.id for one in step.rows]
    found = gateways.database.query(name, {"ids": ids}, identifiers=step.mapping.identifiers())
    return {one["id"]: one["published_at"] for one in found}


def _is_so(found: Mapping[str, str | None], wanted: MarkState) -> bool:
    if wanted.id not in found:
        return True
    now = found[wanted.id]
    return now is not None if wanted.published_at == "now" else now == wanted.published_at
