"""How steps on dead-letter topics are done."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from eosctl.core.errors import OperationFailed
from eosctl.core.plan import Step
from eosctl.domain.dlq.tally import state_of
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.steps.dlq import CreateReplayTopic, DeleteRecordsBefore, ReplayDeadLetters
from eosctl.ports import Gateways
from eosctl.runtime.handler import NotUndoable, StepState
from eosctl.runtime.replay import run_replay

_LOOK_EVERY_MS = 100


class CreateHandler:
    """Makes ledger and parked topic."""

    kind = CreateReplayTopic.kind

    def look(self, gateways: Gateways, step: CreateReplayTopic) -> StepState:
        """Done when it exists."""
        exists = _exists(gateways, step.topic)
        return StepState("done" if exists else "ready", {"exists": exists})

    def act(self, gateways: Gateways, step: CreateReplayTopic) -> Mapping[str, Any]:
        """CreateTopics."""
        gateways.cluster.create_topic(step.topic, partitions=step.partitions, configs=step.configs)
        return {"exists": True}

    def verify(self, gateways: Gateways, step: CreateReplayTopic, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """Waits until the topic's partitions have leaders."""
        until = gateways.clock.monotonic_ms() + gateways.timeout_ms
        while not (_exists(gateways, step.topic) and _has_leaders(gateways, step.topic)):
            if gateways.clock.monotonic_ms() >= until:
                raise OperationFailed("not_verified", f"{step.topic} has no leader yet.", hint="Run it again.")
            gateways.clock.sleep_ms(_LOOK_EVERY_MS)
        return after

    def undo(self, step: CreateReplayTopic, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """It stays."""
        return NotUndoable(f"{step.topic} may be in use: the ledger remembers what was replayed.")


class ReplayHandler:
    """Runs the replay."""

    kind = ReplayDeadLetters.kind

    def look(self, gateways: Gateways, step: ReplayDeadLetters) -> StepState:
        """Ready; changed when records of the frozen range have been deleted since it was planned."""
        where = [TopicPartition(step.rules.source, one) for one in step.ranges]
        logs = gateways.cluster.log_offsets(where)
        gone = {one.partition: log.log_start for one, log in logs.items()
                if log.log_start > step.ranges[one.partition][0] < step.ranges[one.partition][1]}  # fmt: skip
        if gone and not step.resumes:
            partition, start = next(iter(gone.items()))
            return StepState("changed", {}, f"{step.rules.source}:{partition} starts at {start} now.")
        return StepState("ready", {"records": sum(end - start for start, end in step.ranges.values())})

    def act(self, gateways: Gateways, step: ReplayDeadLetters) -> Mapping[str, Any]:
        """The loop of `runtime/replay.py`."""
        return asdict(run_replay(gateways, step))

    def verify(self, gateways: Gateways, step: ReplayDeadLetters, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """Reads the group's offsets until every partition of the run is at its end, unless it was stopped.

        EndTxn is answered before the markers reach the group's partition (KIP-98), so the offsets show a moment later.
        """
        until = gateways.clock.monotonic_ms() + gateways.timeout_ms
        while not after["stopped"] and (behind := _behind(gateways, step, after["run"])):
            if gateways.clock.monotonic_ms() >= until:
                raise OperationFailed("not_verified", f"The job has not committed the end of {', '.join(behind)}.",
                                      hint="Run it again: it goes on where it stopped.")  # fmt: skip
            gateways.clock.sleep_ms(_LOOK_EVERY_MS)
        return after

    def undo(self, step: ReplayDeadLetters, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """Records stay."""
        return NotUndoable("Replayed records are in their topics, and consumers may have read them.")


class DeleteHandler:
    """Deletes the front of a partition."""

    kind = DeleteRecordsBefore.kind

    def look(self, gateways: Gateways, step: DeleteRecordsBefore) -> StepState:
        """Done when the log starts there already."""
        start = _log_start(gateways, step)
        return StepState("done" if start >= step.before_offset else "ready", {"log_start": start})

    def act(self, gateways: Gateways, step: DeleteRecordsBefore) -> Mapping[str, Any]:
        """DeleteRecords."""
        where = TopicPartition(step.topic, step.partition)
        gateways.cluster.delete_records({where: step.before_offset})
        return {}

    def verify(self, gateways: Gateways, step: DeleteRecordsBefore, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """The log starts there."""
        start = _log_start(gateways, step)
        if start < step.before_offset:
            raise OperationFailed("not_verified", f"{step.topic}:{step.partition} still starts at {start}.")
        return {**after, "log_start": start}

    def undo(
        self, step: DeleteRecordsBefore, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> Step | NotUndoable:
        """Gone."""
        return NotUndoable("Deleted records are gone for good.")


def _behind(gateways: Gateways, step: ReplayDeadLetters, run: str) -> list[str]:
    """The partitions of the step whose committed offset is not this run's end."""
    found = gateways.groups.committed([step.rules.job]).items
    at_end = {
        one.partition
        for each in found
        for one, committed in each.offsets.items()
        if one.topic == step.rules.source
        and (state := state_of(committed.metadata)) is not None
        and state.run == run
        and committed.offset >= state.end
    }
    return [f"{step.rules.source}:{one}" for one in step.ranges if one not in at_end]


def _exists(gateways: Gateways, topic: str) -> bool:
    return any(one.name == topic for one in gateways.cluster.topics())


def _has_leaders(gateways: Gateways, topic: str) -> bool:
    return all(one.leader >= 0 for one in gateways.cluster.topics((topic,))[0].partitions)


def _log_start(gateways: Gateways, step: DeleteRecordsBefore) -> int:
    where = TopicPartition(step.topic, step.partition)
    return gateways.cluster.log_offsets([where])[where].log_start


HANDLERS = (CreateHandler(), ReplayHandler(), DeleteHandler())
