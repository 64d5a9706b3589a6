"""Real servers on this machine: what the lab commands need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from eosctl.domain.lab import Incident, LabSummary, LabWish


class LabGateway(Protocol):
    """Raises OperationFailed when something can't be started or downloaded, UsageError for an unknown lab."""

    def up(self, name: str, wish: LabWish) -> tuple[LabSummary, bool]:
        """The running lab, and whether it was started now."""

    def downloads(self, wish: LabWish) -> bool:
        """Whether `up` has to download parts first, which takes a while."""

    def down(self, name: str, *, purge: bool) -> tuple[str, ...]:
        """Ends it; the roles of the processes that were ended."""

    def labs(self) -> tuple[LabSummary, ...]:
        """All labs, running or not."""

    def environment(self, name: str) -> Mapping[str, str]:
        """The variables that point eosctl at a running lab."""

    def inject(self, name: str, incident: str, options: Mapping[str, str]) -> Incident:
        """Makes a real incident. Raises Refused when the cluster that answers is not the lab's."""

    def read_on(self, name: str, group: str, topic: str) -> int:
        """How many records a real `read_committed` member of the group can read now; commits what it read."""

    def break_server(self, name: str, kind: str) -> None:
        """`broker-kill`, `broker-restart`, `database-kill`, `connect-kill`: ends a server and starts it; returns
        when it answers. Raises UsageError (`unknown_fault`, `no_connect`)."""

    def require_full_disk(self, name: str) -> None:
        """Raises Refused (`no_full_disk`) where `fill_disk` can't be; changes nothing."""

    def fill_disk(self, name: str, server: str) -> None:
        """Keeps `kafka` or the `database` from writing to any file until it ends of that, and starts it; returns when
        it answers. Nothing is filled. Raises Refused (`no_full_disk`), OperationFailed (`disk_not_full`)."""

    def incident_log(self, name: str, role: str) -> str:
        """What an incident's process has written so far."""
