"""Which run of a shared job all members are at, told by the ledger's order alone. Pure.

A run begins with a record of the ledger that names its frozen ranges, and is over with another one. Each is written in
a transaction that first read everything before its own place in the ledger, so members can't disagree.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


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
class SharedRuns:
    """What the ledger, read in its order, says of a job."""

    job: str
    current: SharedBegin | None = None
    over: set[str] = field(default_factory=set)

    @property
    def begin_key(self) -> bytes:
        """The key of a record that begins a run; the slash keeps it apart from identities."""
        return f"shared/{self.job}/begin".encode()

    @property
    def over_key(self) -> bytes:
        """The key of a record that ends one."""
        return f"shared/{self.job}/over".encode()

    def read(self, key: bytes | None, value: bytes | None) -> bool:
        """Takes one ledger record in; whether it was about this job's runs. A record that nobody can read is none."""
        if key == self.over_key:
            self.over.add((value or b"").decode("utf-8", "replace"))
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
