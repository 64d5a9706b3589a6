"""What `check` looks at: the other operations' own looks, once each, and what their answers measure. No new question.

A look takes the gateways and the wish; where it looks at several subjects, one that fails hides no other. A reading is
pure: it makes measures of a look's answer.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Generic, TypeVar

from eosctl.core.errors import EosctlError, Notice, Unreachable
from eosctl.domain.audit.facts import Slot
from eosctl.domain.checks.levels import Level
from eosctl.domain.checks.measures import Measure, Measured
from eosctl.domain.checks.wishes import Wish
from eosctl.domain.dedup_window import PathKind, WindowVerdict
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.transactions import Verdict
from eosctl.operations.dedup import status as dedup_status
from eosctl.operations.dedup import window as dedup_window
from eosctl.operations.dlq import list as dlq_list
from eosctl.operations.offsets import show
from eosctl.operations.offsets_seen import OffsetsSeen, known_groups
from eosctl.operations.offsets_seen import look as look_at_offsets
from eosctl.operations.outbox import status as outbox_status
from eosctl.operations.scanning import Scanned
from eosctl.operations.txn import blocked, hanging
from eosctl.ports import Gateways

T = TypeVar("T")
_LOST = {"lost": "WAL that it needs is gone.", "unreserved": "It is lost at the next checkpoint."}


@dataclass(frozen=True)
class Each(Generic[T]):
    """One answer for each subject by name, and a notice for each that could not be looked at."""

    found: Mapping[str, T]
    failures: tuple[Notice, ...]


def transactions(gateways: Gateways, wish: Wish) -> Scanned:
    """As `txn hanging`: the open transactions of every partition, judged."""
    return hanging.observe(gateways, hanging.TxnHangingParams(topic=wish.topics))


def oldest_transactions(seen: Scanned, wish: Wish) -> Measured:
    """The oldest open transaction of each topic."""
    oldest: dict[str, int] = defaultdict(int)
    for one in seen.transactions:
        topic = one.producer.partition.topic
        oldest[topic] = max(oldest[topic], one.age_ms(seen.now_ms))
    return _by_name(oldest, seen.failures)


def hanging_transactions(seen: Scanned, wish: Wish) -> Measured:
    """How many hang on each topic."""
    counts: dict[str, int] = defaultdict(int)
    for one in seen.transactions:
        if one.verdict is Verdict.HANGING:
            counts[one.producer.partition.topic] += 1
    return _by_name(counts, seen.failures)


def blocked_partitions(gateways: Gateways, wish: Wish) -> blocked.BlockedSeen:
    """As `txn blocked`."""
    return blocked.observe(gateways, blocked.TxnBlockedParams(topic=wish.topics))


def blocked_records(seen: blocked.BlockedSeen, wish: Wish) -> Measured:
    """Records between last stable offset and high watermark, by topic."""
    counts: dict[str, int] = defaultdict(int)
    for row in blocked.report(seen, blocked.TxnBlockedParams()).data:
        counts[row.topic] += row.blocked_records
    return _by_name(counts, seen.failures)


def groups(gateways: Gateways, wish: Wish) -> Each[show.ShowSeen]:
    """As `offsets show`, for each group or pattern."""

    def look(pattern: str) -> show.ShowSeen:
        return show.observe(gateways, show.OffsetsShowParams(group=pattern, topic=wish.topics))

    return _each(wish.groups or ("*",), look)


def group_lags(seen: Each[show.ShowSeen], wish: Wish) -> Measured:
    """Records between a group's offset and the last stable offset, by group and topic.

    A topic that is gone has no lag; a partition without a leader has one that nobody knows.
    """
    lags: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    failures = list(seen.failures)
    for one in seen.found.values():
        failures += one.seen.failures
        for row in show.report(one, show.OffsetsShowParams(group="*", topic=wish.topics)).data:
            if row.lag_to_last_stable is not None:
                lags[row.group, row.topic][row.partition] = row.lag_to_last_stable  # patterns may overlap
            elif row.last_stable_offset is None and _exists(one.seen, row.topic, row.partition):
                at = TopicPartition(row.topic, row.partition)
                failures.append(Notice("no_leader", f"{at} has no leader: the lag of {row.group} is not known."))
    measures = tuple(Measure(key, sum(lag.values())) for key, lag in lags.items())
    return Measured(measures, tuple(dict.fromkeys(failures)))


def stored_offsets(gateways: Gateways, wish: Wish) -> Each[OffsetsSeen]:
    """As `offsets diff`, for every group that a table of offsets knows."""

    def look(table: str) -> OffsetsSeen:
        known = known_groups(gateways, store="db", table=table)
        names = [one for one in known if any(fnmatchcase(one, pattern) for pattern in wish.groups or ("*",))]
        return look_at_offsets(gateways, names, store="both", table=table)

    return _each(wish.offsets_tables or _mapped(gateways, "offsets"), look)


def offset_drifts(seen: Each[OffsetsSeen], wish: Wish) -> Measured:
    """The largest distance of a partition between table and Kafka, by table, group and topic.

    A partition that only one of them has is not compared: a consumer that stores its offsets need not commit them.
    """
    drifts: dict[tuple[str, ...], int] = {}
    failures = list(seen.failures)
    for table, one in seen.found.items():
        failures += one.failures
        for group, stored in one.table.items():
            for at, offset in stored.items():
                committed = one.kafka.get(group, {}).get(at)
                if committed is not None and (not wish.topics or at.topic in wish.topics):
                    key = (table, group, at.topic)
                    drifts[key] = max(drifts.get(key, 0), abs(offset - committed.offset))
    return Measured(tuple(Measure(key, drift) for key, drift in drifts.items()), tuple(dict.fromkeys(failures)))


def dead_letters(gateways: Gateways, wish: Wish) -> dlq_list.ListSeen:
    """As `dlq list`: topics that are named as dead-letter topics are, or those of the wish."""
    usual = dlq_list.DlqListParams(sample=1)
    names = "|".join(map(re.escape, wish.dead_letter_topics))
    return dlq_list.observe(gateways, usual.model_copy(update={"name": f"^({names})$"}) if names else usual)


def dead_letter_growth(seen: dlq_list.ListSeen, wish: Wish) -> Measured:
    """Dead letters of the last hour, by topic.

    A topic of the wish that does not exist is not known to be well; without a wish a Connect that does not answer may
    have topics that nobody knows.
    """
    rows = {row.topic: row.growth_an_hour_records for row in dlq_list.report(seen, dlq_list.DlqListParams()).data}
    if not wish.dead_letter_topics:
        return _by_name(rows, seen.failures)
    named = {topic: rows[topic] for topic in wish.dead_letter_topics if topic in rows}
    missing = [topic for topic in wish.dead_letter_topics if topic not in rows]
    return _by_name(named, [Notice("unknown_topic", f"There is no topic {topic!r}.") for topic in missing])


def dedup_windows(gateways: Gateways, wish: Wish) -> Each[dedup_window.WindowSnapshot]:
    """As `dedup window`."""

    def look(table: str) -> dedup_window.WindowSnapshot:
        return dedup_window.observe(gateways, dedup_window.DedupWindowParams(table=table))

    return _each(wish.dedup_tables or _mapped(gateways, "dedup"), look)


def unsafe_paths(seen: Each[dedup_window.WindowSnapshot], wish: Wish) -> Measured:
    """In how many ways a record can come again that the table has forgotten, or will forget.

    A way that could not be judged makes the table unknown; a replay from a dead-letter topic that nobody has is no way.
    """
    measures, failures = [], list(seen.failures)
    for table, one in seen.found.items():
        judged, notices = one.seen.judged, one.seen.notices
        unsafe = [each for each in judged if each.verdict is WindowVerdict.UNSAFE]
        measures.append(
            Measure((table,), len(unsafe), why="; ".join(f"{each.path.kind}: {each.reason}" for each in unsafe))
        )
        failures += notices
        looked = not any(each.code == "topics_not_seen" for each in notices)
        for each in judged:
            absent = looked and each.path.kind is PathKind.DEAD_LETTER and not each.path.topic
            if each.verdict is WindowVerdict.UNKNOWN and not absent:
                failures.append(Notice("path_not_judged", f"{table}: {each.path.kind}: {each.reason}."))
    return Measured(tuple(measures), tuple(dict.fromkeys(failures)))


def dedup_tables(gateways: Gateways, wish: Wish) -> Each[Sequence[Any]]:
    """As `dedup status`."""

    def look(table: str) -> Sequence[Any]:
        params = dedup_status.DedupStatusParams(table=table)
        found: Sequence[Any] = dedup_status.report(dedup_status.observe(gateways, params), params).data
        return found

    return _each(wish.dedup_tables or _mapped(gateways, "dedup"), look)


def dedup_sizes(seen: Each[Sequence[Any]], wish: Wish) -> Measured:
    """Bytes of each table with its indexes."""
    return _by_name({table: sum(row.size_bytes for row in rows) for table, rows in seen.found.items()}, seen.failures)


def outboxes(gateways: Gateways, wish: Wish) -> Each[outbox_status.OutboxStatus]:
    """As `outbox status`."""

    def look(table: str) -> outbox_status.OutboxStatus:
        params = outbox_status.OutboxStatusParams(table=table, window=1_000)
        found: outbox_status.OutboxStatus = outbox_status.report(outbox_status.observe(gateways, params), params).data
        return found

    return _each(wish.outbox_tables or _marked_outboxes(gateways), look)


def oldest_pending(seen: Each[outbox_status.OutboxStatus], wish: Wish) -> Measured:
    """The age of each outbox's oldest pending event; nothing pending has no age."""
    return _by_name({table: one.oldest_pending_age_ms or 0 for table, one in seen.found.items()}, seen.failures)


