"""Offsets of groups by name or pattern, as `export` and `snapshot` keep them. Reads only."""

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from eosctl.core.errors import UsageError
from eosctl.domain.offset_files import KeptOffset
from eosctl.operations.offsets_seen import OffsetsSeen, known_groups, look, require_known
from eosctl.ports import Gateways

_PATTERN = set("*?")


def look_at_groups(gateways: Gateways, words: Sequence[str], *, store: str, table: str) -> OffsetsSeen:
    """The groups that are named or matched. Raises UsageError (`unknown_group`) for a name or pattern without any."""
    known: list[str] = []
    if any(_PATTERN & set(word) for word in words):
        known = known_groups(gateways, store=store, table=table)
    names: set[str] = set()
    for word in words:
        found = {one for one in known if fnmatchcase(one, word)} if _PATTERN & set(word) else {word}
        if not found:
            raise UsageError("unknown_group", f"No group fits {word!r}.", hint="See `eosctl offsets show '*'`.")
        names |= found
    seen = look(gateways, sorted(names), store=store, table=table)
    for word in words:
        if not _PATTERN & set(word):
            require_known(gateways, seen, word, store=store, table=table)
    return seen


def kept_offsets(seen: OffsetsSeen, topics: Collection[str] = ()) -> tuple[KeptOffset, ...]:
    """By group, topic, partition and store."""
    kafka = [
        KeptOffset(group=group, topic=at.topic, partition=at.partition, offset=int(one.offset), store="kafka",
                   leader_epoch=one.leader_epoch, metadata=one.metadata)
        for group, offsets in seen.kafka.items() for at, one in offsets.items()
    ]  # fmt: skip
    table = [
        KeptOffset(group=group, topic=at.topic, partition=at.partition, offset=offset, store="db")
        for group, offsets in seen.table.items() for at, offset in offsets.items()
    ]  # fmt: skip
    wanted = [one for one in (*kafka, *table) if not topics or one.topic in topics]
    return tuple(sorted(wanted, key=lambda one: (one.group, one.topic, one.partition, one.store)))
