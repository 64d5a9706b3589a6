"""Folds lines of prose into a width: between words, never inside `a command`, and under the first word of the line."""

import re
import textwrap

_LEAST_WIDTH = 20
_LEAD = re.compile(r"[\s│├└║╠╚─═✗]*(?:- |\d+\. )?")
_BELOW = str.maketrans({"├": "│", "╠": "║", "└": " ", "╚": " ", "─": " ", "═": " ", "✗": " "})
_COMMAND = re.compile(r"`[^`]*`")
_KEPT = "\u2063"
"""Stands for a space that no line may break at; no text here has this character (an invisible separator)."""


def wrapped(text: str, width: int, *, below: str = "") -> str:
    """`text` with no line longer than `width`, but for words and commands that are longer by themselves.

    What is folded begins with `below` where the line has no indent of its own.
    """
    return "\n".join(_folded(line, max(width, _LEAST_WIDTH), below) for line in text.splitlines())


def _folded(line: str, width: int, below: str) -> str:
    if len(line) <= width:
        return line
    lead = _LEAD.match(line)
    first = lead.group() if lead else ""
    rest = re.sub(r"\d+\.|-(?= )", lambda found: " " * len(found.group()), first).translate(_BELOW)
    kept = _COMMAND.sub(lambda found: found.group().replace(" ", _KEPT), line[len(first) :])
    lines = textwrap.wrap(
        kept,
        width,
        initial_indent=first,
        subsequent_indent=rest or below,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(one.rstrip() for one in lines).replace(_KEPT, " ")
