"""How steps on transactions are done: look at the partition's leader, write the marker, read back."""

from collections.abc import Mapping
from typing import Any

from eosctl.core.errors import OperationFailed
from eosctl.core.plan import Step
from eosctl.domain.kafka import AbortMarker, ActiveProducer, CoordinatorEpoch, ProducerEpoch, ProducerId, TopicPartition
from eosctl.domain.steps.txn import AbortTransaction
from eosctl.domain.transactions import Verdict
from eosctl.operations.scanning import scan
from eosctl.ports import Gateways
from eosctl.runtime.handler import NotUndoable, StepState

_LOOK_EVERY_MS = 100


class AbortTransactionHandler:
    """Aborts one transaction on one partition."""

    kind = AbortTransaction.kind

    def look(self, gateways: Gateways, step: AbortTransaction) -> StepState:
        """Done when it is closed; changed when another transaction or epoch is there, or a coordinator holds it now."""
        producer = _producer(gateways, step)
        seen = {
            "start_offset": producer.transaction_start_offset if producer else None,
            "producer_epoch": producer.producer_epoch if producer else None,
            "last_stable_offset": _last_stable(gateways, step),
        }
        if producer is None or producer.transaction_start_offset is None:
            return StepState("done", seen)
        expected = (step.expects_start_offset, step.expects_producer_epoch, step.expects_coordinator_epoch)
        found = (producer.transaction_start_offset, producer.producer_epoch, producer.coordinator_epoch)
        if found[0] > expected[0]:
            return StepState("done", seen)
        if found != expected:
            names = ("start offset", "producer epoch", "coordinator epoch")
            moved = [
                f"{name} {now} instead of {was}"
                for name, now, was in zip(names, found, expected, strict=True)
                if now != was
            ]
            return StepState("changed", seen, f"Producer {step.producer_id} has {', '.join(moved)}.")
        return StepState("ready", seen) if step.forced else _still_hanging(gateways, step, seen)

    def act(self, gateways: Gateways, step: AbortTransaction) -> Mapping[str, Any]:
        """Writes the marker with the epochs that were seen."""
        gateways.transactions.write_abort_marker(
            AbortMarker(
                TopicPartition(step.topic, step.partition),
                ProducerId(step.producer_id),
                ProducerEpoch(step.expects_producer_epoch),
                CoordinatorEpoch(step.expects_coordinator_epoch),
            )
        )
        return {"marker": "abort"}

    def verify(self, gateways: Gateways, step: AbortTransaction, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """Waits until the leader shows the producer closed and the last stable offset past the transaction's start.

        Where another transaction is open before it the last stable offset stays there; `still_blocked_by` says whose.
        """
        until = gateways.clock.monotonic_ms() + gateways.timeout_ms
        while True:
            producers, stable = _producers(gateways, step), _last_stable(gateways, step)
            opened = {one.producer_id: one.transaction_start_offset for one in producers}
            earlier = [one for one, start in opened.items() if start is not None and start < step.expects_start_offset]
            closed = opened.get(ProducerId(step.producer_id)) != step.expects_start_offset
            if closed and stable is not None and (stable > step.expects_start_offset or earlier):
                blocked = {"still_blocked_by": min(earlier)} if earlier else {}
                return {**after, "transaction": "closed", "last_stable_offset": stable, **blocked}
            if gateways.clock.monotonic_ms() >= until:
                raise OperationFailed("not_verified", f"The marker on {step.topic}:{step.partition} does not show yet.",
                                      hint=f"Look again: eosctl txn blocked --topic {step.topic}")  # fmt: skip
            gateways.clock.sleep_ms(_LOOK_EVERY_MS)

    def undo(self, step: AbortTransaction, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """A marker stays."""
        return NotUndoable("An abort marker is part of the log: an aborted transaction can't be opened again.")


def _still_hanging(gateways: Gateways, step: AbortTransaction, seen: Mapping[str, Any]) -> StepState:
    """Looks twice again: the producer's next transaction may have taken the partition since the plan was made."""
    scanned = scan(gateways, [TopicPartition(step.topic, step.partition)])
    found = next((one for one in scanned.transactions if one.producer.producer_id == step.producer_id), None)
    if found is None:
        return StepState("done", seen)
    if found.verdict is Verdict.HANGING:
        return StepState("ready", seen)
    reason = f"The transaction of producer {step.producer_id} is {found.verdict} now, not hanging."
    return StepState("changed", seen, reason)


def _producer(gateways: Gateways, step: AbortTransaction) -> ActiveProducer | None:
    return next((one for one in _producers(gateways, step) if one.producer_id == step.producer_id), None)


def _producers(gateways: Gateways, step: AbortTransaction) -> tuple[ActiveProducer, ...]:
    looked = gateways.transactions.describe_producers([TopicPartition(step.topic, step.partition)])
    if looked.failures:
        raise OperationFailed("partition_not_seen", looked.failures[0].message, hint=looked.failures[0].hint)
    return looked.items


def _last_stable(gateways: Gateways, step: AbortTransaction) -> int | None:
    where = TopicPartition(step.topic, step.partition)
    found = gateways.cluster.log_offsets([where]).get(where)
    return found.last_stable if found else None


HANDLERS = (AbortTransactionHandler(),)
