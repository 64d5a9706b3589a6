"""What the dead-letter commands share: the selection's flags, the topic's log, the profile's dialects."""

from eosctl.core.params import Moment, Params, Regex, param
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.dlq.dialects import Dialect, described
from eosctl.domain.dlq.selection import Selection, offset_ranges
from eosctl.ports import Gateways


class SelectionParams(Params):
    """Which dead letters."""

    topic: str = param(help="The dead-letter topic", positional=True, complete="topic")
    partition: tuple[int, ...] = param((), help="Only these partitions")
    offset_range: tuple[str, ...] = param((), help="Only these offsets, TO not included", metavar="P:FROM-TO")
    since: Moment | None = param(None, help="Only records written to the topic at or after this time")
    until: Moment | None = param(None, help="Only records written before this time")
    key: str | None = param(None, help="Only this key")
    cause: Regex | None = param(None, help="Only failures whose class, root cause or message matches")
    origin_topic: str | None = param(None, help="Only records of this topic", complete="topic")
    header: tuple[str, ...] = param((), help="Only records with this header", metavar="NAME=VALUE")
    where: str | None = param(
        None, help="Only records for which this CEL expression holds", metavar="EXPR",
        examples=("attempts >= 3 && origin_topic == 'orders'",),
    )  # fmt: skip


def selection_of(params: SelectionParams) -> Selection:
    """The flags as the pure rules take them."""
    return Selection(
        partitions=params.partition,
        ranges=offset_ranges(params.offset_range),
        since_ms=_ms(params.since),
        until_ms=_ms(params.until),
        key=params.key,
        cause=params.cause or "",
        origin_topic=params.origin_topic or "",
        headers=params.header,
        where=params.where or "",
    )


def dialects_of(gateways: Gateways) -> tuple[Dialect, ...]:
    """The profile's own dialects: `dialects: {NAME: {topic: HEADER, ...}}`."""
    section = gateways.profile.get("dialects") or {}
    return described([{"name": name, **fields} for name, fields in section.items()])


def reader_of(gateways: Gateways) -> Reader:
    """A reader of headers by these and the built-in dialects."""
    return Reader(dialects_of(gateways))


def stable_ranges(gateways: Gateways, topic: str) -> dict[int, tuple[int, int]]:
    """Log start and last stable offset of each partition: what is frozen. Raises UsageError (`unknown_topic`)."""
    partitions = [one.partition for one in gateways.cluster.topics((topic,))[0].partitions]
    logs = gateways.cluster.log_offsets(partitions)
    return {one.partition: (log.log_start, log.last_stable) for one, log in logs.items()}


def _ms(moment: Moment | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1_000)
