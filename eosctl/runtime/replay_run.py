"""A replay's run within one session: batch after batch, each one transaction; what it did is known from Kafka alone.

The ledger, a topic of one partition, holds the identities that were produced, 16 bytes each; its key is the run, and
`<run>/held` for hashes of keys that are held back.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from eosctl.domain.dlq import tally
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.dlq.records import Batch, RawRecord
from eosctl.domain.dlq.replaying import Outgoing, Replayer
from eosctl.domain.dlq.seen import unpack
from eosctl.domain.dlq.tally import PartitionState, Tally, state_of
from eosctl.domain.pace import Pace
from eosctl.domain.steps.dlq import ReplayDeadLetters
from eosctl.operations.finding_origins import OriginFinder
from eosctl.operations.guarding import NewerGuard
from eosctl.operations.outcome_list import OutcomeList
from eosctl.operations.processed_by import processed_by
from eosctl.operations.rehydrating import Rehydrator
from eosctl.operations.replay_order import OriginOrder
from eosctl.operations.replay_scan import ledger_entries
from eosctl.ports import Gateways
from eosctl.ports.dead_letters import ReplaySession
from eosctl.runtime.canary import Canary

_LEDGER_VALUE = 40_000
"""Identities of one ledger record at the most: 640 KB, below the default message.max.bytes."""


@dataclass
class ReplayOutcome:
    """What a run did, as Kafka has it: counts by outcome, whether it was stopped before its end.

    `progress` is this call's own: milliseconds from its start, and records read in committed batches by then.
    `halts_known`: how often the shared run's canary had been halted when this member came to it.
    """

    run: str
    resumed: bool = False
    stopped: bool = False
    restarts: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    topics: dict[str, int] = field(default_factory=dict)
    halted: str = ""
    progress: list[tuple[int, int]] = field(default_factory=list)
    halts_known: int = -1


class Pacer(Pace):
    """The pace of one call, over all of its sessions."""

    def __init__(self, gateways: Gateways) -> None:
        super().__init__()
        self._clock = gateways.clock
        self._began_ms, self._records = gateways.clock.monotonic_ms(), 0

    def advance(self, records: int) -> None:
        """A batch is committed."""
        self._records += records
        self.note(self._clock.monotonic_ms() - self._began_ms, self._records)


class Run:
    """One session's work on the run. `keeps_batch`: whether a batch may be decided twice."""

    keeps_batch = False
    _home: Callable[[RawRecord], int] | None = None
    """The partition whose state counts a record, where that isn't the one it lies in."""

    def __init__(
        self, gateways: Gateways, step: ReplayDeadLetters, session: ReplaySession, done: ReplayOutcome, pace: Pacer
    ) -> None:
        self.batches = 0
        self._gateways = gateways
        self._step = step
        self._rules = step.rules
        self._session = session
        self._done = done
        self._pace = pace
        self._reader = Reader(step.dialects)
        self._replayer = Replayer(step.rules, self._reader, gateways.clock.now_ms())
        self._processed = processed_by(gateways, step.rules, self._reader)
        self._list = OutcomeList("", self._reader)
        self._rehydrator = Rehydrator(gateways, self._replayer)
        self._guard = NewerGuard(gateways, self._replayer)
        self._finder: OriginFinder | None = None
        self._states: dict[int, PartitionState] = {}
        self._positions: dict[int, int] = {}

    def find_origins(self, finder: OriginFinder) -> None:
        """Origins that nobody looked at are looked at when they come."""
        self._finder = finder
        self._replayer.targets |= finder.found
        self._replayer.find = finder

    def work(self) -> None:
        """Batch after batch, from what is committed to the frozen ends."""
        self._take_up()
        self._load_ledger()
        self._list = OutcomeList(self._step.listing, self._reader, goes_on=self._done.resumed)
        canary = Canary(self._gateways, self._step, self._size())
        try:
            self._guard.fill(self._left())
            if self._rules.origin_order:
                with OriginOrder(self._gateways, self._rules.source, self._replayer) as order:
                    order.fill(self._left())
                    self._in_batches(canary, order)
            else:
                self._in_batches(canary, None)
        finally:
            self._list.close()
            self._guard.close()
            every = Tally().plus(Tally(dict(one.counts)) for one in self._states.values())
            self._done.counts = every.counts

    def _in_batches(self, canary: Canary, order: OriginOrder | None) -> None:
        """Until nothing is left, the limit is reached, or somebody stops it. A canary's batches grow."""
        began, sent = self._gateways.clock.monotonic_ms(), 0
        self._gateways.progress.begin("Replaying", sum(end - start for start, end in self._left().values()))
        size = 0
        while size != canary.size:
            size = canary.size
            for batch in self._batches(order, size):
                if self._interrupted():
                    return
                produced = self._batch(batch)
                sent += sum(produced.values())
                self._gateways.progress.advance(len(batch.records))
                self._pace.advance(len(batch.records))
                if isinstance(batch.records, list):
                    batch.records.clear()  # or two batches are in memory while the next one is read
                if self._limit_left() == 0:
                    return
                if canary.watches and not self._goes_on(canary, canary.after(produced)):
                    return
                if size != canary.size:
                    break
                self._keep_rate(sent, began)

    def _goes_on(self, canary: Canary, halted: str) -> bool:
        """Whether the canary lets the next batch go; `halted` says why not."""
        if halted:
            self._done.stopped, self._done.halted = True, halted
        return not halted

    def _interrupted(self) -> bool:
        """Whether the run must not go on with the next batch."""
        self._done.stopped = self._done.stopped or self._gateways.stop.requested()
        return self._done.stopped

    def _rate(self) -> int:
        """Records a second at the most; 0 for no limit."""
        return self._rules.rate_per_s

    def _size(self) -> int:
        """Records of a full batch: a second's worth at the most."""
        return max(1, min(self._rules.batch_size, self._rate())) if self._rate() else self._rules.batch_size

    def _left(self) -> dict[int, tuple[int, int]]:
        return {one: (self._positions[one], state.end) for one, state in self._states.items()}

    def _batches(self, order: OriginOrder | None, size: int) -> Iterator[Batch]:
        """What is left, pointers filled. In the order of origins the offsets are committed at the very end."""
        if order is None:
            for batch in self._gateways.dead_letters.batches(self._rules.source, self._left(), size=size):
                yield replace(batch, records=self._rehydrator.filled(batch.records))
            return
        place = max((json.loads(one.after) for one in self._states.values() if one.after), default=None)
        yield from order.batches(after=json.dumps(place) if place else "", size=size)
        ends = {one: state.end for one, state in self._states.items() if self._positions[one] < state.end}
        if ends:
            yield Batch((), ends)

    def _take_up(self) -> None:
        """The job's unfinished run of this selection, or a new one whose ends are committed before its first record."""
        found = self._session.committed(tuple(self._step.ranges))
        states = {one: state for one, (_, text) in found.items() if (state := state_of(text)) is not None}
        ours = self._done.run or self._step.resumes
        mine = {one: state for one, state in states.items() if state.run == ours}
        if ours and mine:
            self._done.run, self._done.resumed = ours, True
            self._states = mine
            self._positions = {one: found[one][0] for one in mine}
            return
        run = self._done.run = f"{self._step.selection_id}-{uuid4().hex[:12]}"
        self._states = {one: PartitionState(run, end) for one, (_, end) in self._step.ranges.items()}
        self._positions = {one: start for one, (start, _) in self._step.ranges.items()}
        self._session.begin()
        self._session.commit({one: (self._positions[one], state.text()) for one, state in self._states.items()})

    def _load_ledger(self) -> None:
        """Identities within the window, those of this run apart; keys that this run holds back."""
        oldest = self._gateways.clock.now_ms() - self._rules.window_ms
        mine, replayer = self._done.run.encode(), self._replayer
        for key, value, written_ms in ledger_entries(self._gateways, self._rules.ledger):
            if key == mine:
                replayer.mine.add_packed(value)
            elif key == mine + b"/held":
                replayer.held_keys.update(unpack(value))
            elif self._rules.window_ms and written_ms >= oldest and b"/" not in key:
                replayer.before.add_packed(value)

    def _batch(self, batch: Batch) -> dict[str, int]:
        """One transaction; how many records it produced to each topic."""
        while (produced := self._tried(batch)) is None:
            self._list.forget()
        self._list.commit()
        self._guard.committed()
        for topic, count in produced.items():
            self._done.topics[topic] = self._done.topics.get(topic, 0) + count
        return produced

    def _tried(self, batch: Batch) -> dict[str, int] | None:
        """The batch's transaction, None when it was aborted and must be begun again."""
        counted: dict[int, Tally] = {}
        produced: dict[str, int] = {}
        positions = dict(batch.positions)
        session, decide, left = self._session, self._replayer.decide, self._limit_left()
        listed, home = bool(self._step.listing), self._home
        self._replayer.processed = self._processed.among(batch.records)
        self._guard.look(batch.records)
        if self._finder is not None:
            self._finder.records = batch.records
        session.begin()
        records: list[Any] = batch.records if isinstance(batch.records, list) else list(batch.records)
        drops = left is None and not self.keeps_batch
        for at, record in enumerate(records if left != 0 else ()):
            outcome, outgoing = decide(record)
            if drops:
                records[at] = None  # its decoded headers are ten times its size
            if listed:
                self._list.note(record, outcome)
            partition = home(record) if home else record.partition() or 0
            tallied = counted.get(partition)
            if tallied is None:
                tallied = counted[partition] = Tally()
            tallied.counts[outcome] = tallied.counts.get(outcome, 0) + 1
            if outgoing is not None:
                session.produce(outgoing)
                produced[outgoing.topic] = produced.get(outgoing.topic, 0) + 1
                if left is not None and sum(produced.values()) >= left:
                    positions = {} if self._rules.origin_order else self._cut(records[: at + 1])
                    break
        if not self._write_ledger():
            return None
        final = left is not None and sum(produced.values()) >= left
        self._commit({} if left == 0 else positions, counted, final=final, after=batch.after)
        return produced

    def _write_ledger(self) -> bool:
        """What the batch adds to the ledger; whether the batch may be committed."""
        for entry in self._entries():
            self._session.produce(entry)
        return True

    def _entries(self) -> Iterator[Outgoing]:
        run, replayer = self._done.run.encode(), self._replayer
        for key, entries in ((run, replayer.new_digests), (run + b"/held", replayer.new_holds)):
            for start in range(0, len(entries), _LEDGER_VALUE):
                packed = b"".join(entries[start : start + _LEDGER_VALUE])
                yield Outgoing(self._rules.ledger, 0, key, packed, [])

    def _commit(self, positions: dict[int, int], counted: dict[int, Tally], *, final: bool, after: str) -> None:
        """Offsets with the run's counts; a final batch of a limited run pulls the frozen ends to where it stands."""
        moved = {**self._positions, **positions}
        states = dict(self._states)
        for partition, state in self._states.items():
            counts = Tally(dict(state.counts)).plus([counted.get(partition, Tally())]).counts
            end = moved[partition] if final else state.end
            states[partition] = PartitionState(state.run, end, counts, after or state.after)
        touched = states if final else self._touched({*positions, *counted})
        changed = {one: states[one] for one in touched}
        self._session.commit({one: (moved[one], state.text()) for one, state in changed.items()})
        self._replayer.committed()
        self._states, self._positions = states, moved
        self.batches += 1

    def _touched(self, partitions: set[int]) -> Collection[int]:
        """The partitions whose states a batch commits, of those that it has read or counted in."""
        return partitions

    def _cut(self, records: Sequence[RawRecord]) -> dict[int, int]:
        cut: dict[int, int] = {}
        for record in records:
            cut[record.partition() or 0] = (record.offset() or 0) + 1
        return cut

    def _limit_left(self) -> int | None:
        """How many records may still be produced; None without a limit."""
        if not self._rules.limit:
            return None
        every = Tally().plus(Tally(dict(one.counts)) for one in self._states.values())
        return max(0, self._rules.limit - every.total(tally.REPLAYED) - every.total("parked"))

    def _keep_rate(self, sent: int, began_ms: int) -> None:
        rate = self._rate()
        while rate and not self._gateways.stop.requested():
            rest = sent * 1_000 // rate - (self._gateways.clock.monotonic_ms() - began_ms)
            if rest <= 0:
                return
            self._gateways.clock.sleep_ms(min(rest, 200))
