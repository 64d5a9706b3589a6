"""Whether all is well, area by area: the pure rules behind `status`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from eosctl.core.counts import counted
from eosctl.domain.blocked import BlockedPartition
from eosctl.domain.kafka import Broker, GroupListing, Topic
from eosctl.domain.transactions import JudgedTransaction, Verdict

_SHOWN = 3


class Health(StrEnum):
    """`ok`; `problem`: somebody should act; `unknown`: it could not be seen."""

    OK = "ok"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Area:
    """One line of the page: a verdict, a sentence, and where to look.

    `look` is the command that tells more, "" when there is nothing to see.
    """

    area: str
    verdict: Health
    finding: str
    look: str = ""


def worst(areas: Sequence[Area]) -> Health:
    """A problem outweighs what could not be seen, and that outweighs what is well."""
    verdicts = {one.verdict for one in areas}
    return next((one for one in (Health.PROBLEM, Health.UNKNOWN) if one in verdicts), Health.OK)


def unseen(area: str, why: str, look: str = "") -> Area:
    """An area that could not be looked at."""
    return Area(area, Health.UNKNOWN, why, look)


def brokers_area(brokers: Sequence[Broker], topics: Sequence[Topic]) -> Area:
    """Brokers that replicas name and metadata does not; partitions without a leader or with replicas out of sync."""
    up = {one.node_id for one in brokers}
    partitions = [one for topic in topics for one in topic.partitions]
    down = sorted({node for one in partitions for node in one.replicas} - up)
    leaderless = sum(one.leader < 0 for one in partitions)
    behind = sum(len(one.in_sync) < len(one.replicas) for one in partitions)
    found = [
        *([f"down: {_some(down)}"] if down else []),
        *([f"{counted(leaderless, 'partition')} without a leader"] if leaderless else []),
        *([f"{counted(behind, 'partition')} with replicas out of sync"] if behind else []),
    ]
    words = f"{counted(len(up), 'broker')} up, {counted(len(partitions), 'partition')}"
    return Area("brokers", Health.PROBLEM if found else Health.OK, "; ".join([words, *found]))


def transactions_area(judged: Sequence[JudgedTransaction], *, partial: bool) -> Area:
    """Hanging and late ones are problems; healthy open ones are not. Counted by partition."""
    counts = {verdict: sum(one.verdict is verdict for one in judged) for verdict in Verdict}
    words = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count) or "none open"
    if counts[Verdict.HANGING] or counts[Verdict.LATE]:
        return Area("transactions", Health.PROBLEM, words, "eosctl txn hanging")
    if counts[Verdict.UNKNOWN] or partial:
        return Area("transactions", Health.UNKNOWN, f"{words}; not every broker answered", "eosctl txn hanging")
    return Area("transactions", Health.OK, words, "eosctl txn hanging --all" if judged else "")


def blocked_area(found: Sequence[BlockedPartition], *, partial: bool) -> Area:
    """Partitions whose readers wait for a transaction that does not end by itself are a problem."""
    stuck = [one for one in found if one.blocker.verdict in (Verdict.HANGING, Verdict.LATE)]
    records = sum(one.offsets.high_watermark - one.offsets.last_stable for one in stuck)
    if stuck:
        names = _some([str(one.partition) for one in stuck])
        words = f"{counted(len(stuck), 'partition')} blocked: {names}; {counted(records, 'record')} hidden"
        return Area("blocked partitions", Health.PROBLEM, words, "eosctl txn blocked")
    if partial:
        return Area("blocked partitions", Health.UNKNOWN, "not every broker answered", "eosctl txn blocked")
    words = f"{counted(len(found), 'partition')} with a healthy transaction open" if found else "none"
    return Area("blocked partitions", Health.OK, words, "eosctl txn blocked" if found else "")


def groups_area(groups: Sequence[GroupListing], found: Sequence[BlockedPartition], *, partial: bool) -> Area:
    """Groups that have records hidden behind a late or hanging transaction."""
    hidden: dict[str, int] = {}
    for one in found:
        if one.blocker.verdict in (Verdict.HANGING, Verdict.LATE):
            for group in one.groups:
                hidden[group.group] = hidden.get(group.group, 0) + group.hidden_lag
    words = f"{counted(len(groups), 'group')}{_states(groups)}"
    if hidden:
        words += f"; stuck if they read committed: {_some(_most_first(hidden))}"
        return Area("groups", Health.PROBLEM, words, f"eosctl txn blocked --group {_quoted(_most_first(hidden)[0])}")
    if partial:
        return Area("groups", Health.UNKNOWN, f"{words}; not every coordinator answered")
    return Area("groups", Health.OK, words)


def _most_first(hidden: Mapping[str, int]) -> list[str]:
    return sorted(hidden, key=lambda name: (-hidden[name], name))


def _states(groups: Sequence[GroupListing]) -> str:
    counts: dict[str, int] = {}
    for one in groups:
        counts[one.state.lower()] = counts.get(one.state.lower(), 0) + 1
    return f" ({', '.join(f'{count} {state}' for state, count in sorted(counts.items()))})" if counts else ""


def _some(names: Sequence[object]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(str(one) for one in names[:_SHOWN]) + more


def _quoted(name: str) -> str:
    import shlex

    return shlex.quote(name)
