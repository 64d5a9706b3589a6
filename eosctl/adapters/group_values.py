"""What the brokers' answers about groups mean in our own values, whatever protocol a group speaks."""

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from eosctl.domain.kafka import (
    CommittedOffset,
    GroupDescription,
    GroupListing,
    GroupMember,
    GroupProtocol,
    Offset,
    TopicPartition,
    in_order,
)

_CONSUMER = "consumer"
"""The protocol type whose assignments are in the form of `ConsumerProtocol`; Connect's, for one, are not."""


def by_topic(partitions: Iterable[TopicPartition]) -> Iterator[tuple[str, list[TopicPartition]]]:
    """Partitions in order, topic by topic."""
    found: dict[str, list[TopicPartition]] = defaultdict(list)
    for one in in_order(partitions):
        found[one.topic].append(one)
    yield from found.items()


def group_listing(one: Any) -> GroupListing:
    """A line of a ListGroups answer."""
    kind = str(getattr(one, "group_type", "") or "classic").lower()
    protocol = GroupProtocol(kind) if kind in list(GroupProtocol) else GroupProtocol.CLASSIC
    if protocol is GroupProtocol.CLASSIC and not one.protocol_type:
        protocol = GroupProtocol.OFFSETS_ONLY
    return GroupListing(one.group_id, protocol, str(getattr(one, "group_state", "") or "Unknown"))


def group_description(one: Any, protocol: GroupProtocol, node: int) -> GroupDescription:
    """A group of a DescribeGroups, ConsumerGroupDescribe, ShareGroupDescribe or StreamsGroupDescribe answer."""
    classic = hasattr(one, "protocol_type")
    members = (_classic(each, one.protocol_type) if classic else _modern(each, protocol) for each in one.members)
    return GroupDescription(one.group_id, protocol, str(one.group_state) or "Unknown", node, tuple(members))


def committed_offsets(topics: Iterable[Any]) -> dict[TopicPartition, CommittedOffset]:
    """The offsets of a group in an OffsetFetch answer."""
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


def _classic(member: Any, protocol_type: str) -> GroupMember:
    return GroupMember(
        member.member_id,
        member.client_id,
        member.client_host.lstrip("/"),
        _decoded(member.member_assignment) if protocol_type == _CONSUMER else (),
        getattr(member, "group_instance_id", None),
    )


def _decoded(assignment: bytes) -> tuple[TopicPartition, ...]:
    from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment

    if not assignment:
        return ()
    try:
        found = ConsumerProtocolAssignment.decode(bytes(assignment))
    except (struct.error, ValueError, IndexError):
        return ()
    return tuple(
        sorted(
            TopicPartition(topic.topic, number) for topic in found.assigned_partitions for number in topic.partitions
        )
    )


def _modern(member: Any, protocol: GroupProtocol) -> GroupMember:
    """A streams group's tasks are numbers within its subtopologies, not partitions: they are left out."""
    topics = () if protocol is GroupProtocol.STREAMS else member.assignment.topic_partitions
    return GroupMember(
        member.member_id,
        member.client_id,
        member.client_host.lstrip("/"),
        tuple(sorted(TopicPartition(one.topic_name, number) for one in topics for number in one.partitions)),
        getattr(member, "instance_id", None),
    )
