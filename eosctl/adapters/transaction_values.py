"""What KIP-664's answers mean in our own values."""

from collections.abc import Iterator
from typing import Any

from eosctl.domain.kafka import (
    ActiveProducer,
    CoordinatorEpoch,
    Offset,
    ProducerEpoch,
    ProducerId,
    TopicPartition,
    TransactionDescription,
    TransactionListing,
    TransactionState,
)

_STATES = {str(one.value): one for one in TransactionState}
_OPEN = frozenset(
    {
        TransactionState.ONGOING,
        TransactionState.PREPARE_COMMIT,
        TransactionState.PREPARE_ABORT,
        TransactionState.PREPARE_EPOCH_FENCE,
    }
)
"""The coordinator keeps a transaction's start time after its end; only in these states does it mean an open one."""


def listing(one: Any, node: int) -> TransactionListing:
    """A line of a ListTransactions answer of this node."""
    return TransactionListing(one.transactional_id, ProducerId(one.producer_id), _state(one.transaction_state), node)


def description(one: Any, node: int) -> TransactionDescription:
    """A line of a DescribeTransactions answer of this node."""
    state = _state(one.transaction_state)
    return TransactionDescription(
        transactional_id=one.transactional_id,
        coordinator_id=node,
        producer_id=ProducerId(one.producer_id),
        producer_epoch=ProducerEpoch(one.producer_epoch),
        state=state,
        timeout_ms=one.transaction_timeout_ms,
        started_at_ms=one.transaction_start_time_ms if state in _OPEN and one.transaction_start_time_ms >= 0 else None,
        partitions=_partitions(one.topics) if one.topics else (),
    )


def _partitions(topics: Any) -> tuple[TopicPartition, ...]:
    return tuple(sorted(TopicPartition(topic.topic, number) for topic in topics for number in topic.partitions))


def producers(partition: TopicPartition, state: Any) -> Iterator[ActiveProducer]:
    """The producers of a partition in a DescribeProducers answer."""
    for one in state.active_producers:
        start = one.current_txn_start_offset
        yield ActiveProducer(
            partition=partition,
            producer_id=ProducerId(one.producer_id),
            producer_epoch=ProducerEpoch(one.producer_epoch),
            last_sequence=one.last_sequence,
            last_write_ms=one.last_timestamp,
            coordinator_epoch=CoordinatorEpoch(one.coordinator_epoch),
            transaction_start_offset=Offset(start) if start >= 0 else None,
        )


def _state(name: str) -> TransactionState:
    return _STATES.get(name, TransactionState.UNKNOWN)
