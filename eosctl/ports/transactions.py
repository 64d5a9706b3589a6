"""What Kafka's transaction coordinators and partition leaders can be asked and told (KIP-664, KIP-98)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from eosctl.core.report import Gathered
from eosctl.domain.kafka import (
    AbortMarker,
    ActiveProducer,
    FencedProducer,
    ProducerId,
    TopicPartition,
    TransactionDescription,
    TransactionListing,
    TransactionState,
)


class TransactionsGateway(Protocol):
    """All calls are bounded by the gateways' time limit and raise Unreachable, OperationFailed or Refused.

    A broker that does not answer is a failure in `Gathered`, not an exception, as long as another one answered.
    """

    def list_transactions(
        self,
        *,
        states: Collection[TransactionState] = (),
        producer_ids: Collection[ProducerId] = (),
        older_than_ms: int | None = None,
        id_pattern: str | None = None,
    ) -> Gathered[TransactionListing]:
        """What every coordinator knows. Filters go to the broker where its version can (KIP-994, KIP-1152), and are
        applied here where it can't, except `older_than_ms`, which the caller checks by describing."""

    def describe_transactions(self, transactional_ids: Collection[str]) -> Gathered[TransactionDescription]:
        """One description for each known id; unknown ids are left out (not a failure)."""

    def describe_producers(self, partitions: Collection[TopicPartition]) -> Gathered[ActiveProducer]:
        """The producers that each partition's leader remembers, one request a broker."""

    def write_abort_marker(self, marker: AbortMarker) -> None:
        """WriteTxnMarkers with these epochs. Raises WorldChanged when the coordinator epoch is fenced."""

    def fence(self, transactional_id: str, *, timeout_ms: int) -> FencedProducer:
        """InitProducerId: bumps the epoch, aborts what is open. CONCURRENT_TRANSACTIONS is retried to the limit."""

    def transaction_version(self) -> int:
        """The finalized `transaction.version` (KIP-890); 0 where the brokers know no such feature."""

    def api_versions(self) -> Mapping[int, tuple[int, int]]:
        """The oldest and newest version of each API, by its key, that every broker speaks."""

    def unsupported(self) -> Sequence[str]:
        """Names of APIs among those above that some broker is too old for."""
