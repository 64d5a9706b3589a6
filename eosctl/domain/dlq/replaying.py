"""What becomes of each dead letter in a replay, and the record that is produced. Pure; millions pass here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eosctl.domain.dlq import tally
from eosctl.domain.dlq.decoding import REPLAY_COUNT, Reader, decode_integer
from eosctl.domain.dlq.dialects import Dialect
from eosctl.domain.dlq.identity import by_content, by_message_id, by_origin, id_header
from eosctl.domain.dlq.records import RawRecord, RehydratedRecord
from eosctl.domain.dlq.seen import SeenIdentities, digest_of
from eosctl.domain.dlq.selection import Selection, matcher_of

_SHAPES = 4_096
_RECORD_OVERHEAD = 100
"""Bytes of batch header and record framing at the most (Kafka's DefaultRecordBatch: 61 and up to 21)."""


@dataclass(frozen=True)
class Target:
    """A topic that records go to. `by_key`: its partition count changed, so keys are placed anew."""

    partitions: int
    largest_bytes: int = 1_048_588
    compacted: bool = False
    keeps_ms: int = -1
    by_key: bool = False


@dataclass(frozen=True)
class ReplayRules:
    """How a replay works. `to` is "" for each record's origin; `window_ms` 0 switches the dedup window off."""

    source: str
    job: str
    ledger: str
    parked: str
    to: str = ""
    selection: Selection = field(default_factory=Selection)
    targets: Mapping[str, Target] = field(default_factory=dict)
    window_ms: int = 2_592_000_000
    max_replays: int = 3
    keep_headers: bool = False
    origin_timestamp: bool = True
    hold_key: bool = True
    limit: int = 0
    rate_per_s: int = 0
    batch_size: int = 10_000
    origin_order: bool = False
    processed_in: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to produce, raw; partition -1 leaves it to Java's murmur2; `timestamp_ms` 0 is now."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, str | bytes | None]]
    timestamp_ms: int = 0


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a sequence of header names says, looked up once."""

    dialect: Dialect | None
    kept: tuple[int, ...]
    topic: int
    partition: int
    offset: int
    timestamp: int
    message_id: int
    replays: int


class Replayer:
    """Decides record after record. `before` holds identities of other runs within the window, `mine` of this run.

    `processed` are the places, on the dead-letter topic, of the present batch that a consumer has processed after all.
    """

    def __init__(self, rules: ReplayRules, reader: Reader, now_ms: int) -> None:
        self.rules = rules
        self.before = SeenIdentities()
        self.mine = SeenIdentities()
        self.held_keys: set[bytes] = set()
        self.processed: frozenset[tuple[int, int]] = frozenset()
        self.new_digests: list[bytes] = []
        self.new_holds: list[bytes] = []
        self._reader = reader
        self._now_ms = now_ms
        self._matches = matcher_of(rules.selection, reader)
        self._shapes: dict[tuple[str, ...], _Shape] = {}

    def decide(self, record: RawRecord) -> tuple[str, Outgoing | None]:
        """The outcome (a name of `tally`), and what to produce: to the target or to the parked topic."""
        if self._matches is not None and not self._matches(record):
            return tally.FILTERED, None
        headers = record.headers() or ()
        shape = self._shape(headers)
        topic_raw = headers[shape.topic][1] if shape.topic >= 0 else None
        origin = self._origin_topic(shape, topic_raw)
        target = self.rules.to or origin
        key = record.key()
        if not target or target not in self.rules.targets:
            return self._held(tally.HELD_ORIGIN, key), None
        partition = _number(headers, shape.partition, shape.dialect, 4)
        count = max(_number(headers, shape.replays, None, 0), 0)
        place = (partition, _number(headers, shape.offset, shape.dialect, 8))
        digest = self._digest(record, headers, shape, target=target, origin=origin, at=place, count=count)
        if digest in self.mine:
            return tally.SKIPPED_RUN, None
        if len(self.before) and digest in self.before:
            return tally.SKIPPED_WINDOW, None
        if self.processed and (record.partition() or 0, record.offset() or 0) in self.processed:
            return tally.SKIPPED_PROCESSED, None
        if self.held_keys and key is not None and digest_of(key) in self.held_keys:
            return tally.HELD_KEY, None
        if _is_bare_pointer(record, shape):
            return tally.HELD_LOST, None
        about = self.rules.targets[target]
        if about.compacted and key is None:
            return self._held(tally.HELD_NULL_KEY, None), None
        if count >= self.rules.max_replays:
            return self._parked(tally.PARKED_LOOP, record, headers, digest)
        outgoing = self._outgoing(record, headers, shape, target=target, partition=partition, count=count)
        if _size(outgoing) > about.largest_bytes:
            return self._parked(tally.PARKED_SIZE, record, headers, digest)
        self._remember(digest)
        return tally.REPLAYED, outgoing

    def origin_offset(self, record: RawRecord, otherwise: int) -> int:
        """The origin's offset, or `otherwise` when the headers tell none."""
        headers = record.headers() or ()
        shape = self._shape(headers)
        found = _number(headers, shape.offset, shape.dialect, 8)
        return found if found >= 0 else otherwise

    def pointer(self, record: RawRecord) -> tuple[str, int, int] | None:
        """Topic, partition and offset of the record that a dead letter without key and value stands for, else None."""
        if record.value() is not None or record.key() is not None:
            return None
        headers = record.headers() or ()
        shape = self._shape(headers)
        if not _is_bare_pointer(record, shape) or shape.topic < 0:
            return None
        at = (_number(headers, shape.partition, shape.dialect, 4), _number(headers, shape.offset, shape.dialect, 8))
        topic = self._origin_topic(shape, headers[shape.topic][1])
        return (topic, *at) if topic and min(at) >= 0 else None

    def committed(self) -> None:
        """The batch is in Kafka for good."""
        self.new_digests = []
        self.new_holds = []

    def _remember(self, digest: bytes) -> None:
        self.mine.add(digest)
        self.new_digests.append(digest)

    def _held(self, outcome: str, key: bytes | None) -> str:
        if self.rules.hold_key and key is not None:
            hashed = digest_of(key)
            self.held_keys.add(hashed)
            self.new_holds.append(hashed)
        return outcome

    def _parked(self, outcome: str, record: RawRecord, headers: Any, digest: bytes) -> tuple[str, Outgoing]:
        self._held(outcome, record.key())
        self._remember(digest)
        kept = [*headers, ("eosctl-parked-reason", outcome.encode())]
        return outcome, Outgoing(self.rules.parked, -1, record.key(), record.value(), kept)

    def _outgoing(
        self, record: RawRecord, headers: Any, shape: _Shape, *, target: str, partition: int, count: int
    ) -> Outgoing:
        about = self.rules.targets[target]
        kept = [headers[at] for at in shape.kept]
        kept.append((REPLAY_COUNT, b"%d" % (count + 1)))
        key = record.key()
        place = partition if 0 <= partition < about.partitions and not about.by_key else -1
        stamp = 0
        if self.rules.origin_timestamp:
            written = _number(headers, shape.timestamp, shape.dialect, 8)
            stamp = written if written > 0 else _written_ms(record)
            if about.keeps_ms >= 0 and stamp < self._now_ms - about.keeps_ms:
                stamp = 0
        return Outgoing(target, place, key, record.value(), kept, max(stamp, 0))

    def _digest(
        self,
        record: RawRecord,
        headers: Any,
        shape: _Shape,
        *,
        target: str,
        origin: str,
        at: tuple[int, int],
        count: int,
    ) -> bytes:
        """Origin; else message id, else content, each with its replay count: a record that failed anew is a new one."""
        if origin and at[0] >= 0 and at[1] >= 0:
            return by_origin(target.encode(), origin.encode(), *at)
        scope = target.encode() + (b"/%d" % count if count else b"")
        named = headers[shape.message_id][1] if shape.message_id >= 0 else None
        if named:
            return by_message_id(scope, named)
        return by_content(scope, record.key(), record.value())

    def _origin_topic(self, shape: _Shape, raw: bytes | None) -> str:
        if not raw or shape.dialect is None:
            return ""
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return ""
        if shape.dialect.name == "masstransit":
            return self._reader.read(((shape.dialect.topic[0], raw), (shape.dialect.marks[0], b""))).origin.topic or ""
        return text

    def _shape(self, headers: Any) -> _Shape:
        names = tuple([name for name, _ in headers])
        found = self._shapes.get(names)
        if found is None:
            if len(self._shapes) >= _SHAPES:
                self._shapes.clear()
            found = self._shapes[names] = self._shape_of(names)
        return found

    def _shape_of(self, names: tuple[str, ...]) -> _Shape:
        dialect = self._reader.dialect_of(names)
        kept = tuple(
            at
            for at, name in enumerate(names)
            if name != REPLAY_COUNT and (self.rules.keep_headers or not self._reader.strips(name, dialect))
        )
        first = {name: at for at, name in reversed(list(enumerate(names)))}
        last = {name: at for at, name in enumerate(names)}

        def place(field: str) -> int:
            options = getattr(dialect, field) if dialect else ()
            return next((first[one] for one in options if one in first), -1)

        named = id_header(names)
        return _Shape(dialect, kept, place("topic"), place("partition"), place("offset"), place("timestamp"),
                      -1 if named is None else named, last.get(REPLAY_COUNT, -1))  # fmt: skip


def _is_bare_pointer(record: RawRecord, shape: _Shape) -> bool:
    """Whether the record only names where it came from (KIP-1191 without copies): nothing to replay by itself."""
    if shape.dialect is None or not shape.dialect.pointer_only or isinstance(record, RehydratedRecord):
        return False
    return record.key() is None and record.value() is None


def _written_ms(record: RawRecord) -> int:
    return record.origin_ms if isinstance(record, RehydratedRecord) else record.timestamp()[1]


def _number(headers: Any, at: int, dialect: Dialect | None, width: int) -> int:
    """The integer of a header; -1 when there is none or it can't be read."""
    if at < 0:
        return -1
    raw = headers[at][1]
    if dialect is not None and dialect.integers == "binary" and raw is not None and len(raw) == width:
        return int.from_bytes(raw, "big", signed=True)
    found = decode_integer(raw or b"", dialect.integers if dialect else "text", width)
    return -1 if found is None else found


def _size(one: Outgoing) -> int:
    """An upper bound of the record's size in a batch of its own, uncompressed."""
    size = _RECORD_OVERHEAD + len(one.key or b"") + len(one.value or b"")
    for name, value in one.headers:
        size += len(name) * 3 + len(value or b"") + 10
    return size
