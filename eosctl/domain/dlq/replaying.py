"""What becomes of each dead letter in a replay, and the record that is produced. Pure; millions pass here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from eosctl.domain.dlq import tally
from eosctl.domain.dlq.decoding import OURS, PARKED_REASON, REPLAY_COUNT, Reader
from eosctl.domain.dlq.guard import NOWHERE, Destination, Marks, origin_header
from eosctl.domain.dlq.identity import by_content, by_message_id, by_origin, id_header
from eosctl.domain.dlq.records import RawRecord
from eosctl.domain.dlq.seen import SeenIdentities, digest_of
from eosctl.domain.dlq.selection import Selection, matcher_of
from eosctl.domain.dlq.shapes import Shape, is_bare_pointer, number_at, written_ms_of

_SHAPES = 4_096
_NAME = itemgetter(0)
_FIRST = (REPLAY_COUNT, b"1")
_RECORD_OVERHEAD = 100
"""Bytes of batch header and record framing at the most (Kafka's DefaultRecordBatch: 61 and up to 21)."""


@dataclass(frozen=True)
class Target:
    """A topic that records go to. `by_key`: its partition count changed, so keys are placed anew.

    A producer's time may be at most `behind_ms` older and `ahead_ms` younger than the broker's (KIP-937).
    """

    partitions: int
    largest_bytes: int = 1_048_588
    compacted: bool = False
    keeps_ms: int = -1
    behind_ms: int = 2**63 - 1
    ahead_ms: int = 3_600_000
    by_key: bool = False

    def times(self, now_ms: int) -> tuple[int, int]:
        """The oldest and the newest timestamp of a record that is neither deleted at once nor refused."""
        oldest = self.behind_ms if self.keeps_ms < 0 else min(self.behind_ms, self.keeps_ms)
        return now_ms - oldest, now_ms + self.ahead_ms


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
    processed_group: str = ""
    passed_means_processed: bool = False
    guard_newer: bool = False


class Outgoing(NamedTuple):
    """A record to produce, raw; partition -1 leaves it to Java's murmur2; `timestamp_ms` 0 is now.

    A tuple, for it is made millions of times: a frozen dataclass takes four times as long.
    """

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, str | bytes | None]]
    timestamp_ms: int = 0


