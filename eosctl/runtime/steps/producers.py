"""How producers are fenced: look at the coordinator, InitProducerId, read back."""

import shlex
from collections.abc import Mapping
from typing import Any

from eosctl.core.errors import OperationFailed
from eosctl.core.plan import Step
from eosctl.domain.kafka import TransactionDescription, TransactionState
from eosctl.domain.steps.producers import FenceProducer
from eosctl.domain.transactions import OPEN_STATES, is_two_phase
from eosctl.ports import Gateways
from eosctl.runtime.handler import NotUndoable, StepState

_LOOK_EVERY_MS = 100
_LIVE_PLAN_HOLDS_MS = 300_000


class FenceProducerHandler:
    """Fences one transactional id."""

    kind = FenceProducer.kind

    def look(self, gateways: Gateways, step: FenceProducer) -> StepState:
        """Done when somebody called InitProducerId since, which alone leaves a newer epoch in state Empty.

        Any other newer epoch is the producer's own progress (transaction version 2 bumps it at each transaction's end)
        or a new instance: ready when the plan is fresh and saw it writing, changed otherwise.
        """
        now = _described(gateways, step)
        if now is None:
            if step.expects_producer_id < 0:
                return StepState("ready", {"known": False})
            return StepState("changed", {"known": False}, f"No coordinator knows {step.transactional_id!r} any more.")
        seen = _seen(now)
        expected = (step.expects_producer_id, step.expects_producer_epoch)
        if is_two_phase(now):
            return StepState("changed", seen, f"{step.transactional_id} takes part in two-phase commit now (KIP-939).")
        if (now.producer_id, now.producer_epoch) == expected:
            return StepState("ready", seen)
        if now.state is TransactionState.EMPTY:
            return StepState("done", seen)
        if step.live and gateways.clock.now_ms() - step.seen_at_ms <= _LIVE_PLAN_HOLDS_MS:
            return StepState("ready", seen)
        epochs = f"epoch {now.producer_epoch} instead of {step.expects_producer_epoch}"
        reason = f"{step.transactional_id} has {epochs}, and it is {now.state}."
        return StepState("changed", seen, reason)

    def act(self, gateways: Gateways, step: FenceProducer) -> Mapping[str, Any]:
        """Takes the id over for a moment, with the time-out that it had."""
        fenced = gateways.transactions.fence(step.transactional_id, timeout_ms=step.timeout_ms)
        return {"producer_id": fenced.producer_id, "producer_epoch": fenced.producer_epoch}

    def verify(self, gateways: Gateways, step: FenceProducer, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """Waits until the coordinator shows another epoch and no transaction of the old one."""
        until = gateways.clock.monotonic_ms() + gateways.timeout_ms
        expected = (step.expects_producer_id, step.expects_producer_epoch)
        while True:
            now = _described(gateways, step)
            if now is not None and (now.producer_id, now.producer_epoch) != expected and now.state not in OPEN_STATES:
                return {**after, **_seen(now)}
            if now is not None and now.producer_epoch > after["producer_epoch"]:
                return {**after, **_seen(now), "taken_over": True}
            if gateways.clock.monotonic_ms() >= until:
                raise OperationFailed(
                    "not_verified",
                    f"{step.transactional_id} does not show a newer epoch at rest.",
                    why="It may have been taken over again at once by a running producer.",
                    hint=f"Look again: eosctl txn describe {shlex.quote(step.transactional_id)}",
                )
            gateways.clock.sleep_ms(_LOOK_EVERY_MS)

    def undo(self, step: FenceProducer, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | NotUndoable:
        """A fence stays."""
        return NotUndoable("An epoch only grows: a fenced producer must be started anew, which is all it needs.")


def _described(gateways: Gateways, step: FenceProducer) -> TransactionDescription | None:
    answer = gateways.transactions.describe_transactions([step.transactional_id])
    if answer.failures:
        raise OperationFailed(answer.failures[0].code, answer.failures[0].message, hint=answer.failures[0].hint)
    return answer.items[0] if answer.items else None


def _seen(now: TransactionDescription) -> dict[str, Any]:
    return {"producer_id": now.producer_id, "producer_epoch": now.producer_epoch, "state": now.state.value,
            "partitions": [str(one) for one in now.partitions]}  # fmt: skip


HANDLERS = (FenceProducerHandler(),)
