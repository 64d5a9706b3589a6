"""A member's part of a shared replay: its partitions change, its identities are checked against every other member's.

Before a batch is committed its ledger records have their places. What lies before them is read, decided and committed,
so two members can't both send one identity: the later place sees the earlier one, is aborted and decided anew.

In the order of origins a partition stands for a lane (`Lanes`): its member replays the lane's records from all
partitions, and the partition's offset and counts are the lane's. With a canary one member leads, the one that has the
first partition that is not at its end; the others wait until the ledger says that the group has passed.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from uuid import uuid4

from eosctl.core.errors import Refused
from eosctl.domain.dlq import tally
from eosctl.domain.dlq.records import Batch, RawRecord
from eosctl.domain.dlq.seen import digest_of, unpack
from eosctl.domain.dlq.sharing import Lanes, SharedBegin, SharedRuns, share_of
from eosctl.domain.dlq.tally import PartitionState, Tally, state_of
from eosctl.domain.steps.dlq import ReplayDeadLetters
from eosctl.operations.guarding import NewerGuard
from eosctl.operations.outcome_list import OutcomeList
from eosctl.operations.replay_order import END, OriginOrder
from eosctl.ports import Gateways
from eosctl.ports.dead_letters import Rebalanced, SessionLost, SharedSession
from eosctl.runtime.canary import Canary
from eosctl.runtime.replay_run import Pacer, ReplayOutcome, Run
from eosctl.runtime.shared_canary import SharedWatch
from eosctl.runtime.shared_ledger import SharedLedger

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
        self._ended: set[int] = set()
        self._lanes: Lanes | None = None
        self._ledger = SharedLedger(gateways, step.rules.ledger, session, self._absorb)
        self._watch = SharedWatch(gateways, step, self._runs, "", self._ledger)
        self._knows_identities = False

    def work(self) -> None:
        """Whatever partitions the group deals to this member, until every partition of the run is at its end."""
        self._begun = self._agreed()
        self._done.run = self._begun.run
        self._watch = SharedWatch(self._gateways, self._step, self._runs, self._begun.run, self._ledger)
        if self._done.halts_known < 0:
            self._done.halts_known = self._watch.told.halts
        if self._rules.origin_order and any(start < end for start, end in self._begun.ranges.values()):
            self._lanes = Lanes(self._reader, [one for one, (start, end) in self._begun.ranges.items() if start < end])
            self._home = self._lanes.of
        self._load_ledger()
        self._knows_identities = True
        self._list = OutcomeList(self._step.listing, self._reader, goes_on=self._done.resumed)
        try:
            while not self._is_over() and not super()._interrupted():
                self._follow()
                try:
                    if not super()._interrupted():
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
        self._ledger.follow()
        if self._is_given_up():
            self._done.run = ""
            raise SessionLost("another member has begun a new run")
        if self._watch.told.halts > self._done.halts_known:
            self._done.stopped, self._done.halted = True, self._watch.told.halted

    def _is_given_up(self) -> bool:
        return self._runs.current is not None and self._runs.current.run != self._begun.run

    def _turn(self) -> None:
        """The work that the present assignment holds."""
        mine = self._member.assigned()
        if mine is None:
            return
        if self._taken != self._member.generation():
            self._take_up_mine(sorted(mine & set(self._begun.ranges)))
        if self._unended() and (canary := self._led()) is not None:
            self._in_its_order(canary)

    def _led(self) -> Canary | None:
        """How to go on: without a canary, or as the member that leads it; None when another one does, or it halted."""
        if not self._watch.is_on:
            return self._watch.open_canary(self._size())
        if min(self._begun.ranges.keys() - self._ended) not in self._states:
            return None
        replayed = sum(Tally(dict(one.counts)).total(tally.REPLAYED) for one in self._settled().values())
        led = self._watch.lead(self._size(), replayed, self._interrupted)
        return led[0] if led is not None and self._goes_on(*led) and not self._interrupted() else None

    def _goes_on(self, canary: Canary, halted: str) -> bool:
        """Tells the others, too."""
        if self._watch.is_on:
            self._watch.tell(canary, halted)
            self._done.halts_known = self._watch.told.halts
        return super()._goes_on(canary, halted)

    def _settled(self) -> dict[int, PartitionState]:
        """The run's states when no open transaction is about to change them."""
        found = {one: state_of(text) for one, (_, text) in self._member.committed(sorted(self._begun.ranges)).items()}
        return {one: state for one, state in found.items() if state is not None and state.run == self._begun.run}

    def _in_its_order(self, canary: Canary) -> None:
        if self._lanes is None:
            self._in_batches(canary, None)
            return
        lane, unended = self._lanes.of, self._unended()
        with OriginOrder(self._gateways, self._rules.source, self._replayer) as order:
            if order.fill(self._begun.ranges, keep=lambda one: lane(one) in unended, interrupted=self._interrupted):
                self._in_batches(canary, order)

    def _batches(self, order: OriginOrder | None, size: int) -> Iterator[Batch]:
        """In the order of origins each lane goes on behind its own place, and is at its end with the last batch."""
        if order is None or self._lanes is None:
            yield from super()._batches(None, size)
            return
        unended = self._unended()
        places = {one: tuple(json.loads(self._states[one].after or "[-1,-1,-1]")) for one in unended}
        lane = self._lanes.of
        for batch in order.batches(after=json.dumps(min(places.values())), size=size) if places else ():
            records = [one for one in batch.records if order.place(one) > places[lane(one)]]
            if records:
                yield replace(batch, records=records)
        if unended:
            yield Batch((), {one: self._states[one].end for one in unended}, END)

    def _touched(self, partitions: set[int]) -> Collection[int]:
        """With lanes each batch moves the place of all that go on."""
        return partitions if self._lanes is None else partitions | self._unended()

    def _unended(self) -> set[int]:
        """This member's partitions that are not at their end."""
        return {one for one, (start, end) in self._left().items() if start < end}

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
        self._ledger.follow()
        while True:
            going = self._runs.current if self._done.run else self._runs.unfinished()
            if going is not None and (self._done.run or not self._is_to_end(going)):
                if going.selection != self._step.selection_id:
                    raise Refused("job_other_selection", f"The job {self._rules.job!r} is at another selection.",
                                  why="Members of a shared job do the same work.",
                                  hint="Give the same flags everywhere, or another --job.")  # fmt: skip
                self._done.resumed = True
                return going
            if (begun := self._begin_one()) is not None:
                return begun

    def _begin_one(self) -> SharedBegin | None:
        """A new run; None when another member began one first."""
        run = f"{self._step.selection_id}-{uuid4().hex[:12]}"
        begun, before = SharedBegin(run, self._step.selection_id, self._step.ranges), self._runs.current
        said = self._ledger.say(self._runs.begin_key, begun.text(), unless=lambda: self._runs.current != before)
        return begun if said else None

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
        self._ended = found.keys() - self._behind
        return found

    def _tell_over(self) -> None:
        run = self._begun.run
        self._ledger.follow()
        if run not in self._runs.over:
            self._ledger.say(self._runs.over_key, run.encode(), unless=lambda: run in self._runs.over)

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
        self._guard.fill(self._left() if self._lanes is None else self._begun.ranges)
        self._taken = generation

    def _tried(self, batch: Batch) -> dict[str, int] | None:
        """Waits for the ledger's open transactions first, while none of its own can time out."""
        self._ledger.settle()
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
        if self._runs.read(key, value) or not self._knows_identities:
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
