"""Connections by name, as the configuration file holds them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class ProfileSummary:
    """One profile without its secrets. `settings` is its plain data, secrets masked."""

    name: str
    current: bool
    protected: bool
    environment: str
    bootstrap_servers: str
    dsn: str
    settings: Mapping[str, Any]


class ProfilesGateway(Protocol):
    """Reads and writes `$XDG_CONFIG_HOME/eosctl/config.yaml`."""

    def path(self) -> Path:
        """The configuration file."""

    def profiles(self) -> tuple[ProfileSummary, ...]:
        """All of them, a running lab's among them."""

    def use(self, name: str) -> None:
        """Makes a profile the current one; raises UsageError (`unknown_profile`)."""

    def add(self, name: str, settings: Mapping[str, Any], *, replace: bool) -> None:
        """Writes a profile; raises UsageError when it exists and `replace` is not given, or a setting is unknown."""
