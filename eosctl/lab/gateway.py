"""The LabGateway: what the lab commands call."""

from collections.abc import Mapping

from eosctl.core.errors import OperationFailed
from eosctl.domain.lab import Incident, LabSummary, LabWish
from eosctl.lab import engine, full_disk, incidents, jars, reading, server_faults
from eosctl.lab.connect import ROLE, connect_url
from eosctl.lab.processes import is_running
from eosctl.lab.profiles import environment, profile_name
from eosctl.lab.state import LabState, every_state, known_state


class LocalLab:
    """Labs on this machine."""

    def up(self, name: str, wish: LabWish) -> tuple[LabSummary, bool]:
        """The running lab, and whether it was started now."""
        state, started = engine.up(name, wish)
        return _summary(state), started

    def downloads(self, wish: LabWish) -> bool:
        """Whether parts of it are missing on this machine."""
        return not jars.are_here(connect=wish.cdc)

    def down(self, name: str, *, purge: bool) -> tuple[str, ...]:
        """Ends it."""
        return engine.down(name, purge=purge)[1]

    def labs(self) -> tuple[LabSummary, ...]:
        """All labs."""
        return tuple(_summary(state) for state in every_state())

    def environment(self, name: str) -> Mapping[str, str]:
        """The variables that point eosctl at a running lab."""
        return environment(_running(name))

    def inject(self, name: str, incident: str, options: Mapping[str, str]) -> Incident:
        """Makes a real incident."""
        return incidents.inject(_running(name), incident, options)

    def read_on(self, name: str, group: str, topic: str) -> int:
        """How many records a real `read_committed` member of the group can read now."""
        return reading.read_on(_running(name), group, topic)

    def break_server(self, name: str, kind: str) -> None:
        """Ends a server and starts it again."""
        server_faults.break_server(_running(name), kind)

    def require_full_disk(self, name: str) -> None:
        """Looks whether its servers can be kept from writing."""
        full_disk.require(_running(name))

    def fill_disk(self, name: str, server: str) -> None:
        """Keeps a server from writing until it ends of it, and starts it again."""
        server_faults.fill_disk(_running(name), server)

    def incident_log(self, name: str, role: str) -> str:
        """What an incident's process has written so far."""
        file = known_state(name).path("logs", f"{role}.log")
        return file.read_text(encoding="utf-8") if file.exists() else ""


def _running(name: str) -> LabState:
    state = known_state(name)
    if not engine.is_up(state):
        raise OperationFailed(
            "lab_down", f"The lab {name!r} does not run.", hint=f"Start it: eosctl lab up --name {name}"
        )
    return state


def _summary(state: LabState) -> LabSummary:
    running = [one for one in state.processes if is_running(one)]
    servers = [one for one in running if one.role.startswith(("broker-", "postgres")) or one.role == ROLE]
    word = "up" if len(servers) == state.brokers + 1 + (ROLE in state.ports) else ("partly up" if servers else "down")
    return LabSummary(
        name=state.name,
        state=word,
        profile=profile_name(state) if word == "up" else "",
        bootstrap_servers=state.bootstrap_servers,
        dsn=state.dsn,
        brokers=state.brokers,
        secure=state.secure,
        folder=state.folder,
        cluster_id=state.cluster_id,
        incidents=tuple(one.role for one in running if one not in servers),
        connect=connect_url(state),
    )
