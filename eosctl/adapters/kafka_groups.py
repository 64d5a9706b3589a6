"""Consumer groups: listed and their offsets by kafka-python (one request a coordinator), described by librdkafka."""

from collections.abc import Collection, Mapping
from typing import Any

from eosctl.adapters.kafka_cluster import ConfluentAdmin
from eosctl.adapters.kafka_errors import kafka_python_errors, librdkafka_errors
from eosctl.adapters.kafka_python import KafkaPythonAdmin
from eosctl.core.errors import EosctlError, Notice, OperationFailed, Refused
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


class KafkaGroups:
    """The GroupsGateway."""

    def __init__(self, admin: KafkaPythonAdmin, confluent: ConfluentAdmin) -> None:
        self._admin = admin
        self._confluent = confluent

    def groups(self) -> Gathered[GroupListing]:
        """Every group of every protocol, broker by broker."""
        import kafka.errors as ke

        found: dict[str, GroupListing] = {}
        failures: list[EosctlError] = []
        nodes = self._admin.broker_ids()
        for node in nodes:
            try:
                listed = self._admin.retrying(lambda node=node: self._admin.client.list_groups(broker_ids=[node]))
            except (ke.KafkaError, TimeoutError) as error:
                failures.append(self._admin.failure(error, "ListGroups", f"broker {node}"))
                continue
            found |= {one["group_id"]: _listing(one) for one in listed}
        if nodes and len(failures) == len(nodes):
            raise failures[0]
        return Gathered(tuple(found[name] for name in sorted(found)), tuple(one.notice() for one in failures))

    def describe(self, groups: Collection[str]) -> Gathered[GroupDescription]:
        """Members, state, coordinator; share and streams groups come without members."""
        names = sorted(set(groups))
        if not names:
            return Gathered(())
        listed = {one.group: one.protocol for one in self.groups().items}
        limit = self._confluent.limit_s
        futures = self._confluent.ask(
            "DescribeGroups", "groups", lambda one: one.describe_consumer_groups(names, request_timeout=limit)
        )
        found: list[GroupDescription] = []
        failures: list[Notice] = []
        for name in names:
            protocol = listed.get(name, GroupProtocol.CLASSIC)
            if protocol in (GroupProtocol.SHARE, GroupProtocol.STREAMS):
                found.append(GroupDescription(name, protocol, "Unknown", -1))
                continue
            try:
                with librdkafka_errors("DescribeGroups", f"group {name!r}", self._confluent.connection):
                    found.append(_description(futures[name].result(), protocol))
            except EosctlError as error:
                failures.append(error.notice())
        return Gathered(tuple(found), tuple(failures))

    def committed(self, groups: Collection[str]) -> Gathered[GroupOffsets]:
        """Committed offsets of each group; one request a coordinator and 500 groups (KIP-709)."""
        found: list[GroupOffsets] = []
        failures: list[Notice] = []
        names = sorted(set(groups))
        for start in range(0, len(names), _GROUPS_A_REQUEST):
            self._committed(names[start : start + _GROUPS_A_REQUEST], found, failures)
        return Gathered(tuple(found), tuple(dict.fromkeys(failures)))

    def _committed(self, names: list[str], found: list[GroupOffsets], failures: list[Notice]) -> None:
        """One request; when a group of it fails, the halves are asked, so that one failure hides no other group."""
        import kafka.errors as ke

        try:
            answer = self._admin.retrying(lambda: self._admin.client.list_group_offsets(list(names)))
        except (ke.KafkaError, TimeoutError) as error:
            if len(names) > 1:
                middle = len(names) // 2
                self._committed(names[:middle], found, failures)
                self._committed(names[middle:], found, failures)
            else:
                failures.append(self._admin.failure(error, "OffsetFetch", f"group {names[0]!r}").notice())
        else:
            found.extend(GroupOffsets(name, _offsets(offsets)) for name, offsets in answer.items())

    def commit(self, group: str, offsets: Mapping[TopicPartition, CommittedOffset]) -> None:
        """Alters an empty group's offsets. Raises Refused (`group_active`) for a group with members."""
        from kafka.structs import OffsetAndMetadata
        from kafka.structs import TopicPartition as Tp

        asked = {
            Tp(one.topic, one.partition): OffsetAndMetadata(
                to.offset, to.metadata, to.leader_epoch if to.leader_epoch is not None else -1
            )
            for one, to in offsets.items()
        }
        with kafka_python_errors("OffsetCommit", f"group {group!r}", self._admin.connection):
            self._check(group, self._admin.retrying(lambda: self._admin.client.alter_group_offsets(group, asked)))

    def delete_offsets(self, group: str, partitions: Collection[TopicPartition]) -> None:
        """OffsetDelete. Raises Refused (`group_active`) when the group still reads one of the topics."""
        from kafka.structs import TopicPartition as Tp

        asked = [Tp(one.topic, one.partition) for one in partitions]
        with kafka_python_errors("OffsetDelete", f"group {group!r}", self._admin.connection):
            self._check(group, self._admin.retrying(lambda: self._admin.client.delete_group_offsets(group, asked)))

    @staticmethod
    def _check(group: str, answer: Mapping[Any, Any]) -> None:
        failed = {tp: error for tp, error in answer.items() if error.__name__ != "NoError"}
        if not failed:
            return
        names = sorted({error.__name__ for error in failed.values()})
        if {"UnknownMemberIdError", "NonEmptyGroupError", "GroupSubscribedToTopicError"} & set(names):
            raise Refused("group_active", f"Group {group!r} has active members.", hint="Stop its consumers first.")
        raise OperationFailed("offsets_refused", f"{len(failed)} of {len(answer)} offsets of {group!r} were refused.",
                              why=", ".join(names) + ".")  # fmt: skip


def _listing(one: Mapping[str, Any]) -> GroupListing:
    kind = str(one.get("group_type") or "classic").lower()
    protocol = GroupProtocol(kind) if kind in list(GroupProtocol) else GroupProtocol.CLASSIC
    if protocol is GroupProtocol.CLASSIC and not one.get("protocol_type"):
        protocol = GroupProtocol.OFFSETS_ONLY
    return GroupListing(one["group_id"], protocol, str(one.get("group_state") or "Unknown"))


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


def _offsets(offsets: Mapping[Any, Any]) -> dict[TopicPartition, CommittedOffset]:
    return {
        TopicPartition(tp.topic, tp.partition): CommittedOffset(
            Offset(one.offset), one.leader_epoch if one.leader_epoch >= 0 else None, one.metadata or ""
        )
        for tp, one in offsets.items()
        if one.offset >= 0
    }
