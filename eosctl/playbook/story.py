"""A run's events told in order, for reports: who, when; of each step what was seen, asked, answered, changed. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Event = Mapping[str, Any]


@dataclass
class StepStory:
    """One try of a step by one process."""

    step: str
    action: str
    began: str = ""
    ended: str = ""
    status: str = "cut off"
    message: str = ""
    seen: Any = None
    questions: list[tuple[str, str]] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)
    plans: list[Event] = field(default_factory=list)
    changes: list[Event] = field(default_factory=list)
    receipts: list[Event] = field(default_factory=list)
    undo: list[str] = field(default_factory=list)


@dataclass
class RunStory:
    """A whole run. `people` says who began it and who resumed it, and when."""

    run: str
    playbook: str
    summary: str
    owner: str
    links: Sequence[str]
    people: list[tuple[str, str, str]]
    profile: str
    params: Mapping[str, Any]
    dry_run: bool
    began: str
    ended: str = ""
    status: str = "cut off"
    said: str = ""
    steps: list[StepStory] = field(default_factory=list)
    rolled_back: list[tuple[str, str]] = field(default_factory=list)


def story_of(run: str, events: Iterable[Event]) -> RunStory:
    """The story; an event that an older eosctl did not write is left out."""
    every = list(events)
    begin = every[0]
    told = RunStory(
        run, begin["playbook"], begin.get("summary", ""), begin.get("owner", ""), begin.get("links", []),
        [(begin["at"], begin["who"], "began it" + (" with --yes" if begin.get("yes") else ""))],
        begin.get("profile", ""), begin["params"], begin["dry_run"], begin["at"],
    )  # fmt: skip
    open_steps: dict[str, StepStory] = {}
    for one in every[1:]:
        _tell(told, open_steps, one)
    return told


def _tell(told: RunStory, open_steps: dict[str, StepStory], event: Event) -> None:
    key, at = str(event.get("step", "")), event["at"]
    match event["event"]:
        case "resume":
            told.people.append((at, event["who"], "resumed it" + (" with --yes" if event.get("yes") else "")))
            open_steps.clear()
        case "begin_step":
            open_steps[key] = StepStory(key, event.get("action", ""), began=at)
            told.steps.append(open_steps[key])
        case "asked":
            _of(told, open_steps, key, at).questions.append((event["question"], event["answer"]))
        case "retry":
            _of(told, open_steps, key, at).tries.append(event["message"])
        case "changing":
            _of(told, open_steps, key, at).plans.append(event)
        case "rollback":
            told.rolled_back.append((event["journal_id"], event["message"]))
        case "step":
            one = _of(told, open_steps, key, at)
            one.action, one.ended, one.status, one.message = event["action"], at, event["status"], event["message"]
            one.seen, one.changes, one.undo = event["result"], event["changes"], event.get("undo", [])
            one.receipts = event.get("receipts", [])
            del open_steps[key]
        case "end":
            told.ended, told.status, told.said = at, event["status"], event["said"]


def _of(told: RunStory, open_steps: dict[str, StepStory], key: str, at: str) -> StepStory:
    if key not in open_steps:
        open_steps[key] = StepStory(key, "", began=at)
        told.steps.append(open_steps[key])
    return open_steps[key]


def ways_back(told: RunStory) -> list[str]:
    """How to undo what was changed, the last change first; what a rollback took back is not among it."""
    gone = {journal_id for journal_id, message in told.rolled_back if message.startswith("undid")}
    every = [way for one in reversed(told.steps) for way in reversed(one.undo)]
    known = " ".join(every)
    begun = [plan["journal_id"] for one in reversed(told.steps) for plan in one.plans]
    cut_off = [f"eosctl journal show {one} (it was not finished)" for one in begun if one not in known]
    return [way for way in dict.fromkeys([*every, *cut_off]) if not any(one in way for one in gone)]
