"""The terminal's face, by rich: tables that fit the width, verdicts in colour, a progress bar."""

import io
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eosctl.render.cells import Shown

_ORDINARY_WORD, _GAP = 26, 3  # a time with its bracket has 25
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
    least = _least(shown, cells)
    room = width - _GAP * (len(shown) - 1)
    if sum(least) > room:
        return _blocks(shown, cells, width, colour=colour) if cells else _headings(shown, width, colour=colour)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold" if colour else "")
    for one, columns in zip(shown, _widths(shown, cells, least, room), strict=True):
        table.add_column(one.heading.upper(), justify="right" if one.right else "left", overflow="fold", width=columns)
    for row in cells:
        table.add_row(*(Text(word, style=_COLOURS.get(word, "") if colour else "") for word in row))
    return _printed(table, width, colour=colour)


def _least(shown: Sequence[Shown], cells: list[list[str]]) -> list[int]:
    """The widths at which no word of a heading and no ordinary word of a cell is torn."""
    least = []
    for number, one in enumerate(shown):
        words = [word for row in cells for word in row[number].split()]
        longest = min(max(map(cell_len, words), default=1), _ORDINARY_WORD)
        least.append(max([longest, *map(cell_len, one.heading.split())]))
    return least


def _widths(shown: Sequence[Shown], cells: list[list[str]], least: Sequence[int], room: int) -> list[int]:
    """As wide as all in it, the widest made narrower until they fit into the room; none below its least."""
    widths = []
    for number, one in enumerate(shown):
        lines = [line for row in cells for line in row[number].splitlines()]
        widths.append(max([*map(cell_len, lines), cell_len(one.heading), 1]))
    while sum(widths) > room and (wide := [n for n, columns in enumerate(widths) if columns > least[n]]):
        widths[max(wide, key=lambda n: widths[n])] -= 1
    return widths


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


def _headings(shown: Sequence[Shown], width: int, *, colour: bool) -> str:
    """What the columns of no rows would be, on as many lines as they need."""
    lines = [""]
    for one in shown:
        longer = f"{lines[-1]}{' ' * _GAP if lines[-1] else ''}{one.heading.upper()}"
        lines[-1:] = [longer] if not lines[-1] or cell_len(longer) <= width else [lines[-1], one.heading.upper()]
    return "\n".join([*(paint(line, "bold", colour=colour) for line in lines), "─" * width])


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
