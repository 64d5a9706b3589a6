"""Transactions by kafka-python, the client that speaks KIP-664, each broker, id and partition answering for itself."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from eosctl.adapters.gathering import Gathering
from eosctl.adapters.kafka_errors import producer_moved, unsupported
from eosctl.adapters.kafka_python import KafkaPythonAdmin, is_moving
from eosctl.adapters.transaction_values import description, listing, producers
from eosctl.core.errors import OperationFailed, Unreachable
from eosctl.core.report import Gathered
from eosctl.domain.kafka import (
    AbortMarker,
    ActiveProducer,
    FencedProducer,
    ProducerEpoch,
    ProducerId,
    TopicPartition,
    TransactionDescription,
    TransactionListing,
    TransactionState,
)

_IDS_A_REQUEST = 2_500
_PARTITIONS_A_REQUEST = 2_000
_TOPIC_AUTHORIZATION_FAILED = 29
_INVALID_TRANSACTION_TIMEOUT, _TRANSACTIONAL_ID_NOT_FOUND, _INVALID_REGULAR_EXPRESSION = 50, 105, 128
T = TypeVar("T")
_SAME_IN_RE2 = re.compile(r"(?!.*\(\?)(?!.*\[\[?[:^]*:)(?!.*\{,)[A-Za-z0-9 _.\-^$|()\[\]*+?{},/:@#]*")
"""Patterns that mean the same to Python's `re` and to the broker's RE2J: no escapes, `(?`, POSIX classes."""


class KafkaTransactions:
    """The TransactionsGateway. Brokers are asked at once; one that fails is a notice, not an exception."""

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
        """ListTransactions on every broker: `older_than_ms` goes to brokers that know KIP-994 (3.8), `id_pattern` to
        those that know KIP-1152 (4.1) when it means the same there, and is matched here in any case."""
        from kafka.protocol.admin.transactions import ListTransactionsRequest

        version = self._require("ListTransactions", ListTransactionsRequest)
        filters: dict[str, Any] = {"state_filters": [str(one) for one in states],
                                   "producer_id_filters": [int(one) for one in producer_ids]}  # fmt: skip
        if older_than_ms is not None and version >= 1:
            filters["duration_filter"] = older_than_ms
        if id_pattern is not None and version >= 2 and _SAME_IN_RE2.fullmatch(id_pattern):
            filters["transactional_id_pattern"] = f"(?s).*(?:{id_pattern}).*"  # the broker matches whole ids
        matches = re.compile(id_pattern).search if id_pattern is not None else None
        gathering = Gathering[TransactionListing]("ListTransactions", self._admin)

        def attempt(nodes: list[int], last: bool) -> Iterator[int]:
            answers = self._admin.send([(one, ListTransactionsRequest(**filters)) for one in nodes])
            for node, answer in zip(nodes, answers, strict=True):
                if getattr(answer, "error_code", 0) == _INVALID_REGULAR_EXPRESSION:
                    filters.pop("transactional_id_pattern", None)
                    yield node
                elif gathering.asks_again(answer, f"broker {node}", last):
                    yield node
                elif not isinstance(answer, BaseException):
                    gathering.found.extend(listing(one, node) for one in answer.transaction_states
                                           if matches is None or matches(one.transactional_id))  # fmt: skip

        self._admin.until_settled(self._admin.broker_ids(), attempt)
        for one in gathering.found:
            self._admin.remember("transaction", one.transactional_id, one.coordinator_id)
        return gathering.result()

    def describe_transactions(self, transactional_ids: Collection[str]) -> Gathered[TransactionDescription]:
        """DescribeTransactions at the coordinators, all at once; unknown ids are left out."""
        from kafka.protocol.admin.transactions import DescribeTransactionsRequest

        self._require("DescribeTransactions", DescribeTransactionsRequest)
        gathering = Gathering[TransactionDescription]("DescribeTransactions", self._admin)

        def attempt(ids: list[str], last: bool) -> Iterator[str]:
            nodes, errors = self._admin.coordinators("transaction", ids)
            yield from (one for one, code in errors.items() if gathering.asks_again_for(code, _id(one), last))
            chunks = [(node, chunk) for node, mine in _by_node(nodes) for chunk in _chunks(mine, _IDS_A_REQUEST)]
            answers = self._admin.send(
                [(node, DescribeTransactionsRequest(transactional_ids=chunk)) for node, chunk in chunks]
            )
            for (node, chunk), answer in zip(chunks, answers, strict=True):
                if gathering.asks_again(answer, f"broker {node}", last):
                    yield from chunk
                if isinstance(answer, BaseException):
                    self._admin.forget("transaction", chunk)
                    continue
                for one in answer.transaction_states:
                    if not one.error_code:
                        gathering.found.append(description(one, node))
                    elif one.error_code != _TRANSACTIONAL_ID_NOT_FOUND:
                        self._admin.forget("transaction", [one.transactional_id])
                        if gathering.asks_again_for(one.error_code, _id(one.transactional_id), last):
                            yield one.transactional_id

        self._admin.until_settled(dict.fromkeys(transactional_ids), attempt)
        return gathering.result()

    def describe_producers(self, partitions: Collection[TopicPartition]) -> Gathered[ActiveProducer]:
        """DescribeProducers at each partition's leader, leaders at once. Raises UsageError for an unknown partition."""
        from kafka.protocol.admin.transactions import DescribeProducersRequest

        self._require("DescribeProducers", DescribeProducersRequest)
        gathering = Gathering[ActiveProducer]("DescribeProducers", self._admin)

        just_seen = True

        def attempt(wanted: list[TopicPartition], last: bool) -> Iterator[TopicPartition]:
            nonlocal just_seen
            leaders = self._admin.leaders(wanted, just_seen=just_seen)
            just_seen = False
            for one in (one for one in wanted if leaders[one] < 0):
                gathering.fail(_no_leader(one))
            chunks = [
                (node, chunk) for node, mine in _by_node(leaders) for chunk in _chunks(mine, _PARTITIONS_A_REQUEST)
            ]
            answers = self._admin.send([(node, _producers_request(chunk)) for node, chunk in chunks])
            for (node, chunk), answer in zip(chunks, answers, strict=True):
                if gathering.asks_again(answer, f"broker {node}", last):
                    yield from chunk
                if isinstance(answer, BaseException):
                    continue
                for topic in answer.topics:
                    for one in topic.partitions:
                        partition = TopicPartition(topic.name, one.partition_index)
                        if not one.error_code:
                            gathering.found.extend(producers(partition, one))
                        elif gathering.asks_again_for(one.error_code, _named(partition, one.error_code), last):
                            yield partition

        self._admin.until_settled(sorted(set(partitions), key=_place), attempt)
        return gathering.result()

    def write_abort_marker(self, marker: AbortMarker) -> None:
        """WriteTxnMarkers at the leader. A coordinator epoch of -1 is sent as 0: the leader refuses -1 where this
        producer has ended a transaction before (`ProducerAppendInfo.checkCoordinatorEpoch`)."""
        from kafka.protocol.producer.transaction import WriteTxnMarkersRequest

        self._require("WriteTxnMarkers", WriteTxnMarkersRequest)
        spec = WriteTxnMarkersRequest.WritableTxnMarker(
            producer_id=marker.producer_id,
            producer_epoch=marker.producer_epoch,
            transaction_result=False,
            topics=[WriteTxnMarkersRequest.WritableTxnMarker.WritableTxnMarkerTopic(
                name=marker.partition.topic, partition_indexes=[marker.partition.partition])],
            coordinator_epoch=max(marker.coordinator_epoch, 0),
        )  # fmt: skip

        def ask() -> tuple[int, Any]:
            node = self._admin.leaders([marker.partition])[marker.partition]
            (answer,) = self._admin.send([(node, WriteTxnMarkersRequest(markers=[spec]))])
            if isinstance(answer, BaseException):
                return 0, answer
            return next(
                one.error_code for each in answer.markers for topic in each.topics for one in topic.partitions
            ), None

        try:
            self._settle("WriteTxnMarkers", str(marker.partition), ask)
        except OperationFailed as error:
            if error.code == "kafka_error":
                self._refuse_moved(marker)
            raise

    def _refuse_moved(self, marker: AbortMarker) -> None:
        """A leader (4.3.1) refuses an older producer epoch as UNKNOWN_SERVER_ERROR: look whether that was why."""
        for one in self.describe_producers([marker.partition]).items:
            if one.producer_id == marker.producer_id and one.producer_epoch != marker.producer_epoch:
                raise producer_moved(str(marker.partition))

    def fence(self, transactional_id: str, *, timeout_ms: int) -> FencedProducer:
        """InitProducerId as Kafka's `Admin.fenceProducers` sends it (KIP-588): the epoch goes up, what is open is
        aborted, and the answer comes when that is done; CONCURRENT_TRANSACTIONS means it is under way.

        `timeout_ms` becomes the id's transaction timeout. Raises OperationFailed (`bad_transaction_timeout`).
        """
        from kafka.protocol.producer.transaction import InitProducerIdRequest

        resource = _id(transactional_id)
        request = InitProducerIdRequest(transactional_id=transactional_id, transaction_timeout_ms=timeout_ms,
                                        producer_id=-1, producer_epoch=-1, min_version=3, max_version=5)  # fmt: skip

        def ask() -> tuple[int, Any]:
            nodes, errors = self._admin.coordinators("transaction", [transactional_id])
            if errors:
                return errors[transactional_id], None
            (answer,) = self._admin.send([(nodes[transactional_id], request)])
            code = 0 if isinstance(answer, BaseException) else int(answer.error_code)
            if code:
                self._admin.forget("transaction", [transactional_id])
            if code == _INVALID_TRANSACTION_TIMEOUT:
                raise OperationFailed(
                    "bad_transaction_timeout",
                    f"The broker refuses a transaction timeout of {timeout_ms} ms for {resource}.",
                    why="It is above the broker's transaction.max.timeout.ms.",
                    hint="Give a shorter one.",
                )
            return code, answer

        answer = self._settle("InitProducerId", resource, ask)
        return FencedProducer(transactional_id, ProducerId(answer.producer_id), ProducerEpoch(answer.producer_epoch))

    def transaction_version(self) -> int:
        """The finalized `transaction.version`, from ApiVersions (KIP-584)."""
        try:
            features = self._admin.client.describe_features()
        except Exception as error:  # noqa: BLE001  whatever kafka-python raises becomes one of ours
            raise self._admin.failure(error, "ApiVersions", "the cluster") from None
        return int(features.get("transaction.version", {}).get("finalized", (0, 0))[1])

    def api_versions(self) -> dict[int, tuple[int, int]]:
        """The oldest and newest version of each API, by its key, that every broker speaks."""
        return self._admin.api_versions()

    def unsupported(self) -> Sequence[str]:
        """Names of the APIs of this gateway that some broker is too old for."""
        from kafka.protocol.admin import transactions as protocol
        from kafka.protocol.producer.transaction import WriteTxnMarkersRequest

        requests = {
            "ListTransactions": protocol.ListTransactionsRequest,
            "DescribeTransactions": protocol.DescribeTransactionsRequest,
            "DescribeProducers": protocol.DescribeProducersRequest,
            "WriteTxnMarkers": WriteTxnMarkersRequest,
        }
        return [name for name, request in requests.items() if self._admin.version_of(request) < 0]

    def _require(self, api: str, request: Any) -> int:
        version = self._admin.version_of(request)
        if version < 0:
            raise unsupported(api)
        return version

    def _settle(self, api: str, resource: str, ask: Callable[[], tuple[int, Any]]) -> Any:
        """The answer of a single question; raises our error for its code or exception."""
        outcome: list[tuple[int, Any]] = []

        def attempt(items: list[str], last: bool) -> list[str]:
            outcome[:] = [ask()]
            code, answer = outcome[0]
            return items if is_moving(code) or is_moving(answer) else []

        self._admin.until_settled([resource], attempt)
        code, answer = outcome[0]
        if isinstance(answer, BaseException):
            raise self._admin.failure(answer, api, resource)
        if code:
            raise self._admin.failure_of(code, api, resource)
        return answer


