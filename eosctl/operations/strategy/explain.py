"""`strategy explain`: a page on one strategy that a person can learn from."""

from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report, Section
from eosctl.domain.strategies.catalogue import CrashPoint, Strategy, strategy
from eosctl.ports import Gateways


class StrategyExplainParams(Params):
    """Which one."""

    name: str = param(help="The strategy, for example dedup-table", positional=True)


def observe(gateways: Gateways, params: StrategyExplainParams) -> Strategy:
    """The strategy; raises UsageError (`unknown_strategy`)."""
    return strategy(params.name)


def report(found: Strategy, params: StrategyExplainParams) -> Report:
    """The page for people, the strategy itself for scripts."""
    return Report(
        found,
        Strategy,
        sections=tuple(_sections(found)),
        summary=f"Prove it: {found.verify}\nWrite one: eosctl strategy scaffold {found.name} --dir DIR",
    )


def _sections(found: Strategy) -> list[Section]:
    sections = [
        Section(
            found.title, text=f"  {found.effect}\n  Guarantee: {found.guarantee}.\n  When: {found.when}", prose=True
        ),
        Section("Picture", text=_block(found.diagram), picture=True),
        Section(
            "Step by step",
            text="\n".join(f"  {number}. {one}" for number, one in enumerate(found.steps, 1)),
            prose=True,
        ),
        Section(
            "When it dies, in the order of time", text="\n".join(_moment(one) for one in found.crashes), prose=True
        ),
        Section("Limits", text=_bullets(found.limits), prose=True),
        Section("Common mistakes", text=_bullets(found.mistakes), prose=True),
        Section("Needs", text=_bullets(found.needs), prose=True),
    ]
    for side, values in (("Producer", found.producer), ("Consumer", found.consumer)):
        if values:
            sections.append(Section(side, text="\n".join(f"  {key}={value}" for key, value in values.items())))
    if found.ddl:
        sections.append(Section("Tables", text=_block(found.ddl)))
    if found.window:
        sections.append(Section("Window", text=f"  {found.window}", prose=True))
    sections.append(Section("Watch it", text="\n".join(f"  {one}" for one in found.watch)))
    return sections


_RESULTS = {"neither": "fine ", "lost": "LOST ", "twice": "TWICE", "late": "late "}


def _moment(one: CrashPoint) -> str:
    """A place on the time line and what a crash there leaves."""
    return f"  ──✗ {one.at}\n  │   {_RESULTS[one.result]} {one.then}"


def _bullets(lines: tuple[str, ...]) -> str:
    return "\n".join(f"  - {one}" for one in lines)


def _block(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.rstrip().splitlines())


OPERATION = Query(
    name="strategy.explain",
    summary="Explain a strategy: steps, each crash, limits, mistakes, configuration, tables",
    params=StrategyExplainParams,
    result=Strategy,
    listing=False,
    observe=observe,
    report=report,
    examples=(Example("eosctl strategy explain kafka-transactions", "How it works and where it ends."),),
)
