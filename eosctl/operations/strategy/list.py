"""`strategy list`: every strategy with what it promises."""

from dataclasses import dataclass, field

from eosctl.core.operation import Example, Query
from eosctl.core.params import Params
from eosctl.core.report import Report, column
from eosctl.domain.strategies.catalogue import Strategy, strategies
from eosctl.domain.strategies.scaffolding import languages_of
from eosctl.ports import Gateways


class StrategyListParams(Params):
    """Nothing to choose."""


@dataclass(frozen=True)
class StrategyRow:
    """One strategy."""

    strategy: str
    title: str
    scope: str
    guarantee: str
    when: str = field(metadata=column(wide=True))
    scaffolds: tuple[str, ...] = field(metadata=column(wide=True))


def observe(gateways: Gateways, params: StrategyListParams) -> tuple[Strategy, ...]:
    """The catalogue of the package; no server is asked."""
    return strategies()


def report(every: tuple[Strategy, ...], params: StrategyListParams) -> Report:
    """A row a strategy."""
    rows = tuple(
        StrategyRow(one.name, one.title, one.scope, one.guarantee, one.when, languages_of(one.name)) for one in every
    )
    return Report(rows, StrategyRow)


OPERATION = Query(
    name="strategy.list",
    summary="List the strategies and what each promises",
    params=StrategyListParams,
    result=StrategyRow,
    observe=observe,
    report=report,
    examples=(Example("eosctl strategy list", "Every strategy, from at most once to reservations."),),
)
