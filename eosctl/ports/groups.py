"""Consumer groups and their committed offsets."""

from collections.abc import Collection, Mapping
from typing import Protocol

from eosctl.core.report import Gathered
from eosctl.domain.kafka import CommittedOffset, GroupDescription, GroupListing, GroupOffsets, TopicPartition


class GroupsGateway(Protocol):
    """Reads and changes of groups; a group whose coordinator does not answer is a failure in `Gathered`."""

    def groups(self) -> Gathered[GroupListing]:
        """Every group of every protocol."""

    def describe(self, groups: Collection[str]) -> Gathered[GroupDescription]:
        """Members, state, coordinator."""

    def committed(self, groups: Collection[str]) -> Gathered[GroupOffsets]:
        """Committed offsets of each group, all its partitions, without waiting for open transactions."""

    def commit(self, group: str, offsets: Mapping[TopicPartition, CommittedOffset]) -> None:
        """Alters an empty group's offsets (no compare-and-set exists). Raises Refused for a group with members."""

    def delete_offsets(self, group: str, partitions: Collection[TopicPartition]) -> None:
        """Forgets a group's offsets of these partitions (OffsetDelete)."""

    def remove_members(self, group: str) -> None:
        """Takes all members out of a classic group: dead ones need not time out. Raises for one that can't be."""
