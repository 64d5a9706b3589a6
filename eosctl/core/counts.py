"""How a number of things reads in a sentence."""


def counted(number: int, one: str, many: str = "") -> str:
    """`1 topic`, `2 topics`, `12,345 records`; `many` where it is not `one` with an s: entries, `events are`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
