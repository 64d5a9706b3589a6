"""Consumer groups: listed, and their offsets read and changed, by kafka-python; described by librdkafka."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from eosctl.adapters.gathering import Gathering
from eosctl.adapters.kafka_errors import group_active, librdkafka_errors, unsupported
from eosctl.adapters.kafka_python import KafkaPythonAdmin, is_moving
from eosctl.adapters.librdkafka import ConfluentAdmin
from eosctl.core.errors import EosctlError, Notice
from eosctl.core.report import Gathered
from eosctl.domain.kafka import (
    CommittedOffset,
    GroupDescription,
    GroupListing,
    GroupMember,
    GroupOffsets,
    GroupProtocol,
    Offset,
    TopicPartition,
)

_GROUPS_A_REQUEST = 500
_ACTIVE = frozenset(
    {25, 68, 86, 113, 22}
)  # UNKNOWN_MEMBER_ID, NON_EMPTY_GROUP, GROUP_SUBSCRIBED_TO_TOPIC, stale epochs


class KafkaGroups:
    """The GroupsGateway."""

    def __init__(self, admin: KafkaPythonAdmin, confluent: ConfluentAdmin) -> None:
        self._admin = admin
        self._confluent = confluent

    def groups(self) -> Gathered[GroupListing]:
        """Every group of every protocol, all brokers at once."""
        from kafka.protocol.admin import ListGroupsRequest

        gathering = Gathering[GroupListing]("ListGroups", self._admin)

        def attempt(nodes: list[int], last: bool) -> Iterator[int]:
            answers = self._admin.send([(one, ListGroupsRequest(states_filter=[], types_filter=[])) for one in nodes])
            for node, answer in zip(nodes, answers, strict=True):
                if gathering.asks_again(answer, f"broker {node}", last):
                    yield node
                elif not isinstance(answer, BaseException):
                    for one in answer.groups:
                        self._admin.remember("group", one.group_id, node)
                        gathering.found.append(_listing(one))

        self._admin.until_settled(self._admin.broker_ids(), attempt)
        gathered = gathering.result()
        return Gathered(tuple(sorted(gathered.items, key=lambda one: one.group)), gathered.failures)

    def describe(self, groups: Collection[str]) -> Gathered[GroupDescription]:
        """Members, state, coordinator; share and streams groups come without members."""
        names = sorted(set(groups))
        if not names:
            return Gathered(())
        listed = {one.group: one for one in self.groups().items}
        plain = {GroupProtocol.SHARE, GroupProtocol.STREAMS}
        found = [
            GroupDescription(
                one.group, one.protocol, one.state, self._admin.coordinators("group", [one.group])[0][one.group]
            )
            for one in (listed[name] for name in names if name in listed)
            if one.protocol in plain
        ]
        asked = [name for name in names if name not in {one.group for one in found}]
        failures: list[Notice] = []
        for start in range(0, len(asked), _GROUPS_A_REQUEST):
            self._describe(asked[start : start + _GROUPS_A_REQUEST], listed, found, failures)
        return Gathered(tuple(sorted(found, key=lambda one: one.group)), tuple(dict.fromkeys(failures)))

    def _describe(
        self,
        names: list[str],
        listed: Mapping[str, GroupListing],
        found: list[GroupDescription],
        failures: list[Notice],
    ) -> None:
        limit = self._confluent.limit_s
        futures = self._confluent.ask(
            "DescribeGroups", "groups", lambda one: one.describe_consumer_groups(names, request_timeout=limit)
        )
        for name in names:
            protocol = listed[name].protocol if name in listed else GroupProtocol.CLASSIC
            try:
                with librdkafka_errors("DescribeGroups", f"Group {name!r}", self._confluent.connection):
                    found.append(_description(futures[name].result(), protocol))
            except EosctlError as error:
                failures.append(error.notice())

    def committed(self, groups: Collection[str]) -> Gathered[GroupOffsets]:
        """Committed offsets of each group, one request a coordinator and 500 groups (KIP-709), not waiting for open
        transactions (`require_stable` false)."""
        from kafka.protocol.consumer import OffsetFetchRequest

        if self._admin.version_of(OffsetFetchRequest) < 8:
            raise unsupported("OffsetFetch of many groups")
        gathering = Gathering[GroupOffsets]("OffsetFetch", self._admin)

        def attempt(names: list[str], last: bool) -> Iterator[str]:
            nodes, errors = self._admin.coordinators("group", names)
            yield from (one for one, code in errors.items() if gathering.asks_again_for(code, _group(one), last))
            chunks = list(_chunks(nodes))
            answers = self._admin.send([(node, _fetch_request(chunk)) for node, chunk in chunks])
            for (node, chunk), answer in zip(chunks, answers, strict=True):
                if gathering.asks_again(answer, f"broker {node}", last):
                    yield from chunk
                if isinstance(answer, BaseException):
                    self._admin.forget("group", chunk)
                    continue
                for one in answer.groups:
                    if not one.error_code:
                        gathering.found.append(GroupOffsets(one.group_id, _offsets(one.topics)))
                    elif is_moving(int(one.error_code)):
                        self._admin.forget("group", [one.group_id])
                    if one.error_code and gathering.asks_again_for(one.error_code, _group(one.group_id), last):
                        yield one.group_id

        self._admin.until_settled(sorted(set(groups)), attempt)
        return gathering.result()

    def commit(self, group: str, offsets: Mapping[TopicPartition, CommittedOffset]) -> None:
        """Alters an empty group's offsets. Raises Refused (`group_active`) for a group with members."""
        from kafka.protocol.consumer import OffsetCommitRequest

        topic = OffsetCommitRequest.OffsetCommitRequestTopic
        topics = [
            topic(name=name, partitions=[
                topic.OffsetCommitRequestPartition(
                    partition_index=one.partition,
                    committed_offset=offsets[one].offset,
                    committed_leader_epoch=_epoch(offsets[one].leader_epoch),
                    committed_metadata=offsets[one].metadata,
                )
                for one in mine
            ])
            for name, mine in _by_topic(offsets)
        ]  # fmt: skip
        request = OffsetCommitRequest(
            group_id=group, generation_id_or_member_epoch=-1, member_id="", group_instance_id=None,
            retention_time_ms=-1, topics=topics, max_version=8,
        )  # fmt: skip
        self._change(group, "OffsetCommit", request)

    def delete_offsets(self, group: str, partitions: Collection[TopicPartition]) -> None:
        """OffsetDelete (KIP-496). Raises Refused (`group_active`) while the group subscribes to one of the topics."""
        from kafka.protocol.consumer import OffsetDeleteRequest

        if self._admin.version_of(OffsetDeleteRequest) < 0:
            raise unsupported("OffsetDelete")
        topic = OffsetDeleteRequest.OffsetDeleteRequestTopic
        topics = [
            topic(
                name=name,
                partitions=[topic.OffsetDeleteRequestPartition(partition_index=one.partition) for one in mine],
            )
            for name, mine in _by_topic(partitions)
        ]
        self._change(group, "OffsetDelete", OffsetDeleteRequest(group_id=group, topics=topics))

    def _change(self, group: str, api: str, request: Any) -> None:
        """Sends a change to the group's coordinator; raises for the first partition that was refused."""

        def attempt(names: list[str], last: bool) -> Iterator[str]:
            nodes, errors = self._admin.coordinators("group", names)
            answer = self._admin.send([(nodes[group], request)])[0] if nodes else None
            codes = set(errors.values()) | (set() if isinstance(answer, BaseException) else _codes(answer))
            self._admin.forget("group", names if codes else [])
            if any(is_moving(code) for code in codes) and not last:
                yield group
            elif isinstance(answer, BaseException):
                raise self._admin.failure(answer, api, _group(group))
            elif codes & _ACTIVE:
                raise group_active(_group(group))
            elif codes:
                raise self._admin.failure_of(min(codes), api, _group(group))

        self._admin.until_settled([group], attempt)


