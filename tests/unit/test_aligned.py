"""Aligned text is tabulate's to the letter, only faster: what a pipe gets does not depend on who writes it."""

from hypothesis import given
from hypothesis import strategies as st
from tabulate import tabulate

from eosctl.render.aligned import aligned

ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[bool], list[list[str]]]:
    width = draw(st.integers(1, 5))
    headings = draw(st.lists(ASCII, min_size=width, max_size=width))
    right = draw(st.lists(st.booleans(), min_size=width, max_size=width))
    cells = draw(st.lists(st.lists(ASCII, min_size=width, max_size=width), min_size=1, max_size=5))
    return headings, right, cells


@given(tables())
def test_it_is_what_tabulate_writes(table: tuple[list[str], list[bool], list[list[str]]]) -> None:
    headings, right, cells = table
    sides = ["right" if one else "left" for one in right]
    expected = tabulate(cells, headers=headings, tablefmt="plain", colalign=sides, disable_numparse=True)
    assert aligned(headings, right, cells) == expected


def test_headings_alone_are_what_tabulate_writes() -> None:
    headings = ["TOPIC", "PARTITION"]
    assert aligned(headings, [False, False], []) == tabulate([], headers=headings, tablefmt="plain")


def test_wide_and_unprintable_words_are_left_to_tabulate() -> None:
    assert aligned(["ID"], [False], [["注文"]]) is None
    assert aligned(["ID"], [False], [["two\nlines"]]) is None
