"""Real incidents on a lab, one file each: for demos, playbooks and tests. Any target but a lab is refused."""

from collections.abc import Mapping
from importlib import import_module

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.domain.lab import Incident
from eosctl.lab.incidents.target import confirm_lab
from eosctl.lab.state import LabState

INCIDENTS = {
    "hanging-transaction": frozenset({"topic", "partition", "group", "id", "count"}),
    "zombie": frozenset({"topic", "group", "input", "id", "timeout_ms"}),
    "long-transaction": frozenset({"topic", "id", "timeout_ms", "count"}),
    "crashed-producer": frozenset({"topic", "id", "timeout_ms"}),
    "dead-letters": frozenset({"topic", "group", "count"}),
}
"""Every incident by name, with the options it takes."""


def inject(state: LabState, incident: str, options: Mapping[str, str]) -> Incident:
    """Makes the incident and says what is wrong now.

    Raises UsageError for an unknown name or option, Refused for what is not a lab, Unreachable when the lab does not
    answer, OperationFailed when the broker did not let it happen.
    """
    if incident not in INCIDENTS:
        raise UsageError(
            "unknown_incident",
            f"There is no incident {incident!r}.",
            hint=did_you_mean(incident, INCIDENTS) or f"There are {', '.join(INCIDENTS)}.",
        )
    _check_options(incident, options)
    confirm_lab(state)
    module = import_module(f"eosctl.lab.incidents.{incident.replace('-', '_')}")
    made: Incident = module.inject(state, options)
    return made


def _check_options(incident: str, options: Mapping[str, str]) -> None:
    known = INCIDENTS[incident]
    for key, value in options.items():
        if key not in known:
            raise UsageError(
                "unknown_option",
                f"{incident} has no option {key!r}.",
                hint=did_you_mean(key, known) or f"It takes {', '.join(sorted(known))}.",
            )
        if key in ("partition", "count", "timeout_ms") and not value.isdecimal():
            raise UsageError("bad_option", f"{key}={value!r} is not a whole number.", hint=f"For example {key}=10.")
