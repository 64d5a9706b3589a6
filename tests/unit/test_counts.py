"""One is one, and everything else is many."""

import pytest

from eosctl.core.counts import counted


@pytest.mark.parametrize(
    ("number", "words", "reads"),
    [
        (0, ("topic",), "0 topics"),
        (1, ("topic",), "1 topic"),
        (2, ("dead-letter topic",), "2 dead-letter topics"),
        (12_345, ("record",), "12,345 records"),
        (1, ("entry is", "entries are"), "1 entry is"),
        (0, ("entry is", "entries are"), "0 entries are"),
    ],
)
def test_a_number_of_things(number: int, words: tuple[str, ...], reads: str) -> None:
    assert counted(number, *words) == reads
