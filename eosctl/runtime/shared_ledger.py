"""The ledger as a member of a shared replay reads it on, and writes into it what it tells the others."""

from collections.abc import Callable

from eosctl.domain.dlq.records import RawRecord
from eosctl.domain.dlq.replaying import Outgoing
from eosctl.domain.kafka import LogOffsets, TopicPartition
from eosctl.ports import Gateways
from eosctl.ports.dead_letters import SharedSession


class SharedLedger:
    """Every committed record goes to `absorb`, once, in the ledger's order."""

    def __init__(
        self, gateways: Gateways, name: str, member: SharedSession, absorb: Callable[[RawRecord], None]
    ) -> None:
        self._gateways = gateways
        self._where = TopicPartition(name, 0)
        self._member = member
        self._absorb = absorb

    def follow(self) -> None:
        """Reads up to the last stable offset."""
        self.read_to(self._log().last_stable)

    def settle(self) -> None:
        """Reads up to the end: waits until every transaction that is open there now is decided."""
        self.read_to(self._log().high_watermark)

    def read_to(self, until: int) -> None:
        """Reads up to an offset, once every transaction that wrote before it is decided."""
        for record in self._member.ledger(until):
            self._absorb(record)

    def say(self, key: bytes, value: bytes, *, unless: Callable[[], bool]) -> bool:
        """A record of its own; not written when what lies before its place makes `unless` true."""
        self._member.begin()
        place = self._member.reserve([Outgoing(self._where.topic, 0, key, value, [])])
        self.read_to(place)
        if unless():
            self._member.abort()
            return False
        self._member.commit({})
        self.read_to(place + 1)
        return True

    def _log(self) -> LogOffsets:
        return self._gateways.cluster.log_offsets([self._where])[self._where]
