"""`strategy compare`: strategies side by side, all or those that are named."""

from dataclasses import dataclass, field

from eosctl.core.errors import UsageError
from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report, Section, column
from eosctl.domain.strategies.catalogue import NAMES, Strategy, strategies
from eosctl.ports import Gateways


class StrategyCompareParams(Params):
    """Which ones."""

    names: tuple[str, ...] = param((), help="Strategies to compare, all unless given", positional=True)


@dataclass(frozen=True)
class ComparedStrategy:
    """One line of the comparison. The survival columns say what the strategy does with that failure."""

    strategy: str
    scope: str
    overhead: str
    complexity: str
    when: str
    consumer_killed: str = field(metadata=column("killed"))
    commit_answer_lost: str = field(metadata=column("answer lost"))
    zombie: str = field(metadata=column("zombie"))
    redelivered_days_later: str = field(metadata=column("days later"))
    needs: tuple[str, ...] = field(metadata=column(hidden=True))


@dataclass(frozen=True)
class _Cost:
    strategy: str
    scope: str
    overhead: str
    complexity: str
    when: str


@dataclass(frozen=True)
class _Survival:
    strategy: str
    consumer_killed: str = field(metadata=column("consumer killed"))
    commit_answer_lost: str = field(metadata=column("answer of a commit lost"))
    zombie: str = field(metadata=column("zombie after a pause"))
    redelivered_days_later: str = field(metadata=column("redelivery days later"))


@dataclass(frozen=True)
class _Need:
    strategy: str
    needs: str


def observe(gateways: Gateways, params: StrategyCompareParams) -> tuple[Strategy, ...]:
    """The named strategies; raises UsageError (`unknown_strategy`, `nothing_to_compare`)."""
    names = tuple(dict.fromkeys(params.names))
    if len(names) == 1:
        strategies(names)
        raise UsageError(
            "nothing_to_compare",
            f"There is nothing to compare {names[0]} with.",
            hint=f"Name another, or see `eosctl strategy explain {names[0]}`.",
        )
    return strategies(names or NAMES)


def report(chosen: tuple[Strategy, ...], params: StrategyCompareParams) -> Report:
    """For people three tables: cost, survival, needs. For scripts a row a strategy."""
    rows = tuple(_compared(one) for one in chosen)
    costs = [_Cost(one.strategy, one.scope, one.overhead, one.complexity, one.when) for one in rows]
    survivals = [
        _Survival(one.strategy, one.consumer_killed, one.commit_answer_lost, one.zombie, one.redelivered_days_later)
        for one in rows
    ]
    needs = [_Need(one.strategy, "; ".join(one.needs)) for one in rows]
    return Report(
        rows,
        ComparedStrategy,
        sections=(
            Section("Cost", costs, _Cost),
            Section("Does the effect survive it?", survivals, _Survival),
            Section("Needs", needs, _Need),
        ),
    )


def _compared(one: Strategy) -> ComparedStrategy:
    return ComparedStrategy(
        strategy=one.name,
        scope=one.scope,
        overhead=one.overhead,
        complexity=one.complexity,
        when=one.when,
        consumer_killed=one.survives["consumer killed"],
        commit_answer_lost=one.survives["answer of a commit lost"],
        zombie=one.survives["zombie after a pause"],
        redelivered_days_later=one.survives["redelivery days later"],
        needs=one.needs,
    )


OPERATION = Query(
    name="strategy.compare",
    summary="Compare strategies: scope, overhead, complexity, what each survives and needs",
    params=StrategyCompareParams,
    result=ComparedStrategy,
    observe=observe,
    report=report,
    examples=(
        Example("eosctl strategy compare dedup-table stored-offsets", "Two side by side."),
        Example("eosctl strategy compare -o markdown", "The whole table, for a design document."),
    ),
)
