"""How the outbox's steps are done: its objects, its retries, its relay, its purge."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from eosctl.core.errors import OperationFailed, Refused, WorldChanged
from eosctl.core.plan import Step
from eosctl.domain.outbox import OutboxMapping, quoted
from eosctl.domain.purging import PurgeTarget
from eosctl.domain.steps.outbox import (
    CreateOutboxPart,
    DropOutboxPart,
    PurgeOutbox,
    RelayOutbox,
    RetryState,
    SetRetries,
    statements_of,
)
from eosctl.ports import Gateways
from eosctl.runtime.handler import NotUndoable, StepState
from eosctl.runtime.purging import run_purge
from eosctl.runtime.relay import run_relay
from eosctl.runtime.steps.outbox_marks import MarksHandler


def _exists(gateways: Gateways, mapping: OutboxMapping, part: str, name: str) -> bool:
    catalogue = gateways.database.describe_table(mapping.table)
    if part == "table" or catalogue is None:
        return catalogue is not None
    if part == "trigger":
        found = gateways.database.query("outbox_triggers", {"name": quoted(mapping.table)})
        return any(one["name"] == name for one in found)
    return any(one.name == name and one.valid for one in catalogue.indexes)


def _in_schema_of(gateways: Gateways, mapping: OutboxMapping, name: str) -> tuple[str, ...]:
    catalogue = gateways.database.describe_table(mapping.table)
    schema = catalogue.table.schema if catalogue else mapping.table.schema
    return (schema, name) if schema else (name,)


class CreateHandler:
    """Makes one object."""

    kind = CreateOutboxPart.kind

    def look(self, gateways: Gateways, step: CreateOutboxPart) -> StepState:
        """Done when it exists."""
        exists = _exists(gateways, step.mapping, step.part, step.name)
        return StepState("done" if exists else "ready", {"exists": exists})

    def act(self, gateways: Gateways, step: CreateOutboxPart) -> Mapping[str, Any]:
        """CREATE; an index of this table that an interrupted run left invalid is dropped first."""
        database = gateways.database
        catalogue = database.describe_table(step.mapping.table)
        mapping = replace(step.mapping, table=catalogue.table) if catalogue else step.mapping
        statements = statements_of(mapping, step.part, step.name)
        if step.part == "trigger":
            with database.transaction():
                for name, identifiers in statements:
                    database.execute(name, identifiers=identifiers)
            return {"created": step.name}
        if catalogue and any(one.name == step.name and not one.valid for one in catalogue.indexes):
            database.execute("outbox_drop_index", identifiers={"index": _in_schema_of(gateways, mapping, step.name)})
        for name, identifiers in statements:
            database.execute(name, identifiers=identifiers)
        return {"created": step.name}

    def verify(self, gateways: Gateways, step: CreateOutboxPart, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """It must exist, and be valid."""
        if not _exists(gateways, step.mapping, step.part, step.name):
            raise OperationFailed("not_verified", f"{step.name} does not exist, or is not valid.")
        return after

    def undo(self, step: CreateOutboxPart, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """Dropping it."""
        return DropOutboxPart(mapping=step.mapping, part=step.part, name=step.name)


class DropHandler:
    """Drops one object that `init` made."""

    kind = DropOutboxPart.kind

    def look(self, gateways: Gateways, step: DropOutboxPart) -> StepState:
        """Done when it is gone."""
        exists = _exists(gateways, step.mapping, step.part, step.name)
        gone = not exists or gateways.database.describe_table(step.mapping.table) is None
        return StepState("done" if gone else "ready", {"exists": exists})

    def act(self, gateways: Gateways, step: DropOutboxPart) -> Mapping[str, Any]:
        """DROP. Raises Refused (`outbox_not_empty`) for a table with rows: they may be the only copy of an event."""
        database = gateways.database
        names: dict[str, Any] = dict(step.mapping.identifiers())
        qualified = _in_schema_of(gateways, step.mapping, step.name)
        if step.part == "table":
            with database.transaction():
                database.execute("outbox_lock_table", identifiers=names)
                if database.query("outbox_any_row", identifiers=names)[0]["filled"]:
                    raise Refused("outbox_not_empty", f"{step.mapping.table} holds events.", hint="Drop it by hand.")
                database.execute("outbox_drop_table", identifiers=names)
        elif step.part == "trigger":
            with database.transaction():
                database.execute("outbox_drop_trigger", identifiers={**names, "trigger": step.name})
                database.execute("outbox_drop_function", identifiers={"function": qualified})
        else:
            database.execute("outbox_drop_index", identifiers={"index": qualified})
        return {"dropped": step.name}

    def verify(self, gateways: Gateways, step: DropOutboxPart, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """It must be gone."""
        if self.look(gateways, step).state != "done":
            raise OperationFailed("not_verified", f"{step.name} is still there.")
        return after

    def undo(self, step: DropOutboxPart, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """Making it again."""
        return CreateOutboxPart(mapping=step.mapping, part=step.part, name=step.name)


class RetriesHandler:
    """Sets retry counts and errors."""

    kind = SetRetries.kind

    def look(self, gateways: Gateways, step: SetRetries) -> StepState:
        """Done when each has its count or was published since; changed when one has another count than was seen."""
        found = {one["id"]: one for one in self._rows(gateways, step, lock=False)}
        left = [one for one in step.rows if not _is_so(found.get(one.id), one)]
        moved = [one.id for one in left if found[one.id]["retry_count"] != one.expects_count]
        seen = {"set": len(step.rows) - len(left), "left": len(left)}
        if moved:
            return StepState("changed", seen, f"Event {moved[0]} has another retry count by now.")
        return StepState("ready" if left else "done", seen)

    def act(self, gateways: Gateways, step: SetRetries) -> Mapping[str, Any]:
        """One UPDATE in one transaction, the rows locked and looked at once more."""
        with gateways.database.transaction():
            found = {one["id"]: one for one in self._rows(gateways, step, lock=True)}
            left = [one for one in step.rows if not _is_so(found.get(one.id), one)]
            for one in left:
                if found[one.id]["retry_count"] != one.expects_count:
                    raise WorldChanged("world_changed", f"Event {one.id} has another retry count by now.")
            gateways.database.execute(
                "outbox_set_retries",
                {
                    "ids": [one.id for one in left],
                    "counts": [one.count for one in left],
                    "errors": [one.error for one in left],
                },
                identifiers=step.mapping.identifiers(),
            )
        return {"events": [one.id for one in left]}

    def verify(self, gateways: Gateways, step: SetRetries, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """A relay may have taken them up at once, so a new failure or a publication is as good as the count itself."""
        return after

    def undo(self, step: SetRetries, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """The counts and errors of before, for those that are still pending."""
        back = tuple(
            RetryState(
                id=one.id,
                expects_count=one.count,
                expects_error=one.error,
                count=one.expects_count,
                error=one.expects_error,
            )
            for one in step.rows
            if one.id in after.get("events", ())
        )
        return SetRetries(mapping=step.mapping, rows=back)

    @staticmethod
    def _rows(gateways: Gateways, step: SetRetries, *, lock: bool) -> list[Mapping[str, Any]]:
        name = "outbox_retries_locked" if lock else "outbox_retries"
        ids = [one.id for one in step.rows]
        return list(gateways.database.query(name, {"ids": ids}, identifiers=step.mapping.identifiers()))


def _is_so(found: Mapping[str, Any] | None, wanted: RetryState) -> bool:
    if found is None or found["published"]:
        return True
    return (found["retry_count"], found["last_error"]) == (wanted.count, wanted.error)


class RelayHandler:
    """Runs the relay."""

    kind = RelayOutbox.kind

    def look(self, gateways: Gateways, step: RelayOutbox) -> StepState:
        """Always ready: what is pending is seen batch by batch."""
        return StepState("ready", {"pending": step.pending})

    def act(self, gateways: Gateways, step: RelayOutbox) -> Mapping[str, Any]:
        """The loop of `runtime/relay.py`; its tally."""
        return asdict(run_relay(gateways, step.mapping, step.wish))

    def verify(self, gateways: Gateways, step: RelayOutbox, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """Rows are marked after their delivery reports only: nothing more to read back."""
        return after

    def undo(self, step: RelayOutbox, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """What was published can't be taken back."""
        return NotUndoable("Published events can't be taken back from Kafka.")


