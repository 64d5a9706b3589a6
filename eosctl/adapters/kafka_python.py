"""The one kafka-python connection of a command: requests to many brokers at once, and how their failures are told.

kafka-python's own admin methods raise at the first bad item and ask one broker after another; here each answer, item
and failure counts for itself. What is used of its inside (`_manager`) is used in this file alone.
"""

import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from eosctl.adapters.connection import KafkaConnection
from eosctl.adapters.kafka_errors import acl_missing, diagnose, kafka_python_errors, probe, unknown_topic, unsupported
from eosctl.core.counts import counted
from eosctl.core.errors import EosctlError, UsageError
from eosctl.domain.kafka import TopicPartition

_FIRST_BOOTSTRAP_MS = 2_000
_UNDER_WAY = 100_000
"""No limit: kafka-python 3.0.12 waits for ever when more than the limit (5) are sent while it connects."""

_RETRIABLE = frozenset(
    {5, 6, 14, 15, 16, 51, 74, 75, 84}
)  # leader or coordinator moves or loads, CONCURRENT_TRANSACTIONS
_UNKNOWN_TOPIC_OR_PARTITION = 3
_JUST_S = 1.0
_COORDINATOR_TYPES = {"group": 0, "transaction": 1}
T = TypeVar("T", bound=Hashable)


