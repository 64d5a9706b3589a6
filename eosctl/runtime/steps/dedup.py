"""How dedup tables are made and purged."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from eosctl.core.errors import OperationFailed, Refused, WorldChanged
from eosctl.core.plan import Step
from eosctl.domain.dedup_layout import DAY_COLUMN
from eosctl.domain.outbox import quoted
from eosctl.domain.steps.dedup import (
    CreateDayPartition,
    CreateDedupTable,
    CreateTimeIndex,
    DropDedupPart,
    DropExpiredPartition,
    PurgeRows,
    VacuumTable,
)
from eosctl.domain.tables import TableName
from eosctl.ports import Gateways
from eosctl.runtime.handler import NotUndoable, StepState
from eosctl.runtime.purging import run_purge

_DETACH_TRIES = 10
_DETACH_REST_MS = 1_000
_GONE = NotUndoable("Deleted entries are gone: a message among them that comes again is processed again.")


def _exists(gateways: Gateways, table: TableName) -> bool:
    return gateways.database.describe_table(table) is not None


def _real_schema(gateways: Gateways, table: TableName) -> str | None:
    found = gateways.database.describe_table(table)
    return found.table.schema if found else table.schema


def _index_parts(gateways: Gateways, table: TableName, index: str) -> tuple[str, ...]:
    schema = _real_schema(gateways, table)
    return (schema, index) if schema else (index,)


class CreateTableHandler:
    """Makes a table."""

    kind = CreateDedupTable.kind

    def look(self, gateways: Gateways, step: CreateDedupTable) -> StepState:
        """Done when there is a table of that name."""
        exists = _exists(gateways, step.mapping.table)
        return StepState("done" if exists else "ready", {"exists": exists})

    def act(self, gateways: Gateways, step: CreateDedupTable) -> Mapping[str, Any]:
        """CREATE TABLE and its index; both or neither."""
        database = gateways.database
        names = {**step.mapping.identifiers(), "index": step.index, "day": DAY_COLUMN}
        with database.transaction():
            database.execute(f"dedup_create_{step.layout.value}", identifiers=names)
            database.execute("dedup_create_index", identifiers=names)
        return {"created": str(step.mapping.table)}

    def verify(self, gateways: Gateways, step: CreateDedupTable, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """It must exist, with its index."""
        found = gateways.database.describe_table(step.mapping.table)
        if found is None or not found.leading_index(str(step.mapping.processed_at)):
            raise OperationFailed("not_verified", f"{step.mapping.table} is not there with its time index.")
        return after

    def undo(self, step: CreateDedupTable, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """Dropping it while it is empty."""
        return DropDedupPart(table=step.mapping.table)


class CreateDayHandler:
    """Makes a day's partition."""

    kind = CreateDayPartition.kind

    def look(self, gateways: Gateways, step: CreateDayPartition) -> StepState:
        """Done when there is a table of that name."""
        exists = _exists(gateways, self._table(gateways, step))
        return StepState("done" if exists else "ready", {"exists": exists})

    def act(self, gateways: Gateways, step: CreateDayPartition) -> Mapping[str, Any]:
        """CREATE TABLE ... PARTITION OF."""
        names = {**step.mapping.identifiers(), "day_table": self._table(gateways, step).parts}
        if step.day is None:
            gateways.database.execute("dedup_create_default", identifiers=names)
        else:
            until = date.fromisoformat(step.day) + timedelta(days=1)
            bounds = {"first": step.day, "until": until.isoformat()}
            gateways.database.execute("dedup_create_day", identifiers=names, literals=bounds)
        return {"created": step.name}

    def verify(self, gateways: Gateways, step: CreateDayPartition, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """It must exist."""
        if self.look(gateways, step).state != "done":
            raise OperationFailed("not_verified", f"{step.name} does not exist.")
        return after

    def undo(self, step: CreateDayPartition, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """Dropping it while it is empty."""
        return DropDedupPart(table=TableName(step.name, step.mapping.table.schema))

    @staticmethod
    def _table(gateways: Gateways, step: CreateDayPartition) -> TableName:
        return TableName(step.name, _real_schema(gateways, step.mapping.table))


class CreateIndexHandler:
    """Makes the time index of an existing table."""

    kind = CreateTimeIndex.kind

    def look(self, gateways: Gateways, step: CreateTimeIndex) -> StepState:
        """Done when a valid index begins with the time column."""
        found = gateways.database.describe_table(step.mapping.table)
        index = found.leading_index(str(step.mapping.processed_at)) if found else None
        return StepState("done" if index else "ready", {"index": index.name if index else None})

    def act(self, gateways: Gateways, step: CreateTimeIndex) -> Mapping[str, Any]:
        """CREATE INDEX CONCURRENTLY; one that an interrupted run left invalid is dropped first."""
        table = step.mapping.table
        gateways.database.execute("dedup_drop_index", identifiers={"index": _index_parts(gateways, table, step.name)})
        gateways.database.execute("dedup_add_index", identifiers={**step.mapping.identifiers(), "index": step.name})
        return {"created": step.name}

    def verify(self, gateways: Gateways, step: CreateTimeIndex, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """It must exist and be valid."""
        if self.look(gateways, step).state != "done":
            raise OperationFailed("not_verified", f"{step.name} does not exist, or is not valid.")
        return after

    def undo(self, step: CreateTimeIndex, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """Dropping it."""
        return DropDedupPart(table=step.mapping.table, index=step.name)


class DropPartHandler:
    """Takes back what `init` made."""

    kind = DropDedupPart.kind

    def look(self, gateways: Gateways, step: DropDedupPart) -> StepState:
        """Done when it is gone."""
        found = gateways.database.describe_table(step.table)
        there = found is not None and (not step.index or any(one.name == step.index for one in found.indexes))
        return StepState("ready" if there else "done", {"exists": there})

    def act(self, gateways: Gateways, step: DropDedupPart) -> Mapping[str, Any]:
        """DROP. Raises Refused (`dedup_not_empty`) for a table with entries: they are somebody's memory."""
        database = gateways.database
        if step.index:
            database.execute("dedup_drop_index", identifiers={"index": _index_parts(gateways, step.table, step.index)})
            return {"dropped": step.index}
        names = {"table": step.table.parts}
        with database.transaction():
            database.execute("dedup_lock_table", identifiers=names)
            if database.query("dedup_any_row", identifiers=names)[0]["filled"]:
                raise Refused("dedup_not_empty", f"{step.table} holds entries.", hint="Drop it by hand if it is meant.")
            database.execute("dedup_drop_table", identifiers=names)
        return {"dropped": str(step.table)}

    def verify(self, gateways: Gateways, step: DropDedupPart, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """It must be gone."""
        if self.look(gateways, step).state != "done":
            raise OperationFailed("not_verified", f"{step.index or step.table} is still there.")
        return after

    def undo(self, step: DropDedupPart, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """`dedup init` makes it again."""
        return NotUndoable("Make it again with `eosctl dedup init`.")


class PurgeRowsHandler:
    """Deletes old entries."""

    kind = PurgeRows.kind

    def look(self, gateways: Gateways, step: PurgeRows) -> StepState:
        """Done when no entry is old enough now, by the server's clock."""
        expired = self._expired(gateways, step)
        return StepState("ready" if expired else "done", {"expired": expired})

    def act(self, gateways: Gateways, step: PurgeRows) -> Mapping[str, Any]:
        """The engine of `runtime/purging.py`; its tally."""
        return asdict(run_purge(gateways, step.target, step.wish))

    def verify(self, gateways: Gateways, step: PurgeRows, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """Whether entries older than the cutoff are left: there may be when a limit ended it, or they came late."""
        return {**after, "left": self._expired(gateways, step, until=after["cutoff"])}

    def undo(self, step: PurgeRows, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """There is no way back."""
        return _GONE

    @staticmethod
    def _expired(gateways: Gateways, step: PurgeRows, until: Any = None) -> bool:
        args = {"cutoff": until, "age_ms": step.wish.age_ms}
        found = gateways.database.query("purge_any", args, identifiers=step.target.identifiers())
        return bool(found[0]["expired"])


class DropPartitionHandler:
    """Detaches and drops an expired partition."""

    kind = DropExpiredPartition.kind

    def look(self, gateways: Gateways, step: DropExpiredPartition) -> StepState:
        """Done when it is gone; changed when a younger entry came into it."""
        if not _exists(gateways, step.partition):
            return StepState("done", {"exists": False})
        found = self._age(gateways, step)
        seen = {"rows": found["rows"], "newest_at": found["newest_at"]}
        if not found["expired"] or found["newest_at"] != step.expects_newest_at:
            return StepState("changed", seen, f"{step.partition} has younger entries by now.")
        return StepState("ready", seen)

    def act(self, gateways: Gateways, step: DropExpiredPartition) -> Mapping[str, Any]:
        """In one transaction, under a lock that is waited for shortly and again: looks once more, detaches, drops."""
        for tried in range(_DETACH_TRIES):
            try:
                return self._drop(gateways, step)
            except OperationFailed as error:
                if error.code != "db_timeout" or tried == _DETACH_TRIES - 1 or gateways.stop.requested():
                    raise
                gateways.clock.sleep_ms(_DETACH_REST_MS)
        raise AssertionError("the last try raises")

    def verify(self, gateways: Gateways, step: DropExpiredPartition, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """It must be gone."""
        if _exists(gateways, step.partition):
            raise OperationFailed("not_verified", f"{step.partition} is still there.")
        return after

    def undo(
        self, step: DropExpiredPartition, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> Step | NotUndoable:
        """There is no way back."""
        return _GONE

    def _drop(self, gateways: Gateways, step: DropExpiredPartition) -> Mapping[str, Any]:
        database = gateways.database
        limits = {"statement_timeout_ms": gateways.timeout_ms, "lock_timeout_ms": step.lock_timeout_ms}
        names = {"table": step.mapping.table.parts, "day_table": step.partition.parts}
        with database.transaction():
            database.query("purge_limits", limits)
            database.execute("dedup_lock_table", identifiers={"table": step.partition.parts})
            found = self._age(gateways, step)
            if not found["expired"]:
                raise WorldChanged("world_changed", f"{step.partition} has younger entries by now.")
            database.execute("dedup_detach", identifiers=names)
            database.execute("dedup_drop_table", identifiers={"table": step.partition.parts})
        return {"rows": found["rows"], "dropped": str(step.partition)}

    @staticmethod
    def _age(gateways: Gateways, step: DropExpiredPartition) -> Mapping[str, Any]:
        names = {**step.mapping.identifiers(), "table": step.partition.parts}
        args = {"name": quoted(step.partition), "cutoff": None, "age_ms": step.age_ms}
        return gateways.database.query("dedup_partition_age", args, identifiers=names)[0]


class VacuumHandler:
    """VACUUM."""

    kind = VacuumTable.kind

    def look(self, gateways: Gateways, step: VacuumTable) -> StepState:
        """Always ready, while the table is there."""
        return StepState("ready" if _exists(gateways, step.table) else "done", {})

    def act(self, gateways: Gateways, step: VacuumTable) -> Mapping[str, Any]:
        """VACUUM (ANALYZE)."""
        gateways.database.execute("purge_vacuum", identifiers={"table": step.table.parts})
        return {"vacuumed": str(step.table)}

    def verify(self, gateways: Gateways, step: VacuumTable, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """The statement returns when it is through."""
        return after

    def undo(self, step: VacuumTable, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """Nothing to take back."""
        return NotUndoable("A VACUUM changes no data.")


HANDLERS = (
    CreateTableHandler(),
    CreateDayHandler(),
    CreateIndexHandler(),
    DropPartHandler(),
    PurgeRowsHandler(),
    DropPartitionHandler(),
    VacuumHandler(),
)
