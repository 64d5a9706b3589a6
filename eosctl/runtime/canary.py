"""The first records of a replay, watched: the group must pass them, and the dead-letter topic must not grow."""

from collections.abc import Callable

from eosctl.domain.dlq.canary import CanaryStart
from eosctl.domain.dlq.decoding import REPLAY_COUNT
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.steps.dlq import ReplayDeadLetters
from eosctl.ports import Gateways

_LOOK_EVERY_MS = 200


class Canary:
    """Begins with `first` records a batch, and doubles after each batch that the group has passed, to full batches.

    Passed means committed: the offset behind the last replayed record of each partition. Records that other producers
    wrote to the dead-letter topic meanwhile count as growth, too: nobody can tell them apart.
    """

    def __init__(
        self,
        gateways: Gateways,
        step: ReplayDeadLetters,
        full: int,
        *,
        interrupted: Callable[[], bool] | None = None,
        start: CanaryStart | None = None,
    ) -> None:
        self._gateways = gateways
        self._step = step
        self._full = full
        self._interrupted = interrupted or gateways.stop.requested
        self.size = min(step.canary, full) if step.canary else full
        self.watches = bool(step.canary)
        self._sent = 0
        self.start = start or (self._begun() if self.watches else CanaryStart({}, {}))

    def take_over(self, *, size: int, sent: int) -> str:
        """Goes on where another member was, which sent so many since `start`: waits for the group as `after` does."""
        self.size, self._sent = min(size, self._full), sent
        return self._watched() if sent else ""

    def after(self, topics: dict[str, int]) -> str:
        """Waits for the group; why the replay must halt, or "" when it may go on with `size`."""
        self._sent += sum(count for topic, count in topics.items() if topic in self._step.rules.targets)
        return self._watched()

    def _watched(self) -> str:
        group, clock = self._step.watch_group, self._gateways.clock
        until = clock.monotonic_ms() + self._step.watch_limit_ms
        goal: dict[TopicPartition, int] | None = None
        while (goal := goal or self._goal()) is None or self._behind(group, goal):
            if grown := self._grown():
                return grown
            if self._interrupted():
                return ""
            if clock.monotonic_ms() >= until:
                return f"{group} has not passed {self._named(group, goal)} within the limit"
            clock.sleep_ms(_LOOK_EVERY_MS)
        if grown := self._grown():
            return grown
        self.watches = self.size < self._full
        self.size = min(self._full, self.size * 2)
        return ""

    def _begun(self) -> CanaryStart:
        targets: dict[TopicPartition, int] = {}
        for topic in self._step.rules.targets:
            targets |= self._ends(topic)
        return CanaryStart(self._ends(self._step.rules.source), targets)

    def _named(self, group: str, goal: dict[TopicPartition, int] | None) -> str:
        behind = self._behind(group, goal or {})
        return f"{behind[0]}:{(goal or {})[behind[0]]}" if behind else "the first records"

    def _goal(self) -> dict[TopicPartition, int] | None:
        """The offset behind the last replayed record of each partition, found by its header; None until all show.

        EndTxn is answered before the markers are written (KIP-98), and only then are the records below the last stable
        offset.
        """
        starts = self.start.targets
        logs = self._gateways.cluster.log_offsets(list(starts)) if starts and self._sent else {}
        ranges = {one: (max(starts[one], log.log_start), log.last_stable) for one, log in logs.items()}
        goal: dict[TopicPartition, int] = {}
        missing = self._sent
        for record in self._gateways.records.read({one: at for one, at in ranges.items() if at[0] < at[1]}):
            if any(name == REPLAY_COUNT for name, _ in record.headers):
                goal[record.partition] = record.offset + 1
                missing -= 1
        return goal if missing <= 0 else None

    def _behind(self, group: str, goal: dict[TopicPartition, int]) -> list[TopicPartition]:
        committed: dict[TopicPartition, int] = {}
        for one in self._gateways.groups.committed([group]).items:
            committed |= {where: int(at.offset) for where, at in one.offsets.items()}
        return [where for where, offset in goal.items() if committed.get(where, -1) < offset]

    def _grown(self) -> str:
        ends = self._ends(self._step.rules.source)
        more = sum(end - self.start.source.get(one, 0) for one, end in ends.items())
        return f"{self._step.rules.source} grew by {more} while the first records were watched" if more > 0 else ""

    def _ends(self, topic: str) -> dict[TopicPartition, int]:
        partitions = [one.partition for one in self._gateways.cluster.topics((topic,))[0].partitions]
        return {one: log.high_watermark for one, log in self._gateways.cluster.log_offsets(partitions).items()}