class KafkaPythonAdmin:
    """Holds a KafkaAdminClient; every wait has the time limit. `api_version` pins a broker version (tests)."""

    def __init__(
        self, connection: KafkaConnection, *, timeout_ms: int, api_version: tuple[int, ...] | None = None
    ) -> None:
        self.connection = connection
        self.timeout_ms = timeout_ms
        self._api_version = api_version
        self._coordinators: dict[tuple[str, str], int] = {}
        self._seen = Leaders()

    @cached_property
    def client(self) -> Any:
        """The connected client; raises Unreachable with librdkafka's diagnosis when kafka-python gets no answer."""
        from kafka.admin import KafkaAdminClient
        from kafka.errors import KafkaError

        probe(self.connection, self.timeout_ms)
        config = {
            **self.connection.kafka_python(),
            "request_timeout_ms": self.timeout_ms,
            "api_version": self._api_version,
            "max_in_flight_requests_per_connection": _UNDER_WAY,
        }
        try:
            return KafkaAdminClient(**config, bootstrap_timeout_ms=min(self.timeout_ms, _FIRST_BOOTSTRAP_MS))
        except KafkaError:
            reason = diagnose(self.connection, self.timeout_ms)
        if reason is not None:
            raise reason
        with kafka_python_errors("Metadata", "the cluster", self.connection):
            return KafkaAdminClient(**config, bootstrap_timeout_ms=self.timeout_ms)

    def broker_ids(self) -> tuple[int, ...]:
        """The brokers that the cluster's metadata names."""
        return tuple(sorted(broker.node_id for broker in self.client._manager.cluster.brokers()))

    def version_of(self, request: Any) -> int:
        """The newest version of a request that both sides know; -1 when the brokers do not know it."""
        import kafka.errors as ke

        try:
            return int(self.client._manager.broker_version_data.api_version(request))
        except (ke.KafkaError, KeyError):
            return -1

    def api_versions(self) -> dict[int, tuple[int, int]]:
        """The oldest and newest version of each API, by its key, that every broker speaks.

        Brokers before 2.4 do not answer such a question; then it is what the first one told when it was connected to.
        """
        from kafka.protocol.metadata import ApiVersionsRequest

        ask = ApiVersionsRequest(client_software_name="eosctl", client_software_version="1", min_version=3)
        answers = self.send([(node, ask) for node in self.broker_ids()])
        tables = [
            {int(one.api_key): (int(one.min_version), int(one.max_version)) for one in answer.api_keys}
            for answer in answers
            if not isinstance(answer, BaseException) and answer.error_code == 0
        ]
        if not tables or len(tables) < len(answers):
            known = self.client._manager.broker_version_data.api_versions
            tables.append({int(key): (int(least), int(most)) for key, (least, most) in known.items()})
        shared = set.intersection(*map(set, tables))
        return {key: (max(one[key][0] for one in tables), min(one[key][1] for one in tables)) for key in shared}

    def send(self, requests: Sequence[tuple[int | None, Any]]) -> list[Any]:
        """The answer of each (node, request), or the exception; all are under way at once, within the time limit.

        A node of None is any broker.
        """
        if not requests:
            return []
        return list(self.client._manager.run(self._send, requests))

    async def _send(self, requests: Sequence[tuple[int | None, Any]]) -> list[Any]:
        import kafka.errors as ke

        manager = self.client._manager
        deadline = time.monotonic() + self.timeout_ms / 1_000
        under_way: list[Any] = []
        for node, request in requests:
            try:
                under_way.append(manager.send(request, node_id=node))
            except ke.KafkaError as error:
                under_way.append(error)
        answers = []
        for one in under_way:
            if isinstance(one, BaseException):
                answers.append(one)
                continue
            try:
                answers.append(await manager.wait_for(one, max(1, (deadline - time.monotonic()) * 1_000)))
            except (ke.KafkaError, OSError) as error:
                answers.append(error)
        return answers

    def until_settled(self, items: Iterable[T], attempt: Callable[[list[T], bool], Iterable[T]]) -> None:
        """Calls `attempt(items, last)` with all items, then again with those it returns (moving leaders, loading
        coordinators), waiting a little longer each time; `last` is True when the time limit is reached."""
        left = list(attempt(list(items), False))
        if not left:
            return
        from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_delay, wait_exponential

        def again() -> list[T]:
            nonlocal left
            left = list(attempt(left, False))
            return left

        def give_up(_: RetryCallState) -> None:
            attempt(left, True)

        Retrying(
            retry=retry_if_result(bool),
            stop=stop_after_delay(self.timeout_ms / 1_000),
            wait=wait_exponential(multiplier=0.02, max=0.5),
            retry_error_callback=give_up,
        )(again)

    def coordinators(self, kind: str, keys: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
        """The coordinator's node of each key of a `group` or `transaction`, and the error code of each that has none.

        Raises Unreachable when no broker answers. Known ones are remembered until `forget`.
        """
        from kafka.protocol.metadata import FindCoordinatorRequest

        found = {key: self._coordinators[kind, key] for key in keys if (kind, key) in self._coordinators}
        asked = [key for key in keys if key not in found]
        errors: dict[str, int] = {}
        if not asked:
            return found, errors
        if self.version_of(FindCoordinatorRequest) < 4:
            raise unsupported("FindCoordinator of many keys")
        request = FindCoordinatorRequest(key_type=_COORDINATOR_TYPES[kind], coordinator_keys=asked, min_version=4)
        (answer,) = self.send([(None, request)])
        if isinstance(answer, BaseException):
            raise self.failure(answer, "FindCoordinator", "the cluster")
        for one in answer.coordinators:
            if one.error_code:
                errors[one.key] = int(one.error_code)
            else:
                found[one.key] = self._coordinators[kind, one.key] = int(one.node_id)
        return found, errors

    def remember(self, kind: str, key: str, node: int) -> None:
        """Notes where a coordinator was seen, so that nobody need ask for it."""
        self._coordinators[kind, key] = node

    def forget(self, kind: str, keys: Iterable[str]) -> None:
        """The coordinators have moved: they are asked for again."""
        for key in keys:
            self._coordinators.pop((kind, key), None)

    def leaders(self, partitions: Sequence[TopicPartition], *, just_seen: bool = False) -> dict[TopicPartition, int]:
        """The leader of each partition as a broker knows it now, -1 for none.

        `just_seen` takes what `metadata` was told within the last second, when that names them all. Raises UsageError
        (`unknown_topic`, `unknown_partition`) or OperationFailed (`acl_missing`).
        """
        if just_seen and (known := self._seen.of(partitions)) is not None:
            return known
        found: dict[TopicPartition, int] = {}
        for topic in self.metadata({one.topic for one in partitions}).topics:
            if topic.error_code == _UNKNOWN_TOPIC_OR_PARTITION:
                raise unknown_topic(topic.name, [one.name for one in self.metadata(None).topics])
            if topic.error_code and not is_moving(int(topic.error_code)):
                raise self.failure_of(topic.error_code, "Metadata", f"topic {topic.name!r}")
            found |= {TopicPartition(topic.name, one.partition_index): int(one.leader_id) for one in topic.partitions}
        for one in partitions:
            if one not in found:
                count = sum(known.topic == one.topic for known in found)
                raise UsageError("unknown_partition", f"There is no partition {one}.",
                                 why=f"{one.topic} has {counted(count, 'partition')}, numbered from 0.",
                                 hint="Name one of them.")  # fmt: skip
        return {one: found[one] for one in partitions}

    def metadata(self, topics: Iterable[str] | None) -> Any:
        """A fresh MetadataResponse for these topics (None: all); creates none. Raises Unreachable."""
        from kafka.protocol.metadata import MetadataRequest

        names = None if topics is None else [MetadataRequest.MetadataRequestTopic(name=one) for one in sorted(topics)]
        (answer,) = self.send([(None, MetadataRequest(topics=names, allow_auto_topic_creation=False))])
        if isinstance(answer, BaseException):
            raise self.failure(answer, "Metadata", "the cluster")
        self._seen = Leaders(answer)
        return answer

    def failure(self, error: BaseException, api: str, resource: str) -> EosctlError:
        """Our error for one of kafka-python's."""
        try:
            with kafka_python_errors(api, resource, self.connection):
                raise error
        except EosctlError as ours:
            return ours

    def failure_of(self, code: int, api: str, resource: str) -> EosctlError:
        """Our error for a broker's error code."""
        from kafka.errors import AuthorizationError, for_code

        kind = for_code(code)
        if issubclass(kind, AuthorizationError):
            return acl_missing(api, resource)
        return self.failure(kind(), api, resource)

    def close(self) -> None:
        """Closes the connection, when there is one."""
        if "client" in self.__dict__:
            self.client.close()


class Leaders:
    """The leaders that a MetadataResponse named, for a second: a scan of every partition need not ask twice."""

    def __init__(self, answer: Any = None) -> None:
        self._answer = answer
        self._until = time.monotonic() + _JUST_S

    def of(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int] | None:
        """The leader of each partition; None when it is too long ago or one has none here."""
        if self._answer is None or time.monotonic() > self._until:
            return None
        by_topic = {
            topic.name: {one.partition_index: int(one.leader_id) for one in topic.partitions}
            for topic in self._answer.topics
        }
        found = {one: by_topic.get(one.topic, {}).get(one.partition, -1) for one in partitions}
        return found if min(found.values(), default=0) >= 0 else None


def is_moving(answer: Any) -> bool:
    """Whether an error code or exception says that a leader or coordinator moves or loads: worth asking again."""
    if isinstance(answer, int):
        return answer in _RETRIABLE
    return getattr(answer, "errno", None) in _RETRIABLE
