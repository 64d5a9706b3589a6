"""Offsets of share groups (KIP-932): one for each partition, where the group begins; read, moved and forgotten."""

from collections.abc import Iterator, Mapping
from typing import Any

from eosctl.adapters.gathering import Gathering
from eosctl.adapters.group_values import by_topic
from eosctl.adapters.kafka_python import KafkaPythonAdmin, is_moving
from eosctl.core.errors import Refused
from eosctl.core.report import Gathered
from eosctl.domain.kafka import CommittedOffset, GroupOffsets, Offset, TopicPartition

_GROUP_ID_NOT_FOUND = 69


def share_offsets(admin: KafkaPythonAdmin, groups: list[str]) -> Gathered[GroupOffsets]:
    """The share-partition start offsets of each group, one request a coordinator; those not set yet are left out."""
    from eosctl.adapters.messages import DescribeShareGroupOffsetsRequest as Request

    gathering = Gathering[GroupOffsets]("DescribeShareGroupOffsets", admin)
    asked = Request.DescribeShareGroupOffsetsRequestGroup

    def attempt(names: list[str], last: bool) -> Iterator[str]:
        nodes, errors = admin.coordinators("group", names)
        yield from (one for one, code in errors.items() if gathering.asks_again_for(code, f"Group {one!r}", last))
        chunks = [(node, [one for one in nodes if nodes[one] == node]) for node in sorted(set(nodes.values()))]
        answers = admin.send(
            [(node, Request(groups=[asked(group_id=one, topics=None) for one in mine])) for node, mine in chunks]
        )
        for (node, mine), answer in zip(chunks, answers, strict=True):
            if gathering.asks_again(answer, f"broker {node}", last):
                yield from mine
            for one in () if isinstance(answer, BaseException) else answer.groups:
                if one.error_code in (0, _GROUP_ID_NOT_FOUND):
                    gathering.found.append(GroupOffsets(one.group_id, _starts(one.topics)))
                else:
                    admin.forget("group", [one.group_id] if is_moving(int(one.error_code)) else [])
                    if gathering.asks_again_for(one.error_code, f"Group {one.group_id!r}", last):
                        yield one.group_id

    admin.until_settled(groups, attempt)
    return gathering.result()


def alter_request(group: str, offsets: Mapping[TopicPartition, CommittedOffset]) -> Any:
    """AlterShareGroupOffsets: everything from there on is delivered again, acknowledged or not."""
    from eosctl.adapters.messages import AlterShareGroupOffsetsRequest as Request

    topic = Request.AlterShareGroupOffsetsRequestTopic
    partition = topic.AlterShareGroupOffsetsRequestPartition
    topics = [
        topic(
            topic_name=name,
            partitions=[partition(partition_index=one.partition, start_offset=offsets[one].offset) for one in mine],
        )
        for name, mine in by_topic(offsets)
    ]
    return Request(group_id=group, topics=topics)


def delete_request(group: str, partitions: set[TopicPartition], known: Mapping[TopicPartition, CommittedOffset]) -> Any:
    """DeleteShareGroupOffsets, which forgets whole topics. Raises Refused when others of a topic would go too."""
    from eosctl.adapters.messages import DeleteShareGroupOffsetsRequest as Request

    topics = {one.topic for one in partitions}
    others = sorted(one for one in known if one.topic in topics and one not in partitions)
    if others:
        raise Refused("share_topic_whole", f"{group!r} would lose its offset of {others[0]} too.",
                      why="Kafka forgets a share group's offsets topic by topic.",
                      hint="Move the partition, or forget the topic: eosctl offsets delete.")  # fmt: skip
    topic = Request.DeleteShareGroupOffsetsRequestTopic
    return Request(group_id=group, topics=[topic(topic_name=one) for one in sorted(topics)])


def _starts(topics: Any) -> dict[TopicPartition, CommittedOffset]:
    return {
        TopicPartition(topic.topic_name, one.partition_index): CommittedOffset(
            Offset(one.start_offset), one.leader_epoch if one.leader_epoch >= 0 else None
        )
        for topic in topics
        for one in topic.partitions
        if not one.error_code and one.start_offset >= 0
    }
