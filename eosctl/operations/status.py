"""`status`: one page that says whether all is well, each area with its verdict and where to look."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from eosctl.core.errors import EosctlError, Notice
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import Params
from eosctl.core.report import Gathered, Report, Section
from eosctl.domain.blocked import BlockedPartition, blocked_partitions
from eosctl.domain.health import (
    Area,
    Health,
    blocked_area,
    brokers_area,
    groups_area,
    transactions_area,
    unseen,
    worst,
)
from eosctl.domain.kafka import Broker, GroupListing, Topic
from eosctl.operations.scanning import Scanned
from eosctl.operations.status_database import DatabaseSeen, database_areas, failures, look_at_database
from eosctl.operations.txn import blocked, hanging
from eosctl.operations.txn.blocked import BlockedSeen
from eosctl.ports import Gateways

T = TypeVar("T")


class StatusParams(Params):
    """Nothing to choose: it is the whole page."""


@dataclass(frozen=True)
class Status:
    """The page: the worst verdict, when it was looked at, and every area."""

    verdict: Health
    checked_at: datetime
    areas: tuple[Area, ...]


@dataclass(frozen=True)
class StatusSeen:
    """What each area saw, or the notice of why it saw nothing."""

    brokers: tuple[Broker, ...]
    topics: tuple[Topic, ...]
    transactions: Scanned | Notice
    blocked: BlockedSeen | Notice
    groups: Gathered[GroupListing] | Notice
    at: datetime
    database: DatabaseSeen | None = None


def observe(gateways: Gateways, params: StatusParams) -> StatusSeen:
    """Looks at every area. One that may not or can't be seen hides no other; raises only when Kafka is not there."""
    return StatusSeen(
        brokers=gateways.cluster.brokers(),
        topics=gateways.cluster.topics(),
        transactions=_seen(lambda: hanging.observe(gateways, hanging.TxnHangingParams())),
        blocked=_seen(lambda: blocked.observe(gateways, blocked.TxnBlockedParams())),
        groups=_seen(gateways.groups.groups),
        at=gateways.clock.now(),
        database=look_at_database(gateways),
    )


def report(seen: StatusSeen, params: StatusParams) -> Report:
    """Exit 3 when an area has a problem, 5 when one could not be seen whole."""
    found = _blocked(seen)
    kafka = (brokers_area(seen.brokers, seen.topics), _transactions(seen), _readers(seen, found), _groups(seen, found))
    database = database_areas(seen.database)
    areas = (*kafka, *database)
    verdict = worst(areas)
    sections = [Section("Kafka", kafka, Area), *([Section("PostgreSQL", database, Area)] if database else [])]
    return Report(
        Status(verdict, seen.at, areas),
        Area,
        listing=areas,
        exit_code=_EXIT_CODES[verdict],
        errors=_failures(seen),
        sections=tuple(sections),
        summary=_SUMMARIES[verdict],
    )


_EXIT_CODES = {Health.OK: ExitCode.DONE, Health.PROBLEM: ExitCode.PROBLEM, Health.UNKNOWN: ExitCode.PARTLY_DONE}
_SUMMARIES = {
    Health.OK: "All is well.",
    Health.PROBLEM: "There are problems; each line names the command that tells more.",
    Health.UNKNOWN: "Not everything could be seen.",
}


def _seen(look: Callable[[], T]) -> T | Notice:
    try:
        return look()
    except EosctlError as error:
        return error.notice()


def _blocked(seen: StatusSeen) -> tuple[BlockedPartition, ...]:
    if isinstance(seen.blocked, Notice):
        return ()
    return blocked_partitions(seen.blocked.offsets, seen.blocked.judged, seen.blocked.groups)


def _transactions(seen: StatusSeen) -> Area:
    if isinstance(seen.transactions, Notice):
        return unseen("transactions", seen.transactions.message)
    return transactions_area(seen.transactions.transactions, partial=bool(seen.transactions.failures))


def _readers(seen: StatusSeen, found: tuple[BlockedPartition, ...]) -> Area:
    if isinstance(seen.blocked, Notice):
        return unseen("blocked partitions", seen.blocked.message)
    return blocked_area(found, partial=bool(seen.blocked.failures))


def _groups(seen: StatusSeen, found: tuple[BlockedPartition, ...]) -> Area:
    if isinstance(seen.groups, Notice):
        return unseen("groups", seen.groups.message)
    return groups_area(seen.groups.items, found, partial=bool(seen.groups.failures))


def _failures(seen: StatusSeen) -> tuple[Notice, ...]:
    notices: list[Notice] = []
    for one in (seen.transactions, seen.blocked, seen.groups):
        notices.extend([one] if isinstance(one, Notice) else one.failures)
    return tuple(dict.fromkeys((*notices, *failures(seen.database))))


OPERATION = Query(
    name="status",
    summary="One page: is everything well?",
    params=StatusParams,
    result=Status,
    listing=False,
    needs=("kafka",),
    observe=observe,
    report=report,
    details="Brokers, transactions, blocked partitions and groups, and where a database is named its deduplication "
    "tables, outboxes and replication slots, each with a verdict and the command that tells more. Exit code 3 when "
    "there is a problem.",
    examples=(
        Example("eosctl status", "The first look at three in the morning."),
        Example("eosctl status --watch 5s", "The same page, redrawn."),
        Example("eosctl status -o json", "For a script: the exit code says it all, the data says what."),
    ),
)
