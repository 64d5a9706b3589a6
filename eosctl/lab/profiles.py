"""A running lab as a profile: `lab` for the default one, `lab-NAME` for the others."""

from typing import Any

from eosctl.lab.connect import connect_url
from eosctl.lab.state import LabState, every_state

DEFAULT = "default"


def lab_settings() -> dict[str, dict[str, Any]]:
    """Profile settings by profile name, of the labs that run. Cheap: only state files are read when there are any."""
    states = every_state()
    if not states:
        return {}
    from eosctl.lab.engine import is_up

    return {profile_name(state): settings_of(state) for state in states if is_up(state)}


def profile_name(state: LabState) -> str:
    """`lab` or `lab-NAME`."""
    return "lab" if state.name == DEFAULT else f"lab-{state.name}"


def settings_of(state: LabState) -> dict[str, Any]:
    """What a profile of the lab holds."""
    settings: dict[str, Any] = {"bootstrap_servers": state.bootstrap_servers, "dsn": state.dsn, "environment": "lab"}
    if connect_url(state):
        settings["connect"] = {"url": connect_url(state)}
    if state.secure:
        settings["kafka_config"] = str(state.path("security", "admin.properties"))
    return settings


def environment(state: LabState) -> dict[str, str]:
    """The variables that point eosctl at the lab."""
    variables = {"EOSCTL_BOOTSTRAP_SERVER": state.bootstrap_servers, "EOSCTL_DSN": state.dsn}
    if connect_url(state):
        variables["EOSCTL_CONNECT_URL"] = connect_url(state)
    if state.secure:
        variables["EOSCTL_KAFKA_CONFIG"] = str(state.path("security", "admin.properties"))
    return variables