def _group(name: str) -> str:
    return f"Group {name!r}"


def _epoch(leader_epoch: int | None) -> int:
    return -1 if leader_epoch is None else leader_epoch


def _by_topic(partitions: Iterable[TopicPartition]) -> Iterator[tuple[str, list[TopicPartition]]]:
    by_topic: dict[str, list[TopicPartition]] = defaultdict(list)
    for one in sorted(partitions):
        by_topic[one.topic].append(one)
    yield from by_topic.items()


def _chunks(coordinators: Mapping[str, int]) -> Iterator[tuple[int, list[str]]]:
    by_node: dict[int, list[str]] = defaultdict(list)
    for name, node in coordinators.items():
        by_node[node].append(name)
    for node, mine in by_node.items():
        for start in range(0, len(mine), _GROUPS_A_REQUEST):
            yield node, mine[start : start + _GROUPS_A_REQUEST]


def _fetch_request(groups: list[str]) -> Any:
    from kafka.protocol.consumer import OffsetFetchRequest

    asked = [OffsetFetchRequest.OffsetFetchRequestGroup(group_id=one, topics=None) for one in groups]
    return OffsetFetchRequest(groups=asked, require_stable=False, min_version=8, max_version=8)


def _codes(answer: Any) -> set[int]:
    """All error codes of an OffsetCommit or OffsetDelete answer."""
    if answer is None:
        return set()
    inner = {int(one.error_code) for topic in answer.topics for one in topic.partitions}
    return (inner | {int(getattr(answer, "error_code", 0) or 0)}) - {0}


def _listing(one: Any) -> GroupListing:
    kind = str(getattr(one, "group_type", "") or "classic").lower()
    protocol = GroupProtocol(kind) if kind in list(GroupProtocol) else GroupProtocol.CLASSIC
    if protocol is GroupProtocol.CLASSIC and not one.protocol_type:
        protocol = GroupProtocol.OFFSETS_ONLY
    return GroupListing(one.group_id, protocol, str(getattr(one, "group_state", "") or "Unknown"))


def _description(one: Any, protocol: GroupProtocol) -> GroupDescription:
    members = tuple(
        GroupMember(
            member.member_id,
            member.client_id,
            member.host.lstrip("/"),
            tuple(sorted(TopicPartition(tp.topic, tp.partition) for tp in member.assignment.topic_partitions)),
            member.group_instance_id,
        )
        for member in one.members
    )
    coordinator = one.coordinator.id if one.coordinator is not None else -1
    return GroupDescription(one.group_id, protocol, _state(one.state.name), coordinator, members)


def _state(name: str) -> str:
    return {"PREPARING_REBALANCING": "PreparingRebalance", "COMPLETING_REBALANCING": "CompletingRebalance"}.get(
        name, name.capitalize()
    )


def _offsets(topics: Iterable[Any]) -> dict[TopicPartition, CommittedOffset]:
    return {
        TopicPartition(topic.name, one.partition_index): CommittedOffset(
            Offset(one.committed_offset),
            one.committed_leader_epoch if one.committed_leader_epoch >= 0 else None,
            one.metadata or "",
        )
        for topic in topics
        for one in topic.partitions
        if one.committed_offset >= 0
    }