class PurgeHandler:
    """Deletes published events by the purge engine."""

    kind = PurgeOutbox.kind

    def look(self, gateways: Gateways, step: PurgeOutbox) -> StepState:
        """Done when none is old enough."""
        rows = _purgeable(gateways, step)
        return StepState("ready" if rows else "done", {"rows": rows})

    def act(self, gateways: Gateways, step: PurgeOutbox) -> Mapping[str, Any]:
        """Batches of `runtime/purging.py`; its tally."""
        assert step.mapping.published_at is not None
        tally = run_purge(
            gateways, PurgeTarget(table=step.mapping.table, time_column=step.mapping.published_at), step.wish
        )
        if step.vacuum and tally.ended_by == "done":
            gateways.database.execute("purge_vacuum", identifiers={"table": step.mapping.table.parts})
        return asdict(tally)

    def verify(self, gateways: Gateways, step: PurgeOutbox, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is left: events that grew old meanwhile, or all after a limit."""
        return {**after, "left": _purgeable(gateways, step)}

    def undo(self, step: PurgeOutbox, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """Rows are gone."""
        return NotUndoable("Deleted events can't be brought back; their records are in Kafka as long as it keeps them.")


def _purgeable(gateways: Gateways, step: PurgeOutbox) -> int:
    args = {"age_ms": step.wish.age_ms}
    found = gateways.database.query("outbox_purgeable", args, identifiers=step.mapping.identifiers())
    return int(found[0]["rows"])


HANDLERS = (CreateHandler(), DropHandler(), RetriesHandler(), MarksHandler(), RelayHandler(), PurgeHandler())
