"""A member's part of a shared replay: its partitions change, its identities are checked against every other member's.

Before a batch is committed its ledger records have their places. What lies before them is read, decided and committed,
so two members can't both send one identity: the later place sees the earlier one, is aborted and decided anew.
"""

from collections.abc import Sequence
from uuid import uuid4

from eosctl.core.errors import Refused
from eosctl.domain.dlq.records import Batch, RawRecord
from eosctl.domain.dlq.replaying import Outgoing
from eosctl.domain.dlq.seen import digest_of, unpack
from eosctl.domain.dlq.sharing import SharedBegin, SharedRuns, share_of
from eosctl.domain.dlq.tally import PartitionState, Tally, state_of
from eosctl.domain.kafka import LogOffsets, TopicPartition
from eosctl.domain.steps.dlq import ReplayDeadLetters
from eosctl.operations.guarding import NewerGuard
from eosctl.operations.outcome_list import OutcomeList
from eosctl.ports import Gateways
from eosctl.ports.dead_letters import Rebalanced, SessionLost, SharedSession
from eosctl.runtime.canary import Canary
from eosctl.runtime.replay_run import Pacer, ReplayOutcome, Run

_LOOK_EVERY_MS = 200


class SharedRun(Run):
    """One session of one member."""

    keeps_batch = True

    def __init__(
        self, gateways: Gateways, step: ReplayDeadLetters, session: SharedSession, done: ReplayOutcome, pace: Pacer
    ) -> None:
        super().__init__(gateways, step, session, done, pace)
        self._member = session
        self._runs = SharedRuns(step.rules.job)
        self._begun = SharedBegin("", "", {})
        self._taken = -1
        self._keys: list[bytes | None] = []
        self._behind: set[int] = set()

    def work(self) -> None:
        """Whatever partitions the group deals to this member, until every partition of the run is at its end."""
        self._begun = self._agreed()
        self._done.run = self._begun.run
        self._load_ledger()
        self._list = OutcomeList(self._step.listing, self._reader, goes_on=self._done.resumed)
        try:
            while not self._is_over() and not super()._interrupted():
                self._follow()
                try:
                    self._turn()
                except Rebalanced:
                    self._forget_batch()
                    self._taken = -1
                self._gateways.clock.sleep_ms(_LOOK_EVERY_MS)
            if not self._done.stopped:
                self._tell_over()
        finally:
            self._list.close()
            self._guard.close()
        self._done.counts = Tally().plus(Tally(dict(one.counts)) for one in self._committed().values()).counts

    def _follow(self) -> None:
        """Reads the ledger on. Raises SessionLost when somebody gave this run up and began another one."""
        for record in self._member.ledger(self._ledger_log().last_stable):
            self._absorb(record)
        if self._is_given_up():
            self._done.run = ""
            raise SessionLost("another member has begun a new run")

    def _is_given_up(self) -> bool:
        return self._runs.current is not None and self._runs.current.run != self._begun.run

    def _turn(self) -> None:
        """The work that the present assignment holds."""
        mine = self._member.assigned()
        if mine is None:
            return
        if self._taken != self._member.generation():
            self._take_up_mine(sorted(mine & set(self._begun.ranges)))
        if any(start < end for start, end in self._left().values()):
            self._in_batches(Canary(self._gateways, self._step, self._size()), None)

    def _interrupted(self) -> bool:
        """Stopped, dealt other partitions, or at a run that is given up."""
        if super()._interrupted():
            return True
        self._member.assigned()
        return self._is_given_up() or (self._taken >= 0 and self._taken != self._member.generation())

    def _rate(self) -> int:
        return share_of(self._rules.rate_per_s, len(self._states), len(self._begun.ranges))

    def _limit_left(self) -> int | None:
        """By the ledger: whatever member sent it."""
        return max(0, self._rules.limit - len(self._replayer.mine)) if self._rules.limit else None

    def _agreed(self) -> SharedBegin:
        """The run that is going on, or one that is begun now. Raises Refused (`job_other_selection`)."""
        self._read_runs(self._ledger_log().last_stable)
        while True:
            going = self._runs.current if self._done.run else self._runs.unfinished()
            if going is not None and (self._done.run or not self._is_to_end(going)):
                if going.selection != self._step.selection_id:
                    raise Refused("job_other_selection", f"The job {self._rules.job!r} is at another selection.",
                                  why="Members of a shared job do the same work.",
                                  hint="Give the same flags everywhere, or another --job.")  # fmt: skip
                self._done.resumed = True
                return going
            run = f"{self._step.selection_id}-{uuid4().hex[:12]}"
            begun = SharedBegin(run, self._step.selection_id, self._step.ranges)
            before = self._runs.current
            self._member.begin()
            self._read_runs(self._member.reserve([self._control(self._runs.begin_key, begun.text())]))
            if self._runs.current == before:
                self._member.commit({})
                self._runs.read(self._runs.begin_key, begun.text())
                return begun
            self._member.abort()

    def _is_to_end(self, going: SharedBegin) -> bool:
        """Whether a run that nobody ended is to be left alone: given up, or through without a word."""
        self._begun = going
        return going.run == self._step.gives_up or self._is_over()

    def _is_over(self) -> bool:
        states = self._committed()
        return all(one in states for one in self._begun.ranges) and not self._behind

    def _committed(self) -> dict[int, PartitionState]:
        """The run's states as the group has them; `_behind` are the partitions that are not at their end."""
        found: dict[int, PartitionState] = {}
        self._behind = set()
        for offsets in self._gateways.groups.committed([self._rules.job]).items:
            for where, at in offsets.offsets.items():
                state = state_of(at.metadata) if where.topic == self._rules.source else None
                if state is not None and state.run == self._begun.run:
                    found[where.partition] = state
                    self._behind |= {where.partition} if at.offset < state.end else set()
        return found

    def _tell_over(self) -> None:
        self._read_runs(self._ledger_log().last_stable)
        if self._begun.run not in self._runs.over:
            self._member.begin()
            self._member.produce(self._control(self._runs.over_key, self._begun.run.encode()))
            self._member.commit({})

    def _take_up_mine(self, mine: Sequence[int]) -> None:
        """Positions and states of the partitions that were dealt; new ones get the run's frozen range."""
        generation = self._member.generation()
        found = self._member.committed(mine) if mine else {}
        self._states, self._positions = {}, {}
        for one in mine:
            start, end = self._begun.ranges[one]
            at, text = found.get(one, (start, ""))
            state = state_of(text)
            ours = state is not None and state.run == self._begun.run
            self._states[one] = state if state is not None and ours else PartitionState(self._begun.run, end)
            self._positions[one] = at if ours else start
        if mine:
            self._member.begin()
            self._member.commit({one: (self._positions[one], self._states[one].text()) for one in mine})
        self._guard.close()
        self._guard = NewerGuard(self._gateways, self._replayer)
        self._guard.fill(self._left())
        self._taken = generation

    def _tried(self, batch: Batch) -> dict[str, int] | None:
        """Waits for the ledger's open transactions first, while none of its own can time out."""
        for record in self._member.ledger(self._ledger_log().high_watermark):
            self._absorb(record)
        self._keys = [one.key() for one in batch.records]
        return super()._tried(batch)

    def _write_ledger(self) -> bool:
        """Takes places in the ledger, and reads what lies before them."""
        entries = list(self._entries())
        if not entries:
            return True
        news = list(self._member.ledger(self._member.reserve(entries)))
        clashes = self._clashes(news)
        if clashes:
            self._forget_batch()
        for record in news:
            self._absorb(record)
        return not clashes

    def _clashes(self, news: Sequence[RawRecord]) -> bool:
        """Whether another member has sent an identity of this batch, held back a key, or used the limit up."""
        run, mine = self._begun.run.encode(), set(self._replayer.new_digests)
        more = 0
        for record in news:
            key, value = record.key() or b"", record.value() or b""
            if key == run + b"/held":
                holds = set(unpack(value))
                if any(one is not None and digest_of(one) in holds for one in self._keys):
                    return True
            elif b"/" not in key and (key == run or self._rules.window_ms):
                if not mine.isdisjoint(unpack(value)):
                    return True
                more += sum(one not in self._replayer.mine for one in unpack(value)) if key == run else 0
        return bool(self._rules.limit) and len(self._replayer.mine) + more > self._rules.limit

    def _absorb(self, record: RawRecord) -> None:
        run, key, value = self._begun.run.encode(), record.key() or b"", record.value() or b""
        if self._runs.read(key, value):
            return
        if key == run:
            self._replayer.mine.add_packed(value)
        elif key == run + b"/held":
            self._replayer.held_keys.update(unpack(value))
        elif self._rules.window_ms and b"/" not in key:
            self._replayer.before.add_packed(value)

    def _forget_batch(self) -> None:
        self._member.abort()
        self._replayer.rolled_back()
        self._list.forget()

    def _read_runs(self, until: int) -> None:
        for record in self._member.ledger(until):
            self._runs.read(record.key(), record.value())

    def _control(self, key: bytes, value: bytes) -> Outgoing:
        return Outgoing(self._rules.ledger, 0, key, value, [])

    def _ledger_log(self) -> LogOffsets:
        where = TopicPartition(self._rules.ledger, 0)
        return self._gateways.cluster.log_offsets([where])[where]
