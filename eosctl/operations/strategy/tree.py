"""`strategy tree`: the decision tree as text, Mermaid or Graphviz."""

from dataclasses import dataclass
from typing import Literal

from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report, Section
from eosctl.domain.strategies.drawing import draw
from eosctl.domain.strategies.tree import Tree, decision_tree
from eosctl.ports import Gateways


class StrategyTreeParams(Params):
    """In which language it is drawn."""

    format: Literal["text", "mermaid", "dot"] = param("text", help="text, mermaid or dot (Graphviz)")


@dataclass(frozen=True)
class DrawnTree:
    """The drawing, and the strategies at its leaves."""

    format: str
    drawing: str
    strategies: tuple[str, ...]


def observe(gateways: Gateways, params: StrategyTreeParams) -> Tree:
    """The tree of the package."""
    return decision_tree()


def report(tree: Tree, params: StrategyTreeParams) -> Report:
    """The drawing."""
    drawing = draw(tree, params.format)
    drawn = DrawnTree(params.format, drawing, tree.leaves())
    return Report(drawn, DrawnTree, sections=(Section("", text=drawing, prose=params.format == "text"),))


OPERATION = Query(
    name="strategy.tree",
    summary="Draw the decision tree that `recommend` walks",
    params=StrategyTreeParams,
    result=DrawnTree,
    listing=False,
    observe=observe,
    report=report,
    examples=(
        Example("eosctl strategy tree", "In the terminal."),
        Example("eosctl strategy tree --format dot | dot -Tsvg > tree.svg", "As a picture, by Graphviz."),
    ),
)
