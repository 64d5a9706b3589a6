"""Deletes old rows in batches, each in a transaction of its own, and hurts nobody. `dedup` and `outbox` purge here.

Stopped at any moment it has deleted whole batches and lost nothing: run again, it goes on with what is left.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from eosctl.core.counts import counted
from eosctl.core.durations import format_duration_ms
from eosctl.core.errors import EosctlError, OperationFailed, PartlyDone
from eosctl.domain.pace import Pace
from eosctl.domain.purging import PurgeTarget, PurgeWish, first_batch, rest_ms, rows_allowed
from eosctl.ports import Gateways

_LOOK_EVERY_MS = 1_000
_FIRST_WAIT_MS = 10
_STOP_LOOK_MS = 250
_TIMEOUTS_AT_SMALLEST = 5

EndedBy = Literal["", "done", "max_rows", "until", "stopped"]


@dataclass
class PurgeTally:
    """What a purge did. `ended_by` is "" when an error ended it; `batch_rows` the size that it had come to.

    `progress`: milliseconds from the start, and rows deleted by then.
    """

    deleted: int = 0
    batches: int = 0
    batch_rows: int = 0
    slowest_batch_ms: int = 0
    timeouts: int = 0
    waited_ms: int = 0
    took_ms: int = 0
    cutoff: datetime | None = None
    ended_by: EndedBy = ""
    progress: list[tuple[int, int]] = field(default_factory=list)


def run_purge(
    gateways: Gateways, target: PurgeTarget, wish: PurgeWish, *, expected_rows: int | None = None
) -> PurgeTally:
    """Deletes what is older than the wish's age by the server's clock; the tally. `expected_rows` is for the progress.

    Raises PartlyDone with the tally as `done` when something goes wrong after a batch was deleted, and what the
    database raises before.
    """
    tally = PurgeTally()
    began_ms = gateways.clock.monotonic_ms()
    gateways.progress.begin(f"Purging {target.table}", expected_rows, unit="rows")
    try:
        _Purge(gateways, target, wish, tally).work()
    except EosctlError as error:
        tally.took_ms = gateways.clock.monotonic_ms() - began_ms
        raise _with_tally(error, target, tally) from None
    finally:
        gateways.progress.end()
    tally.took_ms = gateways.clock.monotonic_ms() - began_ms
    return tally


def _with_tally(error: EosctlError, target: PurgeTarget, tally: PurgeTally) -> EosctlError:
    if not tally.deleted:
        return error
    rows = counted(tally.deleted, f"row of {target.table} is", f"rows of {target.table} are")
    done = f"{rows} gone, in {counted(tally.batches, 'whole batch', 'whole batches')}."
    return PartlyDone(
        error.code,
        f"{error.message} {done}",
        why=error.why,
        hint=f"{error.hint} Run it again: it goes on with what is left.".strip(),
        done=asdict(tally),
    )


class _Purge:
    """One run's state."""

    def __init__(self, gateways: Gateways, target: PurgeTarget, wish: PurgeWish, tally: PurgeTally) -> None:
        self._gateways = gateways
        self._target = target
        self._wish = wish
        self._tally = tally
        self._size = first_batch(wish)
        self._floor: datetime | None = None
        self._looked_at_ms: int | None = None
        self._timeouts_in_turn = 0
        self._pace = Pace()
        self._began_ms = gateways.clock.monotonic_ms()

    def work(self) -> None:
        """Batch after batch, until nothing is left or a limit is reached."""
        start = self._gateways.database.query("purge_start", {"age_ms": self._wish.age_ms})[0]
        self._tally.cutoff = start["cutoff"]
        while True:
            self._wait_for_others(start["started_at"])
            self._tally.ended_by = self._end()
            if self._tally.ended_by:
                return
            began_ms = self._gateways.clock.monotonic_ms()
            try:
                found = self._batch()
            except OperationFailed as error:
                self._cancelled(error)
                continue
            self._timeouts_in_turn = 0
            if not found["deleted"] and self._floor is None:
                self._tally.ended_by = "done"
                return
            # What lies before the floor is dead, but for rows that came late: a last look from the start finds them.
            self._floor = found["reached"] if found["deleted"] else None
            self._count(found["deleted"], self._gateways.clock.monotonic_ms() - began_ms)

    def _batch(self) -> Mapping[str, Any]:
        wish, database = self._wish, self._gateways.database
        limits = {"statement_timeout_ms": wish.statement_timeout_ms, "lock_timeout_ms": wish.lock_timeout_ms}
        args = {
            "cutoff": self._tally.cutoff,
            "age_ms": wish.age_ms,
            "floor": self._floor,
            "batch_size": rows_allowed(self._size, wish, self._tally.deleted),
        }
        with database.transaction():
            database.query("purge_limits", limits)
            return database.query("purge_batch", args, identifiers=self._target.identifiers())[0]

    def _count(self, deleted: int, took_ms: int) -> None:
        if not deleted:
            return
        tally = self._tally
        tally.deleted += deleted
        tally.batches += 1
        tally.slowest_batch_ms = max(tally.slowest_batch_ms, took_ms)
        tally.batch_rows = self._size.rows
        self._pace.note(self._gateways.clock.monotonic_ms() - self._began_ms, tally.deleted)
        tally.progress = self._pace.points
        self._gateways.progress.advance(deleted)
        if deleted >= self._size.rows or took_ms > self._wish.target_batch_ms:
            self._size = self._size.after(took_ms, self._wish.target_batch_ms)
        self._sleep(rest_ms(self._wish, deleted, took_ms))

    def _cancelled(self, error: OperationFailed) -> None:
        """A batch that ran into a time limit was rolled back; it comes again, smaller."""
        if error.code != "db_timeout":
            raise error
        self._tally.timeouts += 1
        self._timeouts_in_turn = self._timeouts_in_turn + 1 if self._size.is_smallest else 0
        if self._timeouts_in_turn >= _TIMEOUTS_AT_SMALLEST:
            raise error
        self._size = self._size.after_timeout()
        self._sleep(_STOP_LOOK_MS)

    def _end(self) -> EndedBy:
        if self._gateways.stop.requested():
            return "stopped"
        if self._wish.until is not None and self._gateways.clock.now() >= self._wish.until:
            return "until"
        if self._wish.max_rows and self._tally.deleted >= self._wish.max_rows:
            return "max_rows"
        return ""

    def _wait_for_others(self, started_at: datetime) -> None:
        """Waits while a replica lags or a snapshot is older than the purge, for which every dead row must stay.

        Looks once a second. Raises OperationFailed (`purge_held_up`) when the longest wait is over.
        """
        clock = self._gateways.clock
        began_ms = clock.monotonic_ms()
        if self._looked_at_ms is not None and began_ms - self._looked_at_ms < _LOOK_EVERY_MS:
            return
        wait_ms = _FIRST_WAIT_MS  # a transaction that was just about to end costs no second
        while reason := self._obstacle(started_at):
            waited_ms = clock.monotonic_ms() - began_ms
            if waited_ms >= self._wish.max_wait_ms:
                raise OperationFailed(
                    "purge_held_up",
                    f"The purge has waited for {format_duration_ms(waited_ms)}.",
                    why=reason,
                    hint="End what holds it up, or give a longer --max-wait.",
                )
            if self._end():
                break
            self._gateways.progress.advance(0, f"Waiting: {reason}")
            self._sleep(min(wait_ms, max(1, self._wish.max_wait_ms - waited_ms)))
            wait_ms = min(wait_ms * 2, _LOOK_EVERY_MS)
            self._tally.waited_ms += clock.monotonic_ms() - began_ms - waited_ms
        self._looked_at_ms = clock.monotonic_ms()

    def _obstacle(self, started_at: datetime) -> str:
        found = self._gateways.database.query("purge_obstacles", {"started_at": started_at})[0]
        limit_ms = self._wish.max_replica_lag_ms
        if limit_ms and found["replica_lag_ms"] > limit_ms:
            lag = format_duration_ms(found["replica_lag_ms"])
            return f"The replica {found['replica']} is {lag} behind."
        if found["snapshot_since"] is not None:
            pid = f" (pid {found['snapshot_pid']})" if found["snapshot_pid"] else ""
            owner = f"{found['snapshot_owner']}{pid}"
            return f"A transaction of {owner} is older than the purge: no dead row can be removed before it ends."
        return ""

    def _sleep(self, duration_ms: int) -> None:
        clock = self._gateways.clock
        until = clock.monotonic_ms() + duration_ms
        while (left := until - clock.monotonic_ms()) > 0 and not self._gateways.stop.requested():
            clock.sleep_ms(min(left, _STOP_LOOK_MS))
