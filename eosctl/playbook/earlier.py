"""What a run's record says was done by an earlier process: steps, items of lists, plans that were under way. Pure."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Event = Mapping[str, Any]


@dataclass
class Earlier:
    """`steps` by key; `items` and `plans` by key and canonical item; nothing in it for a new run."""

    steps: dict[str, Event] = field(default_factory=dict)
    items: dict[tuple[str, str], list[Event]] = field(default_factory=dict)
    plans: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)

    def take_item(self, key: str, item: Any) -> Event | None:
        """A done item that is equal to this one; each counts once."""
        found = self.items.get((key, canonical(item)))
        return found.pop(0) if found else None

    def plan_of(self, key: str, item: Any) -> Mapping[str, Any] | None:
        """The plan that was being carried out for the step, or for this item of it, and is not known to be done."""
        return self.plans.get((key, canonical(item)))


def canonical(item: Any) -> str:
    """An item as text that is equal for equal items."""
    return json.dumps(item, sort_keys=True, ensure_ascii=False)


def earlier_of(events: Iterable[Event], is_undone: Callable[[str], bool]) -> Earlier:
    """What need not be done again. A change that was undone since (`is_undone` by journal id) is not done.

    Rescues and `finally` belong to one process's failure or end: they are done each time.
    """
    found, begun = Earlier(), dict[tuple[str, int], str]()
    for one in events:
        key = str(one.get("step", ""))
        if not key or key.startswith("finally/") or "/rescue/" in key:
            continue
        match one["event"]:
            case "begin_step":
                begun[key, -1] = canonical(None)
            case "begin_item":
                begun[key, one["item"]] = canonical(one["value"])
            case "changing":
                found.plans[key, begun.get((key, one["item"]), canonical(None))] = one["plan"]
            case "item" if one["status"] == "done":
                _note_item(found, key, one, is_undone)
            case "step" if one["status"] == "done":
                _note_step(found, key, one, is_undone)
    return found


def _note_item(found: Earlier, key: str, event: Event, is_undone: Callable[[str], bool]) -> None:
    pair = (key, canonical(event["value"]))
    found.plans.pop(pair, None)
    if not any(is_undone(one) for one in event["journal_ids"]):
        found.items.setdefault(pair, []).append(event)


def _note_step(found: Earlier, key: str, event: Event, is_undone: Callable[[str], bool]) -> None:
    for pair in [one for one in found.plans if one[0] == key]:
        del found.plans[pair]
    if not any(is_undone(one) for one in event["journal_ids"]):
        found.steps[key] = event