def failed_events(seen: Each[outbox_status.OutboxStatus], wish: Wish) -> Measured:
    """Events that have used up their retries."""
    return _by_name({table: one.failed for table, one in seen.found.items()}, seen.failures)


def slots(gateways: Gateways, wish: Wish) -> tuple[Slot, ...]:
    """The replication slots, as `doctor` sees them."""
    return tuple(Slot(**one) for one in gateways.database.query("doctor_slots"))


def slot_wal(seen: tuple[Slot, ...], wish: Wish) -> Measured:
    """WAL that each slot keeps. A slot that is lost or about to be, or of the wish and not there, is critical."""
    chosen = [one for one in seen if not wish.slots or one.slot in wish.slots]
    measures = [
        Measure((one.slot,), one.kept_bytes if one.wal_status != "lost" else None, Level.CRITICAL,
                _LOST[one.wal_status]) if one.wal_status in _LOST else Measure((one.slot,), one.kept_bytes or 0)
        for one in chosen
    ]  # fmt: skip
    have = {one.slot for one in chosen}
    gone = [one for one in wish.slots if one not in have]
    measures += [Measure((one,), None, Level.CRITICAL, "The slot does not exist on this server.") for one in gone]
    return Measured(tuple(measures))


def nothing_missing(gateways: Gateways, wish: Wish) -> str:
    """For a check that has something to look at wherever its servers are."""
    return ""


