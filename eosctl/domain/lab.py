"""What a lab can be asked for and what it says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LabWish:
    """What a new lab shall be.

    `transaction_version` 0 (the default here) lets real hanging transactions be made; 2 is Kafka's own default.
    `java` and `postgres_bin` name existing ones ("" takes the wheels'). Ports of 0 are chosen and remembered.
    `cdc` adds Kafka Connect with Debezium.
    """

    brokers: int = 1
    secure: bool = False
    transaction_version: int = 0
    java: str = ""
    postgres_bin: str = ""
    kafka_port: int = 0
    postgres_port: int = 0
    cdc: bool = False
    broker_settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LabSummary:
    """A lab as people see it. `state` is `up`, `down` or `partly up`; `profile` names it while it runs;
    `connect` is its Connect's URL."""

    name: str
    state: str
    profile: str
    bootstrap_servers: str
    dsn: str
    brokers: int
    secure: bool
    folder: str
    cluster_id: str
    incidents: tuple[str, ...] = ()
    connect: str = ""


@dataclass(frozen=True)
class Incident:
    """A real incident that was made. `facts` are its names and numbers, `look` and `mend` commands that fit it."""

    incident: str
    lab: str
    happened: str
    look: str
    mend: str
    facts: Mapping[str, str] = field(default_factory=dict)
