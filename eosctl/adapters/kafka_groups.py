"""Groups of every protocol, listed, described, their offsets read and changed, all by kafka-python.

Requests are batched: one for each coordinator, protocol and 500 groups, all under way at once (librdkafka sends one a
group). Groups of KIP-848, KIP-932 and KIP-1071 are asked with the requests of `adapters.messages`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, TypeVar

from eosctl.adapters.gathering import Gathering
from eosctl.adapters.group_values import by_topic, committed_offsets, group_description, group_listing
from eosctl.adapters.kafka_errors import group_active, unsupported
from eosctl.adapters.kafka_python import KafkaPythonAdmin, is_moving
from eosctl.core.report import Gathered
from eosctl.domain.kafka import (
    CommittedOffset,
    GroupDescription,
    GroupListing,
    GroupOffsets,
    GroupProtocol,
    TopicPartition,
)

K = TypeVar("K")
_GROUPS_A_REQUEST = 500
_GROUP_ID_NOT_FOUND = 69
_ACTIVE = frozenset(
    {25, 68, 86, 113, 22}
)  # UNKNOWN_MEMBER_ID, NON_EMPTY_GROUP, GROUP_SUBSCRIBED_TO_TOPIC, stale epochs


class KafkaGroups:
    """The GroupsGateway. It remembers which protocol a listed group speaks, for each has an API of its own."""

    def __init__(self, admin: KafkaPythonAdmin) -> None:
        self._admin = admin
        self._protocols: dict[str, GroupProtocol] = {}

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
                        gathering.found.append(group_listing(one))

        self._admin.until_settled(self._admin.broker_ids(), attempt)
        gathered = gathering.result()
        self._protocols |= {one.group: one.protocol for one in gathered.items}
        return Gathered(tuple(sorted(gathered.items, key=lambda one: one.group)), gathered.failures)

    def describe(self, groups: Collection[str]) -> Gathered[GroupDescription]:
        """Members, state, coordinator; a group that no broker lists is asked for as a classic one, and is Dead."""
        names = sorted(set(groups))
        self._know(names)
        gathering = Gathering[GroupDescription]("DescribeGroups", self._admin)

        def attempt(asked: list[str], last: bool) -> Iterator[str]:
            nodes, errors = self._admin.coordinators("group", asked)
            yield from (one for one, code in errors.items() if gathering.asks_again_for(code, _group(one), last))
            chunks = list(_chunks({one: (node, self._api_of(one)) for one, node in nodes.items()}))
            answers = self._admin.send([(node, _describe_request(api, chunk)) for (node, api), chunk in chunks])
            for ((node, api), chunk), answer in zip(chunks, answers, strict=True):
                if gathering.asks_again(answer, f"broker {node}", last):
                    yield from chunk
                if isinstance(answer, BaseException):
                    self._admin.forget("group", chunk)
                    continue
                for one in answer.groups:
                    if not one.error_code:
                        gathering.found.append(group_description(one, self._protocol_of(one.group_id), node))
                    elif one.error_code == _GROUP_ID_NOT_FOUND:
                        gathering.found.append(GroupDescription(one.group_id, api, "Dead", node))
                    else:
                        self._admin.forget("group", [one.group_id] if is_moving(int(one.error_code)) else [])
                        if gathering.asks_again_for(one.error_code, _group(one.group_id), last):
                            yield one.group_id

        self._admin.until_settled(names, attempt)
        gathered = gathering.result()
        return Gathered(tuple(sorted(gathered.items, key=lambda one: one.group)), gathered.failures)

    def _know(self, names: Collection[str]) -> None:
        """Lists the groups when one of them was not listed yet; those that are not there count as classic."""
        if any(one not in self._protocols for one in names):
            self.groups()
            self._protocols = {**dict.fromkeys(names, GroupProtocol.CLASSIC), **self._protocols}

    def _protocol_of(self, group: str) -> GroupProtocol:
        return self._protocols.get(group, GroupProtocol.CLASSIC)

    def _api_of(self, group: str) -> GroupProtocol:
        protocol = self._protocol_of(group)
        return GroupProtocol.CLASSIC if protocol is GroupProtocol.OFFSETS_ONLY else protocol

    def committed(self, groups: Collection[str]) -> Gathered[GroupOffsets]:
        """Committed offsets of each group, one request a coordinator and 500 groups (KIP-709), not waiting for open
        transactions (`require_stable` false). Of share groups, where they begin (KIP-932)."""
        names = sorted(set(groups))
        found = self._fetched([one for one in names if self._protocol_of(one) is not GroupProtocol.SHARE])
        self._know([one.group for one in found.items if not one.offsets])
        share = [one for one in names if self._protocol_of(one) is GroupProtocol.SHARE]
        if not share:
            return found
        from eosctl.adapters.kafka_share_groups import share_offsets

        shared = share_offsets(self._admin, share)
        others = tuple(one for one in found.items if one.group not in share)
        return Gathered((*others, *shared.items), (*found.failures, *shared.failures))

    def _fetched(self, names: list[str]) -> Gathered[GroupOffsets]:
        """OffsetFetch; a share group has none there, which is no error."""
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
                    if one.error_code in (0, _GROUP_ID_NOT_FOUND):
                        gathering.found.append(GroupOffsets(one.group_id, committed_offsets(one.topics)))
                    else:
                        self._admin.forget("group", [one.group_id] if is_moving(int(one.error_code)) else [])
                        if gathering.asks_again_for(one.error_code, _group(one.group_id), last):
                            yield one.group_id

        self._admin.until_settled(names, attempt)
        return gathering.result()

    def commit(self, group: str, offsets: Mapping[TopicPartition, CommittedOffset]) -> None:
        """Alters an empty group's offsets. Raises Refused (`group_active`) for a group with members."""
        if self._is_share(group):
            from eosctl.adapters.kafka_share_groups import alter_request

            self._change(group, "AlterShareGroupOffsets", alter_request(group, offsets))
            return
        from kafka.protocol.consumer import OffsetCommitRequest

        topics = [
            OffsetCommitRequest.OffsetCommitRequestTopic(
                name=name, partitions=[_committing(one, offsets[one]) for one in mine]
            )
            for name, mine in by_topic(offsets)
        ]
        request = OffsetCommitRequest(
            group_id=group, generation_id_or_member_epoch=-1, member_id="", group_instance_id=None,
            retention_time_ms=-1, topics=topics, max_version=7,
        )  # fmt: skip
        self._change(group, "OffsetCommit", request)

    def delete_offsets(self, group: str, partitions: Collection[TopicPartition]) -> None:
        """OffsetDelete (KIP-496). Raises Refused (`group_active`) while the group subscribes to one of the topics."""
        if self._is_share(group):
            from eosctl.adapters.kafka_share_groups import delete_request

            [known] = self.committed([group]).items
            request = delete_request(group, set(partitions), known.offsets)
            self._change(group, "DeleteShareGroupOffsets", request)
            return
        from kafka.protocol.consumer import OffsetDeleteRequest

        if self._admin.version_of(OffsetDeleteRequest) < 0:
            raise unsupported("OffsetDelete")
        topic = OffsetDeleteRequest.OffsetDeleteRequestTopic
        topics = [
            topic(
                name=name,
                partitions=[topic.OffsetDeleteRequestPartition(partition_index=one.partition) for one in mine],
            )
            for name, mine in by_topic(partitions)
        ]
        self._change(group, "OffsetDelete", OffsetDeleteRequest(group_id=group, topics=topics))

    def _is_share(self, group: str) -> bool:
        self._know([group])
        return self._protocol_of(group) is GroupProtocol.SHARE

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


