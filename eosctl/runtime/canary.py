"""The first records of a replay, watched: the group must pass them, and the dead-letter topic must not grow."""

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

    def __init__(self, gateways: Gateways, step: ReplayDeadLetters, full: int) -> None:
        self._gateways = gateways
        self._step = step
        self._full = full
        self.size = min(step.canary, full) if step.canary else full
        self.watches = bool(step.canary)
        self._source_ends = self._ends(step.rules.source) if self.watches else {}
        self._target_ends: dict[TopicPartition, int] = {}

    def before(self) -> None:
        """Notes where the targets end."""
        if self.watches:
            self._target_ends = {}
            for topic in self._step.rules.targets:
                self._target_ends |= self._ends(topic)

    def after(self, topics: dict[str, int]) -> str:
        """Waits for the group; why the replay must halt, or "" when it may go on with `size`."""
        group, clock = self._step.watch_group, self._gateways.clock
        until = clock.monotonic_ms() + self._step.watch_limit_ms
        produced = {topic: count for topic, count in topics.items() if topic in self._step.rules.targets}
        goal: dict[TopicPartition, int] | None = None
        while (goal := goal or self._goal(produced)) is None or self._behind(group, goal):
            if grown := self._grown():
                return grown
            if self._gateways.stop.requested():
                return ""
            if clock.monotonic_ms() >= until:
                return f"{group} has not passed {self._named(group, goal)} within the limit"
            clock.sleep_ms(_LOOK_EVERY_MS)
        if grown := self._grown():
            return grown
        self.watches = self.size < self._full
        self.size = min(self._full, self.size * 2)
        return ""

    def _named(self, group: str, goal: dict[TopicPartition, int] | None) -> str:
        behind = self._behind(group, goal or {})
        return f"{behind[0]}:{(goal or {})[behind[0]]}" if behind else "the first records"

    def _goal(self, produced: dict[str, int]) -> dict[TopicPartition, int] | None:
        """The offset behind the last replayed record of each partition, found by its header; None until all show.

        EndTxn is answered before the markers are written (KIP-98), and only then are the records below the last stable
        offset.
        """
        starts = {one: end for one, end in self._target_ends.items() if one.topic in produced}
        logs = self._gateways.cluster.log_offsets(list(starts)) if starts else {}
        ranges = {one: (max(starts[one], log.log_start), log.last_stable) for one, log in logs.items()}
        goal: dict[TopicPartition, int] = {}
        missing = sum(produced.values())
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
        more = sum(end - self._source_ends.get(one, 0) for one, end in self._ends(self._step.rules.source).items())
        return f"{self._step.rules.source} grew by {more} while the first records were watched" if more > 0 else ""

    def _ends(self, topic: str) -> dict[TopicPartition, int]:
        partitions = [one.partition for one in self._gateways.cluster.topics((topic,))[0].partitions]
        return {one: log.high_watermark for one, log in self._gateways.cluster.log_offsets(partitions).items()}
