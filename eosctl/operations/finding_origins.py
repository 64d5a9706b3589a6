"""Origins that a replay without a scan meets on its way: looked at when their first record comes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from eosctl.core.errors import UsageError
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.dlq.records import RawRecord
from eosctl.domain.dlq.replaying import ReplayRules, Target
from eosctl.operations.replay_scan import targets_of
from eosctl.ports import Gateways
from eosctl.ports.dead_letters import SessionLost


@dataclass
class OriginFinder:
    """Outlives sessions. `largest_bytes` is what the present session's batches are bounded by."""

    gateways: Gateways
    rules: ReplayRules
    reader: Reader
    found: dict[str, Target] = field(default_factory=dict)
    largest_bytes: int = 1_000_000
    records: Sequence[RawRecord | None] = ()

    def __call__(self, topic: str) -> Target | None:
        """The topic as a target, None when it can't be one.

        Raises SessionLost when it takes smaller batches than the session makes: the next session knows it.
        """
        if topic == self.rules.source:
            return None
        try:
            about = targets_of(self.gateways, [topic], {topic: self._places(topic)})[topic]
        except UsageError:
            return None
        self.found[topic] = about
        if about.largest_bytes < self.largest_bytes:
            raise SessionLost(f"{topic} takes smaller batches")
        return about

    def smallest_bytes(self) -> int:
        """The bound of a session's batches, from all targets that are known."""
        sizes = [one.largest_bytes for one in (*self.rules.targets.values(), *self.found.values())]
        self.largest_bytes = min(sizes, default=1_000_000)
        return self.largest_bytes

    def _places(self, topic: str) -> dict[bytes, int]:
        """Where the batch's keys lay in it: whether it had fewer partitions then."""
        places: dict[bytes, int] = {}
        for record in self.records:
            if record is None:  # decided before
                continue
            name, partition = self.reader.place_of(record.headers() or ())
            key = record.key()
            if name == topic and partition is not None and key is not None:
                places[key] = partition
        return places
