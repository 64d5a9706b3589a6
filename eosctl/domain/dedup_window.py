"""Is the memory long enough? Every way in which a record comes again, against what a dedup table remembers. Pure.

An entry counts from when it was processed, a record from its timestamp, which is earlier: counts are upper bounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from eosctl.core.durations import format_duration_ms

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DEAD_LETTERS_AT_LEAST_MS = 30 * DAY_MS
FOREVER = None


class PathKind(StrEnum):
    """How a record comes again."""

    RESTART = "consumer restart"
    REBALANCE = "group rebalance"
    RESET = "manual reset"
    DEAD_LETTER = "dead-letter replay"


class WindowVerdict(StrEnum):
    """`safe`, `unsafe`: records would be processed twice; `unknown`: not enough could be seen."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class RedeliveryPath:
    """One way. `needed_ms` is how long an entry must be kept for it, None for ever; `source` says how that is known.

    `known` is False for a path that nobody has seen to exist, or whose length could not be read. `topic` is "" for a
    path that no topic limits.
    """

    kind: PathKind
    topic: str
    needed_ms: int | None
    source: str
    known: bool = True


@dataclass(frozen=True)
class TopicRetention:
    """What the cluster says of a topic. `retention_ms` is None for ever; `oldest_at` its oldest record's timestamp."""

    topic: str
    retention_ms: int | None
    oldest_at: datetime | None


@dataclass(frozen=True)
class Memory:
    """What the table remembers. `ttl_ms` is how long entries are kept, None when nobody said.

    `purged` says that entries were deleted once: then what is older than the oldest entry is forgotten.
    """

    now: datetime
    ttl_ms: int | None
    oldest_at: datetime | None
    purged: bool

    @property
    def coverage_ms(self) -> int | None:
        """From the oldest entry until now, when a purge has run; None when nothing was ever forgotten."""
        if not self.purged:
            return None
        return round((self.now - self.oldest_at).total_seconds() * 1_000) if self.oldest_at else 0

    @property
    def forgotten_before(self) -> datetime | None:
        """Records before this moment are forgotten, or will be at the next purge; None when none is."""
        limits = [one for one in (self.ttl_ms, self.coverage_ms) if one is not None]
        return self.now - timedelta(milliseconds=min(limits)) if limits else None


@dataclass(frozen=True)
class JudgedPath:
    """A path and whether the memory covers it. `records_twice` counts what lies in the topic now, None when unknown."""

    path: RedeliveryPath
    verdict: WindowVerdict
    records_twice: int | None
    reason: str


def fixed_paths() -> tuple[RedeliveryPath, ...]:
    """Those that depend on no topic."""
    return (
        RedeliveryPath(PathKind.RESTART, "", HOUR_MS, "uncommitted work, minutes at most"),
        RedeliveryPath(PathKind.REBALANCE, "", HOUR_MS, "uncommitted work, seconds at most"),
    )


def reset_path(topic: TopicRetention, now: datetime) -> RedeliveryPath:
    """A reset can go back to the oldest record: the topic's retention, or longer while a segment outlives it."""
    if topic.retention_ms is None:
        return RedeliveryPath(PathKind.RESET, topic.topic, FOREVER, "the topic keeps records for ever")
    age_ms = _age_ms(topic, now)
    if age_ms > topic.retention_ms:
        return RedeliveryPath(PathKind.RESET, topic.topic, age_ms, "the age of its oldest record, past the retention")
    return RedeliveryPath(PathKind.RESET, topic.topic, topic.retention_ms, "the topic's retention")


def dead_letter_path(topic: TopicRetention, now: datetime) -> RedeliveryPath:
    """A replay can send what the dead-letter topic keeps; people replay after weeks, so at least 30 days."""
    if topic.retention_ms is None:
        return RedeliveryPath(PathKind.DEAD_LETTER, topic.topic, FOREVER, "the topic keeps records for ever")
    needed_ms = max(topic.retention_ms, _age_ms(topic, now), DEAD_LETTERS_AT_LEAST_MS)
    least = needed_ms == DEAD_LETTERS_AT_LEAST_MS
    source = "at least 30 days for replays" if least else "what the topic keeps"
    return RedeliveryPath(PathKind.DEAD_LETTER, topic.topic, needed_ms, source)


def unseen_reset() -> RedeliveryPath:
    """No topic is known."""
    return RedeliveryPath(PathKind.RESET, "", FOREVER, "no topic is known: give --topic or --group", known=False)