def _committing(at: TopicPartition, to: CommittedOffset) -> SimpleNamespace:
    """kafka-python writes whatever has a partition's fields; its own class takes many times as long to make."""
    return SimpleNamespace(
        partition_index=at.partition,
        committed_offset=to.offset,
        committed_leader_epoch=-1 if to.leader_epoch is None else to.leader_epoch,
        committed_metadata=to.metadata,
    )


def _chunks(places: Mapping[str, K]) -> Iterator[tuple[K, list[str]]]:
    """The groups of each place, 500 at a time."""
    by_place: dict[K, list[str]] = defaultdict(list)
    for name, place in places.items():
        by_place[place].append(name)
    for place, mine in by_place.items():
        for start in range(0, len(mine), _GROUPS_A_REQUEST):
            yield place, mine[start : start + _GROUPS_A_REQUEST]


def _describe_request(api: GroupProtocol, groups: list[str]) -> Any:
    """Version 5 of DescribeGroups at most: a group that is not there is Dead, as it is to all of Kafka's tools."""
    if api is GroupProtocol.CLASSIC:
        from kafka.protocol.admin import DescribeGroupsRequest

        return DescribeGroupsRequest(groups=groups, include_authorized_operations=False, max_version=5)
    from eosctl.adapters import messages

    kinds = {
        GroupProtocol.CONSUMER: messages.ConsumerGroupDescribeRequest,
        GroupProtocol.SHARE: messages.ShareGroupDescribeRequest,
        GroupProtocol.STREAMS: messages.StreamsGroupDescribeRequest,
    }
    return kinds[api](group_ids=groups, include_authorized_operations=False)


def _fetch_request(groups: list[str]) -> Any:
    from kafka.protocol.consumer import OffsetFetchRequest

    asked = [OffsetFetchRequest.OffsetFetchRequestGroup(group_id=one, topics=None) for one in groups]
    return OffsetFetchRequest(groups=asked, require_stable=False, min_version=8, max_version=8)


def _codes(answer: Any) -> set[int]:
    """All error codes of the answer to a change: of the whole, of topics, of partitions."""
    if answer is None:
        return set()
    topics = list(getattr(answer, "topics", None) or getattr(answer, "responses", None) or ())
    inner = {int(getattr(topic, "error_code", 0) or 0) for topic in topics}
    inner |= {int(one.error_code) for topic in topics for one in getattr(topic, "partitions", None) or ()}
    return (inner | {int(getattr(answer, "error_code", 0) or 0)}) - {0}
