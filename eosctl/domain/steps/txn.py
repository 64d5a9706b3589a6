"""Steps on transactions."""

from dataclasses import dataclass
from typing import ClassVar

from eosctl.core.plan import Effect, Step


@dataclass(frozen=True, kw_only=True)
class AbortTransaction(Step):
    """Writes an abort marker for one producer on one partition (WriteTxnMarkers, KIP-664), past its coordinator.

    Unless `forced`, no coordinator may hold the transaction when the marker is written.
    """

    kind: ClassVar[str] = "txn.abort_transaction"
    done_when: ClassVar[str] = "the producer has no transaction open at the offset that was seen"

    topic: str
    partition: int
    producer_id: int
    expects_producer_epoch: int
    expects_coordinator_epoch: int
    expects_start_offset: int
    last_stable_offset: int
    high_watermark: int
    forced: bool = False

    def describe(self) -> str:
        """One line."""
        return f"Abort the transaction of producer {self.producer_id} on {self.topic}:{self.partition}"

    def effects(self) -> tuple[Effect, ...]:
        """Transaction and last stable offset."""
        where = f"{self.topic}:{self.partition}"
        return (
            Effect(
                where, f"transaction of producer {self.producer_id}", f"open at {self.expects_start_offset}", "aborted"
            ),
            Effect(where, "last stable offset", str(self.last_stable_offset), f"up to {self.high_watermark + 1}"),
        )
