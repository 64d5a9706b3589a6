"""Draws the decision tree as text, Mermaid or Graphviz, with the way that was taken marked. Pure."""

from collections.abc import Collection, Iterator, Sequence

from eosctl.domain.strategies.tree import Target, Tree
from eosctl.domain.strategies.walk import Step

FORMATS = ("text", "mermaid", "dot")


def draw(tree: Tree, form: str, taken: Sequence[Step] = (), chosen: Collection[str] = ()) -> str:
    """The whole tree in one of FORMATS, with the taken steps and the ways to the `chosen` leaves marked.

    In text such a branch is drawn double and a chosen leaf ends in `<== here`. A composition has several, and a leaf
    that the answers led to is none of them when the composition puts another strategy in its place.
    """
    steps = {(one.question, one.answer) for one in taken}
    for name in chosen:
        steps |= set(_way(tree, tree.start, name))
    if form == "mermaid":
        return "\n".join(["flowchart TD", *_mermaid(tree, steps)])
    if form == "dot":
        return "\n".join(["digraph strategies {", "  node [shape=box];", *_dot(tree, steps), "}"])
    head = tree.questions[tree.start].ask
    return "\n".join([head, *_text(tree, tree.start, "", steps, chosen)])


def _way(tree: Tree, key: str, leaf: str) -> list[tuple[str, str]]:
    """The branches from a question to a leaf; none when it does not lie behind it."""
    for answer, target in tree.nodes[key].branches.items():
        if target.strategy == leaf:
            return [(key, answer)]
        behind = _way(tree, target.question, leaf) if target.question else []
        if behind:
            return [(key, answer), *behind]
    return []


def _text(tree: Tree, key: str, indent: str, taken: set[tuple[str, str]], chosen: Collection[str]) -> Iterator[str]:
    branches = list(tree.nodes[key].branches.items())
    for number, (answer, target) in enumerate(branches):
        last = number == len(branches) - 1
        here = (key, answer) in taken
        line = ("╚══" if last else "╠══") if here else ("└──" if last else "├──")
        mark = "  <== here" if target.strategy in chosen else ""
        yield f"{indent}{line} {answer}: {_end(tree, target)}{mark}"
        if target.question:
            below = ("    " if last else "║   ") if here else ("    " if last else "│   ")
            yield from _text(tree, target.question, indent + below, taken, chosen)


def _end(tree: Tree, target: Target) -> str:
    return f"[{target.strategy}]" if target.strategy else tree.questions[target.question].ask


def _mermaid(tree: Tree, taken: set[tuple[str, str]]) -> Iterator[str]:
    links = 0
    for key, node in tree.nodes.items():
        yield f'  {key}{{"{tree.questions[key].ask}"}}'
        for answer, target in node.branches.items():
            end = target.question or f'{target.strategy.replace("-", "_")}["{target.strategy}"]'
            yield f"  {key} -->|{answer}| {end}"
            if (key, answer) in taken:
                yield f"  linkStyle {links} stroke-width:4px"
            links += 1


def _dot(tree: Tree, taken: set[tuple[str, str]]) -> Iterator[str]:
    for key, node in tree.nodes.items():
        yield f'  {key} [label="{tree.questions[key].ask}", shape=diamond];'
        for answer, target in node.branches.items():
            end = target.question or f'"{target.strategy}"'
            style = ", penwidth=3" if (key, answer) in taken else ""
            yield f'  {key} -> {end} [label="{answer}"{style}];'
