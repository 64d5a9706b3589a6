"""The terminal's face, by rich: tables that fit the width, verdicts in colour, a progress bar."""

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eosctl.render.cells import Shown

_ORDINARY_WORD, _GAP = 24, 3
_COLOURS = {
    "ok": "green",
    "done": "green",
    "open": "green",
    "Ongoing": "cyan",
    "healthy": "green",
    "late": "yellow",
    "warning": "yellow",
    "critical": "bold red",
    "skipped": "dim",
    "unknown": "yellow",
    "hanging": "bold red",
    "problem": "bold red",
    "failed": "bold red",
    "error": "bold red",
    "zombie": "bold red",
}


def terminal_table(shown: Sequence[Shown], cells: list[list[str]], width: int, *, colour: bool) -> str:
    """A borderless table no wider than `width`; long cells fold, they are never cut.

    Where the columns would fold in the middle of words, each row is a block of lines instead (psql's `\\x auto`).
    """
    width = max(width, 20)
    if cells and _least_width(shown, cells) > width:
        return _blocks(shown, cells, width, colour=colour)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold" if colour else "")
    for one in shown:
        table.add_column(one.heading.upper(), justify="right" if one.right else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(word, style=_COLOURS.get(word, "") if colour else "") for word in row))
    return _printed(table, width, colour=colour)


def _least_width(shown: Sequence[Shown], cells: list[list[str]]) -> int:
    """The width at which no word of a heading and no ordinary word of a cell is torn."""
    least = 0
    for number, one in enumerate(shown):
        words = [word for row in cells for word in row[number].split()]
        longest = min(max(map(len, words), default=1), _ORDINARY_WORD)
        least += max([longest, *map(len, one.heading.split())]) + _GAP
    return least - _GAP


def _blocks(shown: Sequence[Shown], cells: list[list[str]], width: int, *, colour: bool) -> str:
    """Each row as lines of heading and value, rows apart by a line."""
    blocks = []
    for row in cells:
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(style="bold" if colour else "", no_wrap=True)
        table.add_column(overflow="fold")
        for one, word in zip(shown, row, strict=True):
            table.add_row(one.heading.upper(), Text(word, style=_COLOURS.get(word, "") if colour else ""))
        blocks.append(_printed(table, width, colour=colour))
    return f"\n{'─' * min(width, 40)}\n".join(blocks)


def _printed(table: Table, width: int, *, colour: bool) -> str:
    text = io.StringIO()
    console = Console(
        file=text, width=width, force_terminal=colour, no_color=not colour, highlight=False, legacy_windows=False
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
