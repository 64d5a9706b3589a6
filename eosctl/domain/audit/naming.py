"""What a topic's name tells of who feeds it, and what a profile says of deduplication tables."""

import re
from collections.abc import Mapping
from typing import Any

from eosctl.core.durations import parse_duration_ms

_DEAD_LETTERS = re.compile(r"(^|[-._])(dlq|dlt|dlx|dead[-._]?letters?)($|[-._])", re.I)
_OUTBOX_ENDING = "-events"


def holds_dead_letters(topic: str) -> bool:
    """Whether it is named as the frameworks name dead-letter topics (`orders-dlt`, `orders.DLT`, `dlq.orders`)."""
    return bool(_DEAD_LETTERS.search(topic))


def fed_by_outbox(topic: str) -> bool:
    """Whether it is named as an outbox's topics are by default (`<aggregate_type>-events`)."""
    return topic.endswith(_OUTBOX_ENDING)


def mapped_tables(profile: Mapping[str, Any], noun: str) -> dict[str, Mapping[str, Any]]:
    """The profile's mappings of `tables.<noun>` by their tables' names."""
    section = (profile.get("tables") or {}).get(noun) or {}
    if not isinstance(section, Mapping):
        return {}
    entries = [one for one in section.values() if isinstance(one, Mapping)]
    return {str(one.get("table", noun)): one for one in entries}


def mapped_window_ms(profile: Mapping[str, Any]) -> int | None:
    """The shortest time for which a mapped deduplication table remembers; None when none says."""
    found = []
    for one in mapped_tables(profile, "dedup").values():
        given = one.get("retention_ms", one.get("retention"))
        if isinstance(given, int) and not isinstance(given, bool):
            found.append(given)
        elif isinstance(given, str):
            found.append(parse_duration_ms(given))
    return min(found, default=None)