def unseen_dead_letters() -> RedeliveryPath:
    """No dead-letter topic is known: 30 days if there is one."""
    source = "no dead-letter topic is known: give --dead-letter-topic"
    return RedeliveryPath(PathKind.DEAD_LETTER, "", DEAD_LETTERS_AT_LEAST_MS, source, known=False)


def unread(kind: PathKind, topic: str, why: str) -> RedeliveryPath:
    """A topic that could not be looked at."""
    return RedeliveryPath(kind, topic, FOREVER, why, known=False)


def judge(path: RedeliveryPath, memory: Memory, records_twice: int | None) -> JudgedPath:
    """Whether the table remembers as long as the path needs.

    Unsafe when entries are kept for a shorter time than that, or when records that are in the topic now are older
    than what it remembers. A table of which nothing was ever deleted, and of which nobody said when, remembers all.
    """
    if memory.ttl_ms is None and not memory.purged:
        return JudgedPath(path, WindowVerdict.SAFE, 0, "no entry was ever deleted")
    promised = _covers(memory.ttl_ms, path.needed_ms) if memory.ttl_ms is not None else None
    if not path.known:
        safe = promised is True and path.needed_ms is not FOREVER and not records_twice
        verdict = WindowVerdict.SAFE if safe else WindowVerdict.UNKNOWN
        return JudgedPath(path, verdict, records_twice, path.source)
    if promised is False:
        return JudgedPath(path, WindowVerdict.UNSAFE, records_twice, f"entries are kept {_words(memory.ttl_ms)} only")
    coverage_ms = memory.coverage_ms
    if coverage_ms is not None and not _covers(coverage_ms, path.needed_ms):
        reason = f"entries older than {_words(coverage_ms)} were deleted"
        if records_twice:
            return JudgedPath(path, WindowVerdict.UNSAFE, records_twice, reason)
        if records_twice is None or promised is None:
            return JudgedPath(path, WindowVerdict.UNKNOWN, records_twice, reason)
        return JudgedPath(path, WindowVerdict.SAFE, 0, "the topic holds no record older than the oldest entry")
    return JudgedPath(path, WindowVerdict.SAFE, records_twice or 0, "")


def worst(judged: Sequence[JudgedPath]) -> WindowVerdict:
    """Unsafe outweighs unknown, and that outweighs safe."""
    verdicts = {one.verdict for one in judged}
    return next((one for one in (WindowVerdict.UNSAFE, WindowVerdict.UNKNOWN) if one in verdicts), WindowVerdict.SAFE)


def too_short(paths: Sequence[RedeliveryPath], age_ms: int) -> tuple[RedeliveryPath, ...]:
    """The known paths that need entries of that age, the longest first."""
    found = [one for one in paths if one.known and not _covers(age_ms, one.needed_ms)]
    return tuple(sorted(found, key=lambda one: (one.needed_ms is not FOREVER, -(one.needed_ms or 0))))


def retention_of(configs: Mapping[str, str | None]) -> int | None:
    """How long a topic keeps a record by its configuration, None for ever (compacted, or `retention.ms=-1`)."""
    if "delete" not in (configs.get("cleanup.policy") or "delete"):
        return FOREVER
    retention_ms = int(configs.get("retention.ms") or -1)
    return retention_ms if retention_ms >= 0 else FOREVER


def dead_letter_names(topic: str) -> tuple[str, ...]:
    """What dead-letter topics of a topic are usually called (Spring, Connect, and by hand)."""
    words = ("dlt", "DLT", "dlq", "DLQ", "dead-letter", "deadletter", "dead_letter")
    return tuple(f"{topic}{mark}{word}" for mark in "-._" for word in words)


def needed_words(path: RedeliveryPath) -> str:
    """`7d`, or `for ever`."""
    return _words(path.needed_ms)


def written_up(duration_ms: int) -> str:
    """A duration that is at least as long, as a flag takes it: whole days, or whole hours."""
    hours = -(-duration_ms // HOUR_MS)
    return f"{hours}h" if hours % 24 else f"{hours // 24}d"


def _age_ms(topic: TopicRetention, now: datetime) -> int:
    return round((now - topic.oldest_at).total_seconds() * 1_000) if topic.oldest_at else 0


def _covers(kept_ms: int | None, needed_ms: int | None) -> bool:
    return kept_ms is not None and needed_ms is not FOREVER and kept_ms >= needed_ms


def _words(duration_ms: int | None) -> str:
    return "for ever" if duration_ms is None else format_duration_ms(duration_ms)
