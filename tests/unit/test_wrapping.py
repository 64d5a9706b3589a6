"""Prose folds into a narrow terminal between words, and what is to be copied does not."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eosctl.cli import console
from eosctl.core.errors import Notice
from eosctl.render.wrapping import wrapped

_WORD = st.from_regex(r"[a-z]{1,12}", fullmatch=True)
_COMMAND = st.lists(_WORD, min_size=1, max_size=3).map(lambda words: f"`{' '.join(words)}`")
_LEAD = st.sampled_from(["", "  ", "  - ", "  12. ", "  │   ", "    ├── ", "║   ╚══ "])


@given(_LEAD, st.lists(_WORD | _COMMAND, min_size=1, max_size=30), st.integers(20, 100))
def test_no_line_is_too_long_and_no_word_is_lost(lead: str, pieces: list[str], width: int) -> None:
    line = lead + " ".join(pieces)
    folded = wrapped(line, width).split("\n")
    assert folded[0].startswith(lead.rstrip())
    for one in folded:
        assert len(one) <= width or " " not in re.sub(r"`[^`]*`", "x", one.strip(" │║├╚─═-.0123456789"))
    for piece in pieces:
        assert any(piece in one for one in folded), "a word or a command was torn"


def test_lines_of_a_tree_and_of_a_list_go_on_below_their_first_word() -> None:
    assert (
        wrapped("    ├── yes: does it store its offsets?", 24)
        == "    ├── yes: does it\n    │   store its\n    │   offsets?"
    )
    assert wrapped("  3. one two three four five", 20) == "  3. one two three\n     four five"
    assert wrapped("  - one two three four five", 20) == "  - one two three\n    four five"


def test_short_lines_and_empty_ones_stay() -> None:
    assert wrapped("one\n\n  two", 40) == "one\n\n  two"


def test_what_hangs_below_its_head_is_within_the_width() -> None:
    assert wrapped("Warning: one two three", 20, below="  ") == "Warning: one two\n  three"
    assert wrapped("  one two three four five", 20, below="--") == "  one two three four\n  five"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_goes_to_standard_error_is_folded_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    notice = Notice("x", "A message of so many words that sixty columns are not enough for it.", "See `eosctl --help`.")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    for stream, longest in ((_Terminal(), 60), (io.StringIO(), 200)):
        monkeypatch.setattr("sys.stderr", stream)
        console.say("Warning", notice)
        lines = stream.getvalue().splitlines()
        assert lines[0].startswith("Warning: A message")
        assert lines[-1] == "  See `eosctl --help`."
        assert max(map(len, lines)) <= longest
        assert len(lines) == (3 if longest == 60 else 2)
