"""`dlq list`: the topics that hold dead letters, by name, by the headers of their newest records, by connectors."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from eosctl.core.counts import counted
from eosctl.core.durations import time_from_ms
from eosctl.core.errors import Notice
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, Regex, param
from eosctl.core.report import Report, column
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.dlq.records import RawRecord
from eosctl.domain.dlq.rows import letter_of
from eosctl.domain.kafka import LogOffsets, Topic, TopicPartition
from eosctl.operations.connector_dead_letters import ConnectorTopics, connector_topics
from eosctl.operations.dead_letters import reader_of
from eosctl.ports import Gateways

_HOUR_MS = 3_600_000
_TOP = 3
_LEDGER = ".replayed"


class DlqListParams(Params):
    """How to find them."""

    name: Regex = param(
        r"(?i)(^|[._-])(dlt|dlq|dead-?letters?|errors?|poison)([._-]|$)", help="Names of dead-letter topics"
    )
    sample: int = param(200, help="Newest records of each partition to look at", ge=1, le=10_000)
    every_topic: bool = param(False, help="Sample topics of any name, too")


@dataclass(frozen=True)
class DlqRow:
    """A dead-letter topic. `expires_in_ms` until the oldest record may be deleted for good."""

    topic: str
    records: int
    oldest_at: datetime | None
    newest_at: datetime | None = field(metadata=column(wide=True))
    growth_an_hour_records: int
    expires_in_ms: int | None
    origin_topics: tuple[str, ...]
    top_causes: tuple[str, ...]
    found_by: str = field(metadata=column(wide=True))


@dataclass(frozen=True)
class TopicSeen:
    """One topic: its log, when its oldest and newest sampled records were written, what its headers say."""

    topic: str
    records: int
    recent: int
    oldest_ms: int | None
    newest_ms: int | None
    retention_ms: int
    origins: Mapping[str, int]
    causes: Mapping[str, int]
    frameworks: Mapping[str, int]
    named: bool
    connectors: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListSeen:
    """The candidates, and when they were looked at."""

    topics: tuple[TopicSeen, ...]
    now_ms: int
    notices: tuple[Notice, ...] = ()
    failures: tuple[Notice, ...] = ()


def observe(gateways: Gateways, params: DlqListParams) -> ListSeen:
    """Samples the candidates' first and newest records."""
    import re

    pattern, reader = re.compile(params.name), reader_of(gateways)
    every = gateways.cluster.topics(include_internal=False)
    told, names = connector_topics(gateways), {one.name for one in every}
    chosen = [one for one in every
              if (params.every_topic or pattern.search(one.name) or one.name in told.connectors)
              and not is_ledger(one.name, names)]  # fmt: skip
    configs = gateways.cluster.topic_configs([one.name for one in chosen])
    now = gateways.clock.now_ms()
    seen = []
    for topic in chosen:
        value = configs.get(topic.name, {}).get("retention.ms")
        one = _sampled(gateways, topic, reader, sample=params.sample, now_ms=now)
        retention = int(value.value) if value is not None and value.value else -1
        seen.append(replace(one, retention_ms=retention, named=bool(pattern.search(topic.name)),
                            connectors=told.connectors.get(topic.name, ())))  # fmt: skip
    notices = (*told.notices, *_not_there(told, names))
    return ListSeen(tuple(seen), now, notices, told.failures)


def is_ledger(name: str, known: set[str]) -> bool:
    """Whether a topic holds the identities that were replayed from another one."""
    return name.endswith(_LEDGER) and name.removesuffix(_LEDGER) in known


def report(seen: ListSeen, params: DlqListParams) -> Report:
    """A row for each topic that is named like one, or whose sample has a framework's headers."""
    rows = tuple(_row(one, seen.now_ms) for one in seen.topics if one.frameworks or one.named or one.connectors)
    total = sum(one.records for one in rows)
    code = ExitCode.PARTLY_DONE if seen.failures else ExitCode.DONE
    return Report(rows, DlqRow, exit_code=code, warnings=seen.notices, errors=seen.failures,
                  summary=f"{counted(len(rows), 'dead-letter topic')}, {counted(total, 'record')}.")  # fmt: skip


