"""Transactions by kafka-python, the client that speaks KIP-664; fencing by librdkafka's InitProducerId."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from eosctl.adapters.kafka_errors import kafka_python_errors, librdkafka_errors, translated, unsupported
from eosctl.adapters.kafka_python import KafkaPythonAdmin
from eosctl.core.errors import EosctlError, Notice, OperationFailed
from eosctl.core.report import Gathered
from eosctl.domain.kafka import (
    AbortMarker,
    ActiveProducer,
    CoordinatorEpoch,
    FencedProducer,
    Offset,
    ProducerEpoch,
    ProducerId,
    TopicPartition,
    TransactionDescription,
    TransactionListing,
    TransactionState,
)

_IDS_A_REQUEST = 5_000
_PARTITIONS_A_REQUEST = 2_000


class KafkaTransactions:
    """The TransactionsGateway. Brokers are asked side by side; one that fails is a notice, not an exception."""

    def __init__(self, admin: KafkaPythonAdmin) -> None:
        self._admin = admin

    def list_transactions(
        self,
        *,
        states: Collection[TransactionState] = (),
        producer_ids: Collection[ProducerId] = (),
        older_than_ms: int | None = None,
        id_pattern: str | None = None,
    ) -> Gathered[TransactionListing]:
        """ListTransactions on every broker; `id_pattern` goes to brokers that know KIP-1152, and is matched here again."""
        import re

        filters: dict[str, Any] = {"state_filters": [str(one) for one in states],
                                   "producer_id_filters": [int(one) for one in producer_ids]}  # fmt: skip
        version = self._api_version("ListTransactions")
        if older_than_ms is not None and version >= 1:
            filters["duration_filter_ms"] = older_than_ms
        if id_pattern is not None and version >= 2 and _safe_for_re2(id_pattern):
            filters["transactional_id_pattern"] = id_pattern
        matches = re.compile(id_pattern).search if id_pattern is not None else None

        def ask(node: int) -> list[TransactionListing]:
            found = self._admin.client.list_transactions(broker_ids=[node], **filters)[node]
            return [TransactionListing(one.transactional_id, ProducerId(one.producer_id), TransactionState(one.state), node)
                    for one in found if matches is None or matches(one.transactional_id)]  # fmt: skip

        return self._on_brokers("ListTransactions", ask)

    def describe_transactions(self, transactional_ids: Collection[str]) -> Gathered[TransactionDescription]:
        """DescribeTransactions at the coordinators; unknown ids are left out."""
        found: list[TransactionDescription] = []
        failures: list[Notice] = []
        ids = sorted(set(transactional_ids))
        for start in range(0, len(ids), _IDS_A_REQUEST):
            self._describe(ids[start : start + _IDS_A_REQUEST], found, failures)
        return Gathered(tuple(found), _distinct(failures))

    def _describe(self, ids: list[str], found: list[TransactionDescription], failures: list[Notice]) -> None:
        """One request; when one id of it is bad, the halves are asked, so that one bad id hides no other."""
        import kafka.errors as ke

        try:
            answer = self._admin.retrying(lambda: self._admin.client.describe_transactions(ids))
        except (ke.TransactionalIdNotFoundError, ke.TransactionalIdAuthorizationFailedError) as error:
            if len(ids) > 1:
                middle = len(ids) // 2
                self._describe(ids[:middle], found, failures)
                self._describe(ids[middle:], found, failures)
            elif isinstance(error, ke.AuthorizationError):
                name = f"transactional id {ids[0]!r}"
                failures.append(self._admin.failure(error, "DescribeTransactions", name).notice())
        except ke.KafkaError as error:
            failure = self._admin.failure(error, "DescribeTransactions", f"{len(ids)} transactional ids")
            if len(self._admin.broker_ids()) == 1:
                raise failure from None
            failures.append(failure.notice())
        else:
            found.extend(_description(name, one) for name, one in answer.items())

    def describe_producers(self, partitions: Collection[TopicPartition]) -> Gathered[ActiveProducer]:
        """DescribeProducers at each partition's leader, leaders side by side."""
        from kafka.structs import TopicPartition as Tp

        cluster = self._metadata({one.topic for one in partitions})
        by_leader: dict[int, list[Any]] = defaultdict(list)
        failures: list[Notice] = []
        for one in sorted(set(partitions)):
            leader = cluster.get((one.topic, one.partition))
            if leader is None or leader < 0:
                failures.append(Notice("no_leader", f"{one} has no leader.", "Look at the brokers."))
            else:
                by_leader[leader].append(Tp(one.topic, one.partition))
        found: list[ActiveProducer] = []

        def ask(node: int) -> list[ActiveProducer]:
            mine: list[ActiveProducer] = []
            every = by_leader[node]
            for start in range(0, len(every), _PARTITIONS_A_REQUEST):
                self._producers(node, every[start : start + _PARTITIONS_A_REQUEST], mine, failures)
            return mine

        answer = self._side_by_side("DescribeProducers", tuple(by_leader), ask)
        found.extend(answer.items)
        return Gathered(tuple(found), _distinct([*failures, *answer.failures]))

    def _producers(self, node: int, partitions: list[Any], found: list[ActiveProducer], failures: list[Notice]) -> None:
        import kafka.errors as ke

        try:
            answer = self._admin.client.describe_producers(partitions, broker_id=node)
        except (ke.BrokerResponseError, ke.InvalidMetadataError) as error:
            if isinstance(error, ke.KafkaConnectionError):
                raise
            if len(partitions) > 1:
                middle = len(partitions) // 2
                self._producers(node, partitions[:middle], found, failures)
                self._producers(node, partitions[middle:], found, failures)
            else:
                name = f"{partitions[0].topic}:{partitions[0].partition}"
                failures.append(self._admin.failure(error, "DescribeProducers", name).notice())
        else:
            found.extend(_producer(partition, one) for partition, state in answer.items() for one in state.active_producers)

    def write_abort_marker(self, marker: AbortMarker) -> None:
        """WriteTxnMarkers at the leader. A coordinator epoch of -1 is sent as 0: see FACTS, KIP-664."""
        from kafka.admin._transactions import AbortTransactionSpec
        from kafka.structs import TopicPartition as Tp

        spec = AbortTransactionSpec(
            Tp(marker.partition.topic, marker.partition.partition),
            marker.producer_id,
            marker.producer_epoch,
            max(marker.coordinator_epoch, 0),
        )
        with kafka_python_errors("WriteTxnMarkers", str(marker.partition), self._admin.connection):
            self._admin.client.abort_transaction(spec)

    def fence(self, transactional_id: str, *, timeout_ms: int) -> FencedProducer:
        """InitProducerId by librdkafka, which retries CONCURRENT_TRANSACTIONS; then the epoch as the coordinator has it."""
        from confluent_kafka import KafkaException, Producer

        limit_s = self._admin.timeout_ms / 1_000
        resource = f"TransactionalId {transactional_id!r}"
        config = {**self._admin.connection.librdkafka(), "transactional.id": transactional_id, "transaction.timeout.ms": timeout_ms,
                  "message.timeout.ms": min(timeout_ms, 60_000), "log_level": 0}  # fmt: skip
        with librdkafka_errors("InitProducerId", resource, self._admin.connection):
            producer = Producer(config)
            try:
                producer.init_transactions(limit_s)
            except KafkaException as error:
                if error.args[0].name() == "INVALID_TRANSACTION_TIMEOUT":
                    raise OperationFailed("bad_transaction_timeout", f"The broker refuses {timeout_ms} ms for {resource}.",
                                          why="It is above transaction.max.timeout.ms.") from None  # fmt: skip
                raise translated(error.args[0], "InitProducerId", resource, self._admin.connection) from None
        described = self.describe_transactions([transactional_id]).items
        if not described:
            raise OperationFailed("not_verified", f"{resource} is not known after fencing.", hint="Look: eosctl txn describe.")
        return FencedProducer(transactional_id, described[0].producer_id, described[0].producer_epoch)

    def unsupported(self) -> Sequence[str]:
        """APIs of this gateway that the brokers are too old for."""
        return [name for name in ("ListTransactions", "DescribeTransactions", "DescribeProducers", "WriteTxnMarkers")
                if self._api_version(name) < 0]  # fmt: skip

    def _api_version(self, api: str) -> int:
        from kafka.protocol.admin import transactions as protocol
        from kafka.protocol.producer.transaction import WriteTxnMarkersRequest

        return self._admin.api_version(WriteTxnMarkersRequest if api == "WriteTxnMarkers" else getattr(protocol, f"{api}Request"))

    def _on_brokers(self, api: str, ask: Callable[[int], list[Any]]) -> Gathered[Any]:
        if self._api_version(api) < 0:
            raise unsupported(api)
        return self._side_by_side(api, self._admin.broker_ids(), ask)

    def _side_by_side(self, api: str, nodes: tuple[int, ...], ask: Callable[[int], list[Any]]) -> Gathered[Any]:
        """Each broker in a thread of its own. Raises only when every one of them failed."""
        if not nodes:
            return Gathered(())
        failures: list[EosctlError] = []
        found: list[Any] = []

        def guarded(node: int) -> list[Any]:
            import kafka.errors as ke

            try:
                return self._admin.retrying(lambda: ask(node))
            except (ke.KafkaError, TimeoutError) as error:
                failures.append(self._admin.failure(error, api, f"broker {node}"))
                return []

        with ThreadPoolExecutor(min(len(nodes), 16)) as pool:
            for items in pool.map(guarded, nodes):
                found.extend(items)
        if len(failures) == len(nodes):
            raise failures[0]
        return Gathered(tuple(found), tuple(failure.notice() for failure in failures))

    def _metadata(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """Leaders by topic and partition, fresh."""
        with kafka_python_errors("Metadata", ", ".join(sorted(topics)[:3]) or "the cluster", self._admin.connection):
            described = self._admin.client.describe_topics(sorted(topics)) if topics else []
        return {(topic["name"], one["partition_index"]): one["leader_id"] for topic in described for one in topic["partitions"]}


def _distinct(failures: list[Notice]) -> tuple[Notice, ...]:
    return tuple(dict.fromkeys(failures))


def _safe_for_re2(pattern: str) -> bool:
    """The broker's RE2 matches whole ids where Python's `search` finds anywhere; ask it only when the two agree."""
    return pattern.startswith("^") and pattern.endswith("$") and "(?" not in pattern and "\\" not in pattern


def _description(transactional_id: str, one: Any) -> TransactionDescription:
    return TransactionDescription(
        transactional_id=transactional_id,
        coordinator_id=one.coordinator_id,
        producer_id=ProducerId(one.producer_id),
        producer_epoch=ProducerEpoch(one.producer_epoch),
        state=TransactionState(one.state),
        timeout_ms=one.transaction_timeout_ms,
        started_at_ms=one.transaction_start_time_ms if one.transaction_start_time_ms >= 0 else None,
        partitions=tuple(sorted(TopicPartition(tp.topic, tp.partition) for tp in one.topic_partitions)),
    )


def _producer(partition: Any, one: Any) -> ActiveProducer:
    start = one.current_transaction_start_offset
    return ActiveProducer(
        partition=TopicPartition(partition.topic, partition.partition),
        producer_id=ProducerId(one.producer_id),
        producer_epoch=ProducerEpoch(one.producer_epoch),
        last_sequence=one.last_sequence,
        last_write_ms=one.last_timestamp,
        coordinator_epoch=CoordinatorEpoch(one.coordinator_epoch),
        transaction_start_offset=Offset(start) if start >= 0 else None,
    )
