"""Aligned plain text, as tabulate's `plain` writes it, for plain words: fast for tables of many thousand rows.

tabulate tries every cell as a number, strips colours from it and measures its characters, which takes longer than the
question to Kafka. Words beyond printable ASCII may be wide or joined: those tables stay tabulate's.
"""

from collections.abc import Sequence

_GAP = "  "
_ROOM_BESIDE_A_HEADING = 2


def aligned(headings: Sequence[str], right: Sequence[bool], cells: Sequence[Sequence[str]]) -> str | None:
    """Headings and rows in columns, some aligned right; None when a word is not printable ASCII."""
    if not all(text.isascii() and text.isprintable() for text in map("".join, (headings, *cells))):
        return None
    columns = zip(headings, right, zip(*cells, strict=True) if cells else [()] * len(headings), strict=True)
    padded = [_padded(heading, words, to_the_right=side) for heading, side, words in columns]
    return "\n".join(_GAP.join(row).rstrip() for row in zip(*padded, strict=True))


def _padded(heading: str, cells: Sequence[str], *, to_the_right: bool) -> list[str]:
    words = [heading, *map(str.strip, cells)]
    width = max(len(heading) + _ROOM_BESIDE_A_HEADING, *map(len, words))
    pad = str.rjust if to_the_right else str.ljust
    return [pad(word, width) for word in words]
