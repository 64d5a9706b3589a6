"""Counts effects: how many messages had theirs, twice, not at all, wrongly, or out of their key's order. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ACCOUNTS = 10


@dataclass(frozen=True)
class Effect:
    """What one message left behind, as it was found: its id, and the account and amount that it was booked with."""

    id: str
    account: str
    amount: int


@dataclass(frozen=True)
class Tally:
    """A trial counted. `duplicates` are surplus effects, `missed` messages without one, `corrupted` effects with other
    content than was sent, `out_of_order` messages whose first effect came behind a later one of their account."""

    total_messages: int
    unique_processed: int
    duplicates: int
    missed: int
    corrupted: int
    out_of_order: int
    restarts: int
    exactly_once: bool


def message(number: int) -> dict[str, Any]:
    """The message of that number: an id of its own, one of ten accounts, and the version that it was made from."""
    return {
        "id": f"m{number}",
        "account": f"a{number % ACCOUNTS}",
        "amount": number + 1,
        "version": number // ACCOUNTS,
    }


def count(effects: Iterable[Effect], *, messages: int, restarts: int, keyed_by_id: bool = False) -> Tally:
    """`effects` in the order in which they happened. Keyed by their ids, messages have no order among them."""
    sent = {one["id"]: (number, one) for number, one in ((n, message(n)) for n in range(messages))}
    seen: Counter[str] = Counter()
    latest: dict[str, int] = {}
    corrupted = out_of_order = 0
    for effect in effects:
        if effect.id not in sent or not _is_as_sent(effect, sent[effect.id][1]):
            corrupted += 1
            continue
        seen[effect.id] += 1
        number = sent[effect.id][0]
        if seen[effect.id] == 1 and not keyed_by_id:
            out_of_order += number < latest.get(effect.account, -1)
            latest[effect.account] = max(number, latest.get(effect.account, -1))
    duplicates, missed = sum(seen.values()) - len(seen), messages - len(seen)
    return Tally(
        total_messages=messages,
        unique_processed=len(seen),
        duplicates=duplicates,
        missed=missed,
        corrupted=corrupted,
        out_of_order=out_of_order,
        restarts=restarts,
        exactly_once=duplicates == missed == corrupted == 0,
    )


def _is_as_sent(effect: Effect, sent: Mapping[str, Any]) -> bool:
    return (effect.account, effect.amount) == (sent["account"], sent["amount"])