class Replayer:
    """Decides record after record. `before` holds identities of other runs within the window, `mine` of this run.

    `processed` gives an outcome to places, on the dead-letter topic, of the present batch by what a consumer keeps;
    `marks` what the targets hold of the batch's keys, None without `--guard-newer`. `find` tells of a topic that is no
    target yet, None when it can't be one.
    """

    def __init__(self, rules: ReplayRules, reader: Reader, now_ms: int) -> None:
        self.rules = rules
        self.targets = dict(rules.targets)
        self.find: Callable[[str], Target | None] | None = None
        self.before = SeenIdentities()
        self.mine = SeenIdentities()
        self.held_keys: set[bytes] = set()
        self.processed: Mapping[tuple[int, int], str] = {}
        self.marks: Marks | None = None
        self.new_digests: list[bytes] = []
        self.new_holds: list[bytes] = []
        self._reader = reader
        self._now_ms = now_ms
        self._to, self._max_replays = rules.to, rules.max_replays
        self._matches = matcher_of(rules.selection, reader)
        self._shapes: dict[tuple[str, ...], Shape] = {}
        self._strange: set[str] = set()
        self._times: dict[str, tuple[int, int]] = {}

    def decide(self, record: RawRecord) -> tuple[str, Outgoing | None]:
        """The outcome (a name of `tally`), and what to produce: to the target or to the parked topic."""
        if self._matches is not None and not self._matches(record):
            return tally.FILTERED, None
        headers = record.headers() or ()
        shape = self._shape(headers)
        origin = self._origin_topic(shape, headers[shape.topic][1]) if shape.topic >= 0 else ""
        target = self._to or origin
        key = record.key()
        if target not in self.targets and not self._finds(target):
            return self._held(tally.HELD_ORIGIN, key), None
        partition = number_at(headers, shape.partition, shape.dialect, 4)
        count = max(number_at(headers, shape.replays, None, 0), 0) if shape.replays >= 0 else 0
        offset = number_at(headers, shape.offset, shape.dialect, 8)
        if origin and partition >= 0 and offset >= 0:
            digest = by_origin(target, origin, partition, offset)
        else:
            digest = self._digest(record, headers, shape, target, count)
        known = self._known(record, digest) or (
            tally.HELD_LOST if key is None and is_bare_pointer(record, shape) else ""
        )
        if known:
            return known, None
        about = self.targets[target]
        if about.compacted and key is None:
            return self._held(tally.HELD_NULL_KEY, None), None
        guarded = None
        if self.marks is not None:
            place = (partition, offset) if origin == target else NOWHERE
            guarded = self._guarded(record, headers, shape, target=target, place=place)
            if guarded and self.marks.has_newer(guarded):
                return self._held(tally.HELD_NEWER, key), None
        if count >= self._max_replays:
            return self._parked(tally.PARKED_LOOP, record, headers, digest)
        outgoing = self._outgoing(record, headers, shape, target, partition=partition, count=count)
        if guarded and origin and partition >= 0 and offset >= 0:
            outgoing.headers.append(origin_header(origin, (partition, offset)))
        if _is_larger(outgoing, about.largest_bytes):
            return self._parked(tally.PARKED_SIZE, record, headers, digest)
        self.mine.add_new(digest)
        self.new_digests.append(digest)
        if guarded and self.marks:
            self.marks.send(guarded)
        return tally.REPLAYED, outgoing

    def _finds(self, topic: str) -> bool:
        """Whether a topic that was not looked at beforehand is a target after all."""
        if not topic or self.find is None or topic in self._strange:
            return False
        about = self.find(topic)
        if about is None:
            self._strange.add(topic)
            return False
        self.targets[topic] = about
        return True

    def _known(self, record: RawRecord, digest: bytes) -> str:
        """Why the record need not go, or must wait for its key; "" when it is new."""
        if digest in self.mine:
            return tally.SKIPPED_RUN
        if len(self.before) and digest in self.before:
            return tally.SKIPPED_WINDOW
        if self.processed and (said := self.processed.get((record.partition() or 0, record.offset() or 0))):
            return self._held(said, record.key()) if said == tally.HELD_AHEAD else said
        if self.held_keys and (key := record.key()) is not None and digest_of(key) in self.held_keys:
            return tally.HELD_KEY
        return ""

    def destination(self, record: RawRecord) -> Destination | None:
        """Where a selected record with a key goes, for the look at newer ones; None when it goes nowhere."""
        if self._matches is not None and not self._matches(record):
            return None
        headers = record.headers() or ()
        shape = self._shape(headers)
        origin = self._origin_topic(shape, headers[shape.topic][1] if shape.topic >= 0 else None)
        target = self.rules.to or origin
        if target not in self.targets:
            return None
        at = (number_at(headers, shape.partition, shape.dialect, 4), number_at(headers, shape.offset, shape.dialect, 8))
        return self._guarded(record, headers, shape, target=target, place=at if origin == target else NOWHERE)

    def _guarded(
        self, record: RawRecord, headers: Any, shape: Shape, *, target: str, place: tuple[int, int]
    ) -> Destination | None:
        key = record.key()
        if key is None or not self.rules.guard_newer:
            return None
        written = number_at(headers, shape.timestamp, shape.dialect, 8)
        known = place if min(place) >= 0 else NOWHERE
        return Destination(target, key, known, written if written > 0 else written_ms_of(record))

    def origin_offset(self, record: RawRecord, otherwise: int) -> int:
        """The origin's offset, or `otherwise` when the headers tell none."""
        headers = record.headers() or ()
        shape = self._shape(headers)
        found = number_at(headers, shape.offset, shape.dialect, 8)
        return found if found >= 0 else otherwise

    def pointer(self, record: RawRecord) -> tuple[str, int, int] | None:
        """Topic, partition and offset of the record that a dead letter without key and value stands for, else None."""
        if record.value() is not None or record.key() is not None:
            return None
        headers = record.headers() or ()
        shape = self._shape(headers)
        if not is_bare_pointer(record, shape) or shape.topic < 0:
            return None
        at = (number_at(headers, shape.partition, shape.dialect, 4), number_at(headers, shape.offset, shape.dialect, 8))
        topic = self._origin_topic(shape, headers[shape.topic][1])
        return (topic, *at) if topic and min(at) >= 0 else None

    def committed(self) -> None:
        """The batch is in Kafka for good."""
        self.new_digests = []
        self.new_holds = []

    def rolled_back(self) -> None:
        """The batch was aborted: nothing of it is in Kafka."""
        for digest in self.new_digests:
            self.mine.discard(digest)
        self.held_keys.difference_update(self.new_holds)
        self.committed()

    def _held(self, outcome: str, key: bytes | None) -> str:
        if self.rules.hold_key and key is not None:
            hashed = digest_of(key)
            if hashed not in self.held_keys:
                self.held_keys.add(hashed)
                self.new_holds.append(hashed)
        return outcome

    def _parked(self, outcome: str, record: RawRecord, headers: Any, digest: bytes) -> tuple[str, Outgoing]:
        self._held(outcome, record.key())
        self.mine.add_new(digest)
        self.new_digests.append(digest)
        kept = [*headers, (PARKED_REASON, outcome.encode())]
        return outcome, Outgoing(self.rules.parked, -1, record.key(), record.value(), kept)

    def _outgoing(
        self, record: RawRecord, headers: Any, shape: Shape, target: str, *, partition: int, count: int
    ) -> Outgoing:
        about = self.targets[target]
        kept = [headers[at] for at in shape.kept] if shape.kept else []
        kept.append(_FIRST if count == 0 else (REPLAY_COUNT, b"%d" % (count + 1)))
        place = partition if 0 <= partition < about.partitions and not about.by_key else -1
        stamp = 0
        if self.rules.origin_timestamp:
            stamp = number_at(headers, shape.timestamp, shape.dialect, 8)
            if stamp <= 0:
                stamp = written_ms_of(record)
            oldest, newest = self._times.get(target) or self._times_of(target)
            if not oldest <= stamp <= newest or stamp < 0:
                stamp = 0
        return Outgoing(target, place, record.key(), record.value(), kept, stamp)

    def _times_of(self, target: str) -> tuple[int, int]:
        """The oldest and the newest timestamp that the target takes."""
        found = self._times[target] = self.targets[target].times(self._now_ms)
        return found

    def _digest(self, record: RawRecord, headers: Any, shape: Shape, target: str, count: int) -> bytes:
        """By message id, else content, each with its replay count: a record that failed anew is a new one."""
        scope = target.encode() + (b"/%d" % count if count else b"")
        named = headers[shape.message_id][1] if shape.message_id >= 0 else None
        if named:
            return by_message_id(scope, named)
        return by_content(scope, record.key(), record.value())

    def _origin_topic(self, shape: Shape, raw: bytes | None) -> str:
        if not raw or shape.dialect is None:
            return ""
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return ""
        if shape.dialect.name == "masstransit":
            return self._reader.read(((shape.dialect.topic[0], raw), (shape.dialect.marks[0], b""))).origin.topic or ""
        return text

    def _shape(self, headers: Any) -> Shape:
        names = tuple(map(_NAME, headers))
        found = self._shapes.get(names)
        if found is None:
            if len(self._shapes) >= _SHAPES:
                self._shapes.clear()
            found = self._shapes[names] = self._shape_of(names)
        return found

    def _shape_of(self, names: tuple[str, ...]) -> Shape:
        dialect = self._reader.dialect_of(names)
        kept = tuple(
            at
            for at, name in enumerate(names)
            if name not in OURS and (self.rules.keep_headers or not self._reader.strips(name, dialect))
        )
        first = {name: at for at, name in reversed(list(enumerate(names)))}
        last = {name: at for at, name in enumerate(names)}

        def place(field: str) -> int:
            options = getattr(dialect, field) if dialect else ()
            return next((first[one] for one in options if one in first), -1)

        named = id_header(names)
        return Shape(dialect, kept, place("topic"), place("partition"), place("offset"), place("timestamp"),
                      -1 if named is None else named, last.get(REPLAY_COUNT, -1))  # fmt: skip


def _is_larger(one: Outgoing, limit: int) -> bool:
    """Whether an upper bound of the record's size, in a batch of its own and uncompressed, is above the limit."""
    size = _RECORD_OVERHEAD + len(one.key or b"") + len(one.value or b"")
    for name, value in one.headers:
        size += len(name) * 3 + len(value or b"") + 10
    return size > limit
