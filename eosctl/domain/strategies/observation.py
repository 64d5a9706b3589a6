"""What a look at a running group says: answers that can be seen, and where what runs is not what we recommend. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from eosctl.core.counts import counted

Role = Literal["dedup", "offsets", "outbox"]
_REMEMBERS = ("message_id", "idempotency_key", "fingerprint")
_RUNS = ("kafka-transactions", "stored-offsets", "dedup-table", "outbox-polling", "outbox-cdc")


@dataclass(frozen=True)
class Observed:
    """One thing that was seen. `answers` are those it fills in, `runs` the strategy that it shows, "" when none."""

    what: str
    seen: str
    answers: Mapping[str, str]
    runs: str = ""


@dataclass(frozen=True)
class SeenTable:
    """A table that may belong to a strategy; `group_rows` counts rows of the group, None when it has no such column."""

    name: str
    columns: tuple[str, ...]
    published: bool
    group_rows: int | None = None


def role_of(columns: Sequence[str]) -> Role | None:
    """What a table looks like by its columns; None for any other table."""
    have = set(columns)
    if {"topic", "partition", "consumer_group"} <= have:
        return "offsets"
    if {"aggregate_id", "aggregateid"} & have and "payload" in have:
        return "outbox"
    if set(_REMEMBERS) & have and {"processed_at", "created_at"} & have:
        return "dedup"
    return None


def observed_topics(topics: Sequence[str], state: str, members: int) -> Observed:
    """The group itself."""
    return Observed("group", f"{state}, {counted(members, 'member')}, reads {', '.join(topics) or 'nothing yet'}", {})


def observed_transactions(transactional_ids: Sequence[str], sharing: int) -> Observed | None:
    """Transactional producers that committed offsets on the group's partition of __consumer_offsets.

    With other groups on that partition they may be theirs: then they are told, and nothing is concluded from them.
    """
    if not transactional_ids:
        return None
    shown = ", ".join(sorted(transactional_ids)[:5]) + (", ..." if len(transactional_ids) > 5 else "")
    seen = f"{shown} committed offsets by transaction where this group's offsets are"
    if sharing:
        return Observed(
            "transactional ids", f"{seen}; so are those of {counted(sharing, 'other group')}: whose, can't be told", {}
        )
    return Observed("transactional ids", seen, {"writes_to_kafka": "yes"}, "kafka-transactions")


def observed_table(table: SeenTable) -> Observed | None:
    """What a table says; an offsets table without rows of the group says nothing."""
    match role_of(table.columns):
        case "offsets" if table.group_rows:
            answers = {"writes_to_database": "yes", "offsets_in_same_transaction": "yes"}
            return Observed(
                "offset table",
                f"{table.name} holds {counted(table.group_rows, 'row')} of the group",
                answers,
                "stored-offsets",
            )
        case "dedup":
            answers = {"writes_to_database": "yes"}
            note = "" if table.group_rows is None else f", {counted(table.group_rows, 'row')} of the group"
            return Observed("dedup table", f"{table.name} remembers messages{note}", answers, "dedup-table")
        case "outbox":
            transport = "cdc" if table.published else "polling"
            seen = f"{table.name} is {'in a publication' if table.published else 'in no publication'}"
            answers = {"database_is_source_of_truth": "yes", "outbox_transport": transport}
            return Observed("outbox table", seen, answers, f"outbox-{transport}")
    return None


def answers_of(seen: Sequence[Observed]) -> dict[str, str]:
    """The answers that were seen, the first of each; a dedup table without an offset table: Kafka keeps the offsets."""
    answers: dict[str, str] = {}
    for one in seen:
        answers = {**one.answers, **answers}
    if answers.get("writes_to_database") == "yes":
        answers.setdefault("offsets_in_same_transaction", "no")
    return answers


def differences(seen: Sequence[Observed], recommended: Sequence[str], given: Mapping[str, str]) -> tuple[str, ...]:
    """Where what runs is not what is recommended, and where a given answer is not what was seen."""
    runs = {one.runs for one in seen if one.runs}
    lines = [f"{name} is recommended, and nothing was seen that does it." for name in recommended
             if name in _RUNS and name not in runs]  # fmt: skip
    lines += [f"{name} seems to run here, and is not part of the recommendation." for name in sorted(runs)
              if name not in recommended]  # fmt: skip
    for one in seen:
        lines += [
            f"{key}={given[key]} was answered, and {one.what} says {key}={value}: {one.seen}."
            for key, value in one.answers.items()
            if given.get(key, value) != value
        ]
    return tuple(lines)
