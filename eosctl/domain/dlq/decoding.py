"""Reads one record's headers by its dialect: origin, failure, what could not be read. Never guesses, never stops."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from eosctl.domain.dlq.dialects import BUILT_IN, Dialect, Integers

Headers = Sequence[tuple[str, bytes | None]]
UNREADABLE = "unreadable"
REPLAY_COUNT = "eosctl-replay-count"
REPLAY_ORIGIN = "eosctl-replay-origin"
PARKED_REASON = "eosctl-parked-reason"
OURS = frozenset({REPLAY_COUNT, REPLAY_ORIGIN, PARKED_REASON})
"""Headers that eosctl itself writes: no replay carries an older one on."""
_CAUSED_BY = re.compile(r"^Caused by: ([\w.$]+)", re.M)
_INT64_MAX = 2**63 - 1
_SHAPES = 4_096


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the record came from; None for what the headers do not tell or what can't be read."""

    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    timestamp_ms: int | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why it failed, as its framework tells. `cause_class` is the root cause; `attempts` None when not told."""

    failure_class: str | None = None
    cause_class: str | None = None
    message: str | None = None
    attempts: int | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record's dead-letter headers, read. `framework` is "" for a record that no dialect knows.

    `unreadable` names the headers whose bytes are not what the dialect says.
    """

    framework: str
    origin: Origin
    failure: Failure
    replays: int = 0
    unreadable: tuple[str, ...] = ()

    @property
    def cause(self) -> str:
        """What failures are grouped by: root cause, else the failure's class, else its message."""
        failure = self.failure
        return failure.cause_class or failure.failure_class or (failure.message or "").split("\n", 1)[0] or "unknown"