def no_dedup(gateways: Gateways, wish: Wish) -> str:
    """Why there is no dedup table to look at; "" when there is one."""
    return "" if wish.dedup_tables or _mapped(gateways, "dedup") else "the profile maps no table in tables.dedup"


def no_offsets(gateways: Gateways, wish: Wish) -> str:
    """Why there is no table of offsets to look at."""
    return "" if wish.offsets_tables or _mapped(gateways, "offsets") else "the profile maps no table in tables.offsets"


def no_outbox(gateways: Gateways, wish: Wish) -> str:
    """Why there is no outbox to look at: a table that only Debezium reads has no marks to look at."""
    if wish.outbox_tables or _marked_outboxes(gateways):
        return ""
    return "the profile maps no table in tables.outbox with marks"


def _mapped(gateways: Gateways, noun: str) -> tuple[str, ...]:
    """The mappings' names; "" where there is no mapping of names, for the operation itself to say what is wrong."""
    known = (gateways.profile.get("tables") or {}).get(noun) or {}
    return tuple(known) if isinstance(known, Mapping) else ("",)


def _marked_outboxes(gateways: Gateways) -> tuple[str, ...]:
    known = (gateways.profile.get("tables") or {}).get("outbox")
    marks = ("published_at", "retry_count", "last_error")
    unmarked = {
        name
        for name, one in (known.items() if isinstance(known, Mapping) else ())
        if isinstance(one, Mapping) and not all(one.get(mark, mark) for mark in marks)
    }
    return tuple(name for name in _mapped(gateways, "outbox") if name not in unmarked)


def _each(names: Iterable[str], look: Callable[[str], T]) -> Each[T]:
    """Looks at each. A server that is gone ends it: the others would wait for it in vain."""
    found, failures = {}, []
    for name in names:
        try:
            found[name] = look(name)
        except Unreachable:
            raise
        except EosctlError as error:
            notice = error.notice()
            failures.append(
                Notice(
                    notice.code, f"{name}: {notice.message}" if name not in ("*", "") else notice.message, error.hint
                )
            )
    return Each(found, tuple(failures))


def _by_name(values: Mapping[str, int], failures: Iterable[Notice]) -> Measured:
    return Measured(tuple(Measure((name,), value) for name, value in values.items()), tuple(failures))


def _exists(seen: OffsetsSeen, topic: str, partition: int) -> bool:
    return partition < seen.counts.get(topic, 0)
