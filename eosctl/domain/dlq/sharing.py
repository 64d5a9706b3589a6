"""Which run of a shared job all members are at, told by the ledger's order alone, and what each has to do. Pure.

A run begins with a record of the ledger that names its frozen ranges, and is over with another one. Each is written in
a transaction that first read everything before its own place in the ledger, so members can't disagree.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from eosctl.domain.dlq.canary import CanaryStart
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.dlq.records import RawRecord


@dataclass(frozen=True)
class SharedBegin:
    """A run, the selection that it was begun for, and its half-open offset range by partition."""

    run: str
    selection: str
    ranges: Mapping[int, tuple[int, int]]

    def text(self) -> bytes:
        """The ledger record's value."""
        ranges = {str(one): list(both) for one, both in self.ranges.items()}
        body = {"run": self.run, "selection": self.selection, "ranges": ranges}
        return json.dumps(body, separators=(",", ":")).encode()


@dataclass
class SharedCanary:
    """How far the first records of a run have come. `size` is the next batch's, `halts` how often it was halted.

    A halt ends this canary: whoever goes on begins another one.
    """

    start: CanaryStart | None = None
    size: int = 0
    passed: bool = False
    halted: str = ""
    halts: int = 0

    def read(self, body: Mapping[str, Any]) -> None:
        """Takes one record in. Raises ValueError, KeyError, TypeError, AttributeError when it is none of ours."""
        if "start" in body:
            self.start, self.size = CanaryStart.of(body["start"]), int(body["size"])
        elif "halted" in body:
            self.start, self.size, self.halted, self.halts = None, 0, str(body["halted"]), self.halts + 1
        elif self.start is not None:
            self.size = int(body["size"])
            self.passed = bool(body["passed"])


@dataclass
class SharedRuns:
    """What the ledger, read in its order, says of a job."""

    job: str
    current: SharedBegin | None = None
    over: set[str] = field(default_factory=set)
    canaries: dict[str, SharedCanary] = field(default_factory=dict)

    @property
    def begin_key(self) -> bytes:
        """The key of a record that begins a run; the slash keeps it apart from identities."""
        return f"shared/{self.job}/begin".encode()

    @property
    def over_key(self) -> bytes:
        """The key of a record that ends one."""
        return f"shared/{self.job}/over".encode()

    @property
    def canary_key(self) -> bytes:
        """The key of a record that says how far the first records have come."""
        return f"shared/{self.job}/canary".encode()

    def canary(self, run: str) -> SharedCanary:
        """What the ledger says of a run's first records."""
        return self.canaries.setdefault(run, SharedCanary())

    def read(self, key: bytes | None, value: bytes | None) -> bool:
        """Takes one ledger record in; whether it was about this job's runs. A record that nobody can read is none."""
        if key == self.over_key:
            self.over.add((value or b"").decode("utf-8", "replace"))
            return True
        if key == self.canary_key:
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                body = json.loads(value or b"")
                self.canary(str(body["run"])).read(body)
            return True
        if key != self.begin_key:
            return False
        found = _begin_of(value or b"")
        if found is not None:
            self.current = found
        return True

    def unfinished(self) -> SharedBegin | None:
        """The run that goes on, None when the last one is over."""
        return None if self.current is None or self.current.run in self.over else self.current


def _begin_of(value: bytes) -> SharedBegin | None:
    try:
        body = json.loads(value)
        ranges = {int(one): (int(start), int(end)) for one, (start, end) in body["ranges"].items()}
        return SharedBegin(str(body["run"]), str(body["selection"]), ranges)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def share_of(rate_per_s: int, mine: int, every: int) -> int:
    """A member's share of a rate, by how many of all partitions it has; at least 1, and 0 for no limit."""
    return max(1, rate_per_s * mine // max(every, 1)) if rate_per_s else 0


class Lanes:
    """Which partition's member replays a record when the order is that of the origins.

    A partition of an origin is one lane, so whatever partitions of the dead-letter topic a key lies in, one member
    has all of it. A record that tells no origin goes by its key. Headers and key alone decide: every member, and the
    one that takes over after a crash, deals the same.
    """

    def __init__(self, reader: Reader, partitions: Sequence[int]) -> None:
        self._reader = reader
        self._partitions = sorted(partitions)

    def of(self, record: RawRecord) -> int:
        """One of the partitions."""
        topic, partition = self._reader.place_of(record.headers() or ())
        key = record.key()
        if topic and partition is not None and partition >= 0:
            number = crc32(topic.encode()) + partition
        else:
            number = (record.partition() or 0) if key is None else crc32(key)
        return self._partitions[number % len(self._partitions)]
