"""EOS-K-301 to 399: consumer groups. Whether what they have not read yet will still be there."""

from eosctl.core.durations import format_duration_ms
from eosctl.domain.audit.clients.defaults import CONSUMER
from eosctl.domain.audit.facts import Facts, GroupFacts, Position
from eosctl.domain.audit.rule import Area, NotSeen, Rule, Severity
from eosctl.domain.audit.rules.links import BROKER, TOPIC

_SHOWN = 3


def _positions(group: GroupFacts) -> tuple[Position, ...]:
    if group.hidden:
        raise NotSeen(group.hidden)
    return group.positions


def _some(words: list[str]) -> str:
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return ", ".join(words[:_SHOWN]) + more


def _lost(group: GroupFacts, facts: Facts) -> str | None:
    words = [f"{one.partition} at {one.committed}, the log starts at {one.log_start}"
             for one in _positions(group) if one.committed < one.log_start]  # fmt: skip
    return _some(words) or None


def _near_the_edge(group: GroupFacts, facts: Facts) -> str | None:
    words = [f"{one.partition} at {one.committed}" for one in _positions(group) if one.near_edge]
    return f"the next record is older than four fifths of retention: {_some(words)}" if words else None


def _forgotten_soon(group: GroupFacts, facts: Facts) -> str | None:
    if group.members or not _positions(group):
        return None
    minutes, whose = facts.broker_number("offsets.retention.minutes", 10_080)
    return f"no members; {whose} offsets.retention.minutes is {minutes} ({format_duration_ms(minutes * 60_000)})"


def _retention_outlasts(group: GroupFacts, facts: Facts) -> str | None:
    kept = group.longest_retention_ms
    if not _positions(group) or kept is None:
        return None
    minutes, whose = facts.broker_number("offsets.retention.minutes", 10_080)
    if kept >= 0 and kept <= minutes * 60_000:
        return None
    words = "without end" if kept < 0 else format_duration_ms(kept)
    return f"records are kept {words}, {whose} offsets.retention.minutes is {minutes}"


def _isolation(group: GroupFacts, facts: Facts) -> str | None:
    if group.transactional_topics is None:
        raise NotSeen(group.scan_hidden)
    names = list(group.transactional_topics)
    return f"reads topics with transactions: {_some(names)}" if names else None


def _old_transactions(group: GroupFacts, facts: Facts) -> str | None:
    if group.old_transactions is None:
        raise NotSeen(group.scan_hidden)
    return _some(list(group.old_transactions)) or None


RULES = (
    Rule("EOS-K-301", Area.GROUPS, Severity.ERROR, "Records were deleted before the group read them", _lost,
         "What lies between its position and the log's start is gone; the group goes on by auto.offset.reset.",
         "Find what was missed in the source, and look at the group: eosctl offsets show {subject}",
         TOPIC + "retention.ms"),
    Rule("EOS-K-302", Area.GROUPS, Severity.WARNING, "The group is near the edge of retention", _near_the_edge,
         "When it does not catch up in time, retention deletes what it has not read.",
         "Raise retention.ms of the topic until the group has caught up, then look why it is slow",
         TOPIC + "retention.ms"),
    Rule("EOS-K-303", Area.GROUPS, Severity.INFO, "Nobody is in the group, and its positions will be forgotten",
         _forgotten_soon,
         "When it comes back later than that, it starts by auto.offset.reset: everything again, or a gap.",
         "Keep a copy: eosctl offsets export {subject}", BROKER + "offsets.retention.minutes"),
    Rule("EOS-K-304", Area.GROUPS, Severity.WARNING, "Records outlast the group's positions", _retention_outlasts,
         "After a stop longer than offsets.retention.minutes the position is gone while the records are there: with "
         "earliest all of them are processed a second time.",
         "offsets.retention.minutes longer than the topics' retention, or deduplicate for as long",
         BROKER + "offsets.retention.minutes"),
    Rule("EOS-K-305", Area.GROUPS, Severity.INFO, "Whether the group reads committed can't be seen from here",
         _isolation,
         "isolation.level is the consumer's own: the broker does not keep it. One that reads uncommitted sees aborted "
         "records.",
         "Audit its file: eosctl doctor --client-config FILE; or watch it against an open transaction: eosctl txn "
         "blocked --group {subject}", CONSUMER + "isolation.level"),
    Rule("EOS-K-306", Area.GROUPS, Severity.ERROR, "An old transaction holds the group back", _old_transactions,
         "read_committed readers stop before it; what comes after is hidden from them.",
         "eosctl txn blocked --group {subject}", BROKER + "transaction.max.timeout.ms"),
)  # fmt: skip
