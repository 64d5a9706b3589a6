"""The terminal's face, by rich: tables that fit the width, verdicts in colour, a progress bar."""

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eosctl.render.cells import Shown

_COLOURS = {
    "ok": "green",
    "done": "green",
    "open": "green",
    "Ongoing": "cyan",
    "healthy": "green",
    "late": "yellow",
    "warning": "yellow",
    "skipped": "dim",
    "unknown": "yellow",
    "hanging": "bold red",
    "problem": "bold red",
    "failed": "bold red",
    "error": "bold red",
    "zombie": "bold red",
}


def terminal_table(shown: Sequence[Shown], cells: list[list[str]], width: int, *, colour: bool) -> str:
    """A borderless table no wider than `width`; long cells fold, they are never cut."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold" if colour else "")
    for one in shown:
        table.add_column(one.heading.upper(), justify="right" if one.right else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(word, style=_COLOURS.get(word, "") if colour else "") for word in row))
    text = io.StringIO()
    console = Console(
        file=text,
        width=max(width, 20),
        force_terminal=colour,
        no_color=not colour,
        highlight=False,
        legacy_windows=False,
    )
    console.print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip("\n").splitlines())


def paint(text: str, style: str, *, colour: bool) -> str:
    """`text` in a rich style, unchanged without colour."""
    if not colour:
        return text
    out = io.StringIO()
    Console(file=out, force_terminal=True, width=10_000, highlight=False).print(Text(text, style=style), end="")
    return out.getvalue()