class Reader:
    """Reads headers by the dialects of a profile and the built-in ones; a shape of names is looked up once."""

    def __init__(self, own: Sequence[Dialect] = ()) -> None:
        self.dialects = (*own, *BUILT_IN)
        self._marks: dict[str, Dialect] = {}
        for dialect in reversed(self.dialects):
            self._marks |= dict.fromkeys(dialect.marks, dialect)
        self._places: dict[tuple[str, ...], _Place] = {}
        self._topics: dict[bytes, str] = {}

    def dialect_of(self, names: Sequence[str]) -> Dialect | None:
        """The dialect of a record with these header names: the first one that was written tells the origin."""
        marks = self._marks
        return next((marks[name] for name in names if name in marks), None)

    def strips(self, name: str, dialect: Dialect | None) -> bool:
        """Whether a replay drops the header: failure and retry headers, never the application's own.

        Names that only a framework would use are dropped from every record; plain words (`source_topic`) only from
        records of the framework that writes them.
        """
        if name in OURS or (dialect is not None and dialect.strips(name)):
            return True
        return any(one.strips(name) for one in BUILT_IN if one.name in ("spring", "connect", "streams", "share-group"))

    def cause_of(self, headers: Headers) -> str:
        """`read(headers).cause`, quickly where a header names the root cause; for counting millions."""
        at = self._place(headers).cause
        raw = headers[at][1] if at >= 0 else None
        if raw:
            try:
                return raw.decode()
            except UnicodeDecodeError:
                pass
        return self.read(headers).cause

    def place_of(self, headers: Headers) -> tuple[str | None, int | None]:
        """Topic and partition of `read(headers).origin`, quickly."""
        place = self._place(headers)
        if place.dialect is None:
            return None, None
        raw = headers[place.topic][1] if place.topic >= 0 else None
        topic = self._topics.get(raw) if raw else None
        if topic is None:
            topic = self.read(headers).origin.topic
            if topic and raw and len(self._topics) < _SHAPES:
                self._topics[raw] = topic
        number = headers[place.partition][1] if place.partition >= 0 else None
        return topic, decode_integer(number or b"", place.dialect.integers, 4)

    def _place(self, headers: Headers) -> "_Place":
        names = tuple([name for name, _ in headers])
        found = self._places.get(names)
        if found is None:
            if len(self._places) >= _SHAPES:
                self._places.clear()
            found = self._places[names] = _place_of(names, self.dialect_of(names))
        return found

    def read(self, headers: Headers) -> DeadLetter:
        """The headers decoded. The first of a name tells the origin, the last the newest failure."""
        first: dict[str, bytes | None] = {}
        for name, value in headers:
            first.setdefault(name, value)
        last = dict(headers)
        replays = _replays(last.get(REPLAY_COUNT))
        dialect = self.dialect_of(list(first))
        if dialect is None:
            return DeadLetter("", Origin(), Failure(), replays)
        bad: list[str] = []
        origin = Origin(
            topic=_origin_topic(dialect, _text(dialect.topic, first, bad)),
            partition=_integer(dialect.partition, first, dialect.integers, 4, bad),
            offset=_integer(dialect.offset, first, dialect.integers, 8, bad),
            timestamp_ms=_integer(dialect.timestamp, first, dialect.integers, 8, bad),
            group=_text(dialect.group, first, bad),
        )
        return DeadLetter(dialect.name, origin, _failure(dialect, last, bad), replays, tuple(bad))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where headers of these names have what is asked most often; -1 for nowhere."""

    dialect: Dialect | None
    topic: int = -1
    partition: int = -1
    cause: int = -1


def _place_of(names: tuple[str, ...], dialect: Dialect | None) -> _Place:
    if dialect is None:
        return _Place(None)
    first = {name: at for at, name in reversed(list(enumerate(names)))}
    last = {name: at for at, name in enumerate(names)}
    topic, partition, cause = (
        next((known[one] for one in options if one in known), -1)
        for options, known in ((dialect.topic, first), (dialect.partition, first), (dialect.cause_class, last))
    )
    # of several names for one thing, an empty first one gives way to the next in `read`: no short cut then
    return _Place(dialect, topic, partition, cause if len(dialect.cause_class) == 1 else -1)


def decode_integer(raw: bytes, integers: Integers, width: int) -> int | None:
    """A header's integer, None when it is not one. `width` is 4 for an int and 8 for a long; binary is exact.

    A width of 0 takes Java's BigInteger and any of 1, 4, 8 bytes.
    """
    if integers == "either":
        integers = "text" if raw.isdigit() or len(raw) not in (4, 8) else "binary"
    if integers == "text":
        return _from_text(raw)
    if (width and len(raw) != width) or not 1 <= len(raw) <= 8:
        return None
    value = int.from_bytes(raw, "big", signed=True)
    return value if value >= 0 else None


def _from_text(raw: bytes) -> int | None:
    if not raw.isdigit() or len(raw) > 19:
        return None
    value = int(raw)
    return value if value <= _INT64_MAX else None


def _failure(dialect: Dialect, last: dict[str, bytes | None], bad: list[str]) -> Failure:
    stacktrace = _text(dialect.stacktrace, last, bad)
    cause = _text(dialect.cause_class, last, bad)
    if cause is None and stacktrace:
        roots = _CAUSED_BY.findall(stacktrace)
        cause = roots[-1] if roots else None
    width = 0 if dialect.integers == "binary" else 4
    return Failure(
        failure_class=_text(dialect.failure_class, last, bad),
        cause_class=cause,
        message=_text(dialect.message, last, bad),
        attempts=_integer(dialect.attempts, last, dialect.integers, width, bad),
    )


def _text(names: Sequence[str], headers: dict[str, bytes | None], bad: list[str]) -> str | None:
    for name in names:
        raw = headers.get(name)
        if raw is not None:
            try:
                return raw.decode("utf-8")
            except UnicodeDecodeError:
                bad.append(name)
                return None
    return None


def _integer(
    names: Sequence[str], headers: dict[str, bytes | None], integers: Integers, width: int, bad: list[str]
) -> int | None:
    for name in names:
        if name not in headers:
            continue
        value = decode_integer(headers[name] or b"", integers, width)
        if value is None:
            bad.append(name)
        return value
    return None


def _origin_topic(dialect: Dialect, text: str | None) -> str | None:
    """MassTransit gives an address; its last part is the topic."""
    if text and dialect.name == "masstransit":
        return text.rstrip("/").rsplit("/", 1)[-1].partition("?")[0].removeprefix("topic:")
    return text or None


def _replays(raw: bytes | None) -> int:
    return (_from_text(raw) or 0) if raw else 0
