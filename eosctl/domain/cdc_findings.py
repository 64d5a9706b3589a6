"""What a check of a Debezium configuration knows and says; the rules are in `cdc_key_rules` and `cdc_server_rules`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from eosctl.domain.cdc_config import ROUTER
from eosctl.domain.outbox import OutboxMapping
from eosctl.domain.tables import TableCatalogue


class Severity(StrEnum):
    """`error`: it does not run, or loses events; `warning`: it will hurt some day."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Role:
    """What the connector's role may do. `makes_publications`: it may, for this table."""

    exists: bool = True
    logs_in: bool = True
    replicates: bool = True
    selects: bool = True
    makes_publications: bool = True


@dataclass(frozen=True)
class Facts:
    """What the servers say. `topics` None: Kafka was not asked. `publication` None: there is none of that name.

    `role` None: the configuration does not name it in clear text. `database` is where all this was seen.
    """

    mapping: OutboxMapping
    catalogue: TableCatalogue
    wal_level: str = "logical"
    max_slot_wal_keep_size: str = "-1"
    publication: Mapping[str, bool] | None = None
    updates: int = 0
    relays: int = 0
    aggregate_types: tuple[str, ...] = ()
    topics: frozenset[str] | None = None
    auto_create: bool = True
    role: Role | None = None
    database: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: `mend` says what to do. `changes` is what --fix does: key to value, None takes away."""

    severity: Severity
    rule: str
    key: str
    why: str
    mend: str
    changes: Mapping[str, str | None] = field(default_factory=dict)


Config = Mapping[str, str]
Found = Iterator[Finding]
Rule = Callable[[Config, Facts], Found]


def router_of(config: Config) -> str:
    """The prefix of the outbox router (`transforms.outbox.`), "" when there is none."""
    names = named_in(config, "transforms")
    return next((f"transforms.{one}." for one in names if config.get(f"transforms.{one}.type") == ROUTER), "")


def named_in(config: Config, key: str) -> list[str]:
    """The names of a comma-separated list."""
    return [one.strip() for one in config.get(key, "").split(",") if one.strip()]
