"""Steps on producers."""

from dataclasses import dataclass
from typing import ClassVar

from eosctl.core.durations import format_duration_ms
from eosctl.core.plan import Effect, Step


@dataclass(frozen=True, kw_only=True)
class FenceProducer(Step):
    """InitProducerId for a transactional id: bumps its epoch, aborts what is open (KIP-98, KIP-360).

    `expects_producer_id` and `expects_producer_epoch` are -1 for an id that no coordinator knows yet. `live`: it was
    writing when the plan was made at `seen_at_ms`, so its epoch may move on its own (transaction version 2, KIP-890).
    """

    kind: ClassVar[str] = "producers.fence"
    done_when: ClassVar[str] = "InitProducerId was called since: the epoch is newer, and the state is Empty"

    transactional_id: str
    expects_producer_id: int
    expects_producer_epoch: int
    state: str
    timeout_ms: int
    open_partitions: tuple[str, ...] = ()
    live: bool = False
    seen_at_ms: int = 0

    def describe(self) -> str:
        """One line."""
        return f"Fence {self.transactional_id}"

    def effects(self) -> tuple[Effect, ...]:
        """Epoch, transaction, time-out."""
        new = self.expects_producer_id < 0
        epoch = "none" if new else str(self.expects_producer_epoch)
        rows = [Effect(self.transactional_id, "epoch", epoch, "0 of a new producer id" if new else "a newer one")]
        if self.open_partitions:
            shown = ", ".join(self.open_partitions[:5])
            more = f" and {len(self.open_partitions) - 5} more" if len(self.open_partitions) > 5 else ""
            rows.append(Effect(self.transactional_id, "transaction", f"{self.state} on {shown}{more}", "aborted"))
        rows.append(
            Effect(self.transactional_id, "transaction time-out", format_duration_ms(self.timeout_ms), "the same")
        )
        return tuple(rows)
