"""A transaction that is open on its partition and that no coordinator knows: `read_committed` stops there for ever.

A transactional producer commits once. Then one more batch of its producer id, epoch and next sequence goes straight to
the partition's leader, without AddPartitionsToTxn: what a delayed request did before KIP-890.
"""

import time
from collections.abc import Mapping
from typing import Any

from eosctl.core.errors import OperationFailed, UsageError
from eosctl.domain.lab import Incident
from eosctl.lab import clients
from eosctl.lab.incidents.parts import commit_position, ensure_topic, produce
from eosctl.lab.state import LabState

_BEFORE = 20
_TRANSACTION_TIMEOUT_MS = 60_000
_NEWEST_PRODUCE_VERSION = 11
"""From version 12 on the leader itself adds the partition to the transaction (KIP-890): then nothing hangs."""


def inject(state: LabState, options: Mapping[str, str]) -> Incident:
    """Opens it for `id` (payments-tx-1) on `topic` (payments) and `partition` (0); `group` (payments-service) stops.

    `count` (50) plain records of each partition lie behind. Raises UsageError on a lab where nothing can hang.
    """
    if state.transaction_version != 0:
        raise UsageError(
            "hang_impossible",
            f"On the lab {state.name!r} no transaction can hang.",
            why="It runs with transaction.version=2, whose brokers verify every transactional write (KIP-890).",
            hint="Make a lab with transaction version 0, which is the default of `eosctl lab up`.",
        )
    topic, partition = options.get("topic", "payments"), int(options.get("partition", "0"))
    group, transactional_id = options.get("group", "payments-service"), options.get("id", "payments-tx-1")
    partitions, behind = max(3, partition + 1), int(options.get("count", "50"))
    ensure_topic(state, topic, partitions)
    with clients.kip664_admin(state) as admin:
        committed = _committed_once(state, admin, topic, partition, transactional_id)
        _write_past_the_coordinator(admin, topic, partition, transactional_id, committed)
        start_offset = _start_offset(admin, topic, partition, committed.producer_id)
    for one in range(partitions):
        produce(state, topic, behind, partition=one, word="payment")
    for one, offset in clients.ends(state, topic, range(partitions), committed=True).items():
        commit_position(state, group, topic, one, offset)
    facts = {
        "topic": topic,
        "partition": str(partition),
        "transactional_id": transactional_id,
        "producer_id": str(committed.producer_id),
        "producer_epoch": str(committed.producer_epoch),
        "start_offset": str(start_offset),
        "group": group,
        "records_behind": str(behind),
    }
    return Incident(
        incident="hanging-transaction",
        lab=state.name,
        happened=f"{topic}:{partition} is open at offset {start_offset} for ever; {group} can't read on.",
        look="eosctl txn blocked",
        mend=f"eosctl txn abort {topic}:{partition} --producer-id {committed.producer_id}",
        facts=facts,
    )


def _committed_once(state: LabState, admin: Any, topic: str, partition: int, transactional_id: str) -> Any:
    """Commits one transaction; the producer's state on the partition (id, epoch, last sequence)."""
    producer = clients.transactional_producer(state, transactional_id, _TRANSACTION_TIMEOUT_MS)
    producer.begin_transaction()
    for number in range(_BEFORE):
        producer.produce(topic, key=f"payment-{number}", value=f'{{"payment": {number}}}', partition=partition)
    producer.commit_transaction(clients.LIMIT_S)
    producer_id = admin.describe_transactions([transactional_id])[transactional_id].producer_id
    return _once_ended(admin, topic, partition, producer_id)


def _once_ended(admin: Any, topic: str, partition: int, producer_id: int) -> Any:
    """The producer's state when its commit marker is there: the coordinator answers before the leaders have it."""
    until = time.monotonic() + clients.LIMIT_S
    while time.monotonic() < until:
        mine = _state_on(admin, topic, partition, producer_id)
        if mine is not None and mine.current_transaction_start_offset < 0:
            return mine
        time.sleep(0.02)
    raise OperationFailed("incident_failed", f"The commit marker of {producer_id} did not reach {topic}:{partition}.")


def _write_past_the_coordinator(admin: Any, topic: str, partition: int, transactional_id: str, committed: Any) -> None:
    from kafka.errors import for_code
    from kafka.protocol.producer import ProduceRequest
    from kafka.structs import TopicPartition

    data = ProduceRequest.TopicProduceData
    place = data.PartitionProduceData(index=partition, records=_next_batch(committed))
    request = ProduceRequest(
        transactional_id=transactional_id,
        acks=-1,
        timeout_ms=round(clients.LIMIT_S * 1_000),
        topic_data=[data(name=topic, partition_data=[place])],
        min_version=3,
        max_version=_NEWEST_PRODUCE_VERSION,
    )

    async def send() -> Any:
        leaders = await admin._async_get_leader_for_partitions([TopicPartition(topic, partition)])
        return await admin._manager.send(request, node_id=next(iter(leaders)))

    answer = admin._manager.run(send).responses[0].partition_responses[0]
    if answer.error_code:
        raise OperationFailed(
            "incident_failed",
            f"The broker refused the write: {for_code(answer.error_code).__name__}.",
            why="A transaction can hang only where transaction.partition.verification.enable is false.",
        )


def _next_batch(committed: Any) -> bytes:
    """One transactional record with the producer's next sequence."""
    from kafka.record.default_records import DefaultRecordBatchBuilder

    batch = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=True,
        producer_id=committed.producer_id,
        producer_epoch=committed.producer_epoch,
        base_sequence=committed.last_sequence + 1,
        batch_size=16_384,
    )
    batch.append(0, round(time.time() * 1_000), b"payment-late", b'{"payment": "late"}', [])
    return bytes(batch.build())


def _start_offset(admin: Any, topic: str, partition: int, producer_id: int) -> int:
    mine = _state_on(admin, topic, partition, producer_id)
    if mine is None or mine.current_transaction_start_offset < 0:
        raise OperationFailed("incident_failed", f"No transaction of {producer_id} is open on {topic}:{partition}.")
    return int(mine.current_transaction_start_offset)


def _state_on(admin: Any, topic: str, partition: int, producer_id: int) -> Any:
    from kafka.structs import TopicPartition

    place = TopicPartition(topic, partition)
    found = admin.describe_producers([place])[place].active_producers
    return next((one for one in found if one.producer_id == producer_id), None)
