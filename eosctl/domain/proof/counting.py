"""Counts effects: how many messages had theirs, twice, not at all, wrongly, or out of their key's order. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ACCOUNTS = 10
ABORTED = "aborted-"
"""What the id of a message begins with whose transaction is aborted on purpose: nobody may ever see it (G1a)."""


@dataclass(frozen=True)
class Effect:
    """What one message left behind, as it was found: its id, and the account and amount that it was booked with.

    `at_ms` is when, from the start of the trial; None where nobody can know.
    """

    id: str
    account: str
    amount: int
    at_ms: int | None = None


@dataclass(frozen=True)
class Tally:
    """A trial counted. `duplicates` are surplus effects, `missed` messages without one, `corrupted` effects with other
    content than was sent, `aborted_seen` effects of messages whose transaction was aborted, `out_of_order` messages
    whose first effect came behind a later one of their account."""

    total_messages: int
    unique_processed: int
    duplicates: int
    missed: int
    corrupted: int
    aborted_seen: int
    out_of_order: int
    restarts: int
    exactly_once: bool


def message(number: int, prefix: str = "m") -> dict[str, Any]:
    """The message of that number: an id of its own, one of ten accounts, and the version that it was made from."""
    return {
        "id": f"{prefix}{number}",
        "account": f"a{number % ACCOUNTS}",
        "amount": number + 1,
        "version": number // ACCOUNTS,
    }


def known(id: str, prefix: str = "m", at_ms: int | None = None) -> Effect:
    """The effect of which only the id is known: account and amount are taken as they were sent."""
    number = id.removeprefix(prefix)
    if not id.startswith(prefix) or not number.isdecimal():
        return Effect(id, "", -1, at_ms)
    sent = message(int(number), prefix)
    return Effect(id, sent["account"], sent["amount"], at_ms)


def count(
    effects: Iterable[Effect], *, messages: int, restarts: int, keyed_by_id: bool = False, prefix: str = "m"
) -> Tally:
    """`effects` in the order in which they happened. Keyed by their ids, messages have no order among them."""
    sent = {one["id"]: (number, one) for number, one in ((n, message(n, prefix)) for n in range(messages))}
    seen: Counter[str] = Counter()
    latest: dict[str, int] = {}
    corrupted = aborted_seen = out_of_order = 0
    for effect in effects:
        if effect.id.startswith(ABORTED):
            aborted_seen += 1
            continue
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
        aborted_seen=aborted_seen,
        out_of_order=out_of_order,
        restarts=restarts,
        exactly_once=duplicates == missed == corrupted == aborted_seen == 0,
    )


def _is_as_sent(effect: Effect, sent: Mapping[str, Any]) -> bool:
    return (effect.account, effect.amount) == (sent["account"], sent["amount"])