def _not_there(told: ConnectorTopics, known: set[str]) -> list[Notice]:
    return [Notice("connector_topic_missing", f"{topic}, where {', '.join(names)} sends dead letters, is no topic.",
                   "Connect makes it when the connector starts, if it may.")
            for topic, names in sorted(told.connectors.items()) if topic not in known]  # fmt: skip


def _row(one: TopicSeen, now_ms: int) -> DlqRow:
    expires = None
    if one.retention_ms >= 0 and one.oldest_ms is not None:
        expires = max(0, one.oldest_ms + one.retention_ms - now_ms)
    return DlqRow(
        topic=one.topic,
        records=one.records,
        oldest_at=_time(one.oldest_ms),
        newest_at=_time(one.newest_ms),
        growth_an_hour_records=one.recent,
        expires_in_ms=expires,
        origin_topics=_most(one.origins),
        top_causes=_most(one.causes),
        found_by=_found_by(one),
    )


def _found_by(one: TopicSeen) -> str:
    parts = [f"connector: {', '.join(one.connectors)}"] if one.connectors else []
    parts += [f"headers: {', '.join(sorted(one.frameworks))}"] if one.frameworks else []
    return "; ".join(parts) or "name"


def _sampled(gateways: Gateways, topic: Topic, reader: Reader, *, sample: int, now_ms: int) -> TopicSeen:
    partitions = [one.partition for one in topic.partitions]
    logs = gateways.cluster.log_offsets(partitions)
    hour_ago = gateways.cluster.offsets_for_times(partitions, now_ms - _HOUR_MS)
    recent = sum(log.last_stable - (found if (found := hour_ago.get(one)) is not None else log.last_stable)
                 for one, log in logs.items())  # fmt: skip
    first = _read(
        gateways,
        topic.name,
        {one: (log.log_start, min(log.log_start + 1, log.last_stable)) for one, log in logs.items()},
    )
    newest = _read(gateways, topic.name, {one: (max(log.log_start, log.last_stable - sample), log.last_stable)
                                     for one, log in logs.items()})  # fmt: skip
    letters = [letter_of(one, reader) for one in newest]
    times = [one.timestamp()[1] for one in newest]
    return TopicSeen(
        topic=topic.name,
        records=_records(logs),
        recent=max(0, recent),
        oldest_ms=min([one.timestamp()[1] for one in (*first, *newest)], default=None),
        newest_ms=max(times, default=None),
        retention_ms=-1,
        origins=Counter(one.origin.topic for one in letters if one.origin.topic),
        causes=Counter(one.cause for one in letters if one.framework),
        frameworks=Counter(one.framework for one in letters if one.framework),
        named=False,
    )


def _read(gateways: Gateways, topic: str, ranges: Mapping[TopicPartition, tuple[int, int]]) -> list[RawRecord]:
    plain = {one.partition: both for one, both in ranges.items()}
    return [record for batch in gateways.dead_letters.batches(topic, plain) for record in batch.records]


def _records(logs: Mapping[TopicPartition, LogOffsets]) -> int:
    return sum(one.last_stable - one.log_start for one in logs.values())


def _most(counts: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(name for name, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:_TOP])


def _time(epoch_ms: int | None) -> datetime | None:
    return None if epoch_ms is None else time_from_ms(epoch_ms)


OPERATION = Query(
    name="dlq.list",
    summary="List the topics that hold dead letters",
    params=DlqListParams,
    result=DlqRow,
    needs=("kafka",),
    observe=observe,
    report=report,
    details="Topics are found by name, by the configuration of sink connectors where the profile has a connect.url, "
    "and with --every-topic by the headers of their newest records. Records are "
    "counted by offsets, so markers and compacted gaps count too.",
    examples=(Example("eosctl dlq list", "Which dead-letter topics there are, and how long their oldest lives."),),
)