def _id(transactional_id: str) -> str:
    return f"TransactionalId {transactional_id!r}"


def _place(partition: TopicPartition) -> tuple[str, int]:
    return partition.topic, partition.partition


def _named(partition: TopicPartition, code: int) -> str:
    return f"Topic {partition.topic!r}" if code == _TOPIC_AUTHORIZATION_FAILED else str(partition)


def _no_leader(partition: TopicPartition) -> Unreachable:
    return Unreachable("no_leader", f"{partition} has no leader.", why="The brokers that hold it are down.",
                       hint="Start them.")  # fmt: skip


def _by_node(items: Mapping[T, int]) -> Iterator[tuple[int, list[T]]]:
    """The items of each node; those of a negative node are left out."""
    by_node: dict[int, list[T]] = defaultdict(list)
    for item, node in items.items():
        if node >= 0:
            by_node[node].append(item)
    yield from by_node.items()


def _chunks(items: list[T], size: int) -> Iterator[list[T]]:
    yield from (items[start : start + size] for start in range(0, len(items), size))


def _producers_request(partitions: list[TopicPartition]) -> Any:
    from kafka.protocol.admin.transactions import DescribeProducersRequest

    by_topic: dict[str, list[int]] = defaultdict(list)
    for one in partitions:
        by_topic[one.topic].append(one.partition)
    topics = [
        DescribeProducersRequest.TopicRequest(name=name, partition_indexes=mine) for name, mine in by_topic.items()
    ]
    return DescribeProducersRequest(topics=topics)
