"""`profile list`: the connections that have a name, running labs among them."""

from dataclasses import dataclass

from eosctl.core.operation import Example, Query
from eosctl.core.params import Params
from eosctl.core.report import Report
from eosctl.ports import Gateways


class ProfileListParams(Params):
    """Nothing to choose."""


@dataclass(frozen=True)
class ProfileRow:
    """One profile, secrets masked."""

    name: str
    current: bool
    environment: str
    protected: bool
    bootstrap_servers: str
    dsn: str


def observe(gateways: Gateways, params: ProfileListParams) -> tuple[ProfileRow, ...]:
    """All profiles."""
    return tuple(
        ProfileRow(one.name, one.current, one.environment, one.protected, one.bootstrap_servers, one.dsn)
        for one in gateways.profiles.profiles()
    )


def report(rows: tuple[ProfileRow, ...], params: ProfileListParams) -> Report:
    """The rows as they are."""
    return Report(rows, ProfileRow, summary="" if rows else "There is no profile yet: see `eosctl profile add --help`.")


OPERATION = Query(
    name="profile.list",
    summary="List the profiles",
    params=ProfileListParams,
    result=ProfileRow,
    observe=observe,
    report=report,
    examples=(Example("eosctl profile list", "Which connections have a name."),),
)
