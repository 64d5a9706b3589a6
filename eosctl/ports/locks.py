"""Locks that hold across machines, by Kafka's group protocol."""

from typing import Protocol


class HeldLock(Protocol):
    """A lock that was taken."""

    def check(self) -> None:
        """Raises WorldChanged (`lock_lost`) when it is held no more, Unreachable when nobody can say."""

    def release(self) -> None:
        """Gives it back; says nothing when that fails, for it ends by itself."""


class LocksGateway(Protocol):
    """Takes locks."""

    def take(self, group: str, holder: str) -> HeldLock:
        """The lock of that group, at once or never. Raises Refused (`lock_held`), which names the holder."""
