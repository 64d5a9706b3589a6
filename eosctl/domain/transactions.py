"""Whether an open transaction is healthy, late or hanging: the pure rules, and why they can't be fooled by a race.

The truth is on the partition leaders: a producer with an open transaction. It hangs when no coordinator will ever end
it. The coordinator holds a partition from before the first record is appended until after its marker is (KIP-98,
KIP-890), so a scan looks four times: leaders, coordinators, leaders, coordinators. A transaction that the first
coordinator look does not hold had its marker written before that look, or never will; if it was written, the second
leader look shows it closed, or another one open. What is open at the same offset in both leader looks and held in
neither coordinator look hangs. No age, no waiting. (Kafka's `TransactionsCommand` waits 15 minutes instead.)

"Not held" wants proof: the coordinator of that producer id answered, or every coordinator did. Otherwise the verdict is
`unknown`. Kafka leaves ids that one may not DESCRIBE out of the list without a word: no client can see that from here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from eosctl.domain.kafka import (
    ActiveProducer,
    ProducerId,
    TopicPartition,
    TransactionDescription,
    TransactionListing,
    TransactionState,
)

OPEN_STATES = frozenset({
    TransactionState.ONGOING,
    TransactionState.PREPARE_COMMIT,
    TransactionState.PREPARE_ABORT,
    TransactionState.PREPARE_EPOCH_FENCE,
})  # fmt: skip
TWO_PHASE_TIMEOUT_MS = 2**31 - 1
"""The time-out that the coordinator keeps for a transaction in two-phase commit (KIP-939): it never times out."""


class Verdict(StrEnum):
    """`open`: healthy. `late`: older than its own time-out. `hanging`: nobody has it. `unknown`: not all answered."""

    OPEN = "open"
    LATE = "late"
    HANGING = "hanging"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class CoordinatorLook:
    """One look at the coordinators: who is known, and whether every coordinator is there and answered."""

    listings: tuple[TransactionListing, ...]
    descriptions: tuple[TransactionDescription, ...]
    complete: bool

    def holder(self, producer: ActiveProducer) -> TransactionDescription | None:
        """The transaction that will end what the producer has open on its partition; None when there is none."""
        return next((one for one in self._by_producer.get(producer.producer_id, ()) if holds(one, producer)), None)

    def known(self, producer_id: ProducerId) -> TransactionDescription | None:
        """The transactional id that owns the producer id now, whatever its state."""
        return next(iter(self._by_producer.get(producer_id, ())), None)

    def rules_out(self, producer: ActiveProducer) -> bool:
        """Whether this look proves that nobody held it: its own coordinator said so, or all of them did."""
        return self.holder(producer) is None and (self.complete or self.known(producer.producer_id) is not None)

    def listed_id(self, producer_id: ProducerId) -> str | None:
        """The transactional id of a producer id by the listing alone."""
        return next((one.transactional_id for one in self.listings if one.producer_id == producer_id), None)

    @cached_property
    def _by_producer(self) -> Mapping[ProducerId, Sequence[TransactionDescription]]:
        """The descriptions of each producer id: thousands of producers are held against thousands of ids."""
        found: dict[ProducerId, list[TransactionDescription]] = {}
        for one in self.descriptions:
            found.setdefault(one.producer_id, []).append(one)
        return found


@dataclass(frozen=True)
class TransactionScan:
    """The four looks. `first` and `second` hold only producers with an open transaction.

    `lost` were doubtful after the first look, and their leader did not answer the second time.
    """

    first: tuple[ActiveProducer, ...]
    coordinators_first: CoordinatorLook
    second: tuple[ActiveProducer, ...]
    coordinators_second: CoordinatorLook
    now_ms: int
    lost: tuple[ActiveProducer, ...] = ()


@dataclass(frozen=True)
class JudgedTransaction:
    """An open transaction on one partition with its verdict; `coordinator` is who knows the producer id, if anybody.

    `since_ms` is when it began by its coordinator, or the last write where nobody holds it (milliseconds since the
    epoch).
    """

    producer: ActiveProducer
    verdict: Verdict
    coordinator: TransactionDescription | None
    since_ms: int

    def age_ms(self, now_ms: int) -> int:
        """How old it is, never negative (clocks differ)."""
        return max(0, now_ms - self.since_ms)


def holds(transaction: TransactionDescription, producer: ActiveProducer) -> bool:
    """Whether the coordinator will write a marker that ends what this producer has open on this partition.

    A newer epoch holds too: its abort marker ends an older epoch's records (that is how fencing cleans up). An older
    one does not: the leader would refuse its marker.
    """
    return (
        transaction.producer_id == producer.producer_id
        and transaction.producer_epoch >= producer.producer_epoch
        and transaction.state in OPEN_STATES
        and producer.partition in transaction.partitions
    )


def judge(scan: TransactionScan) -> tuple[JudgedTransaction, ...]:
    """A verdict for every transaction that is still open after the second look, by partition and producer."""
    before = {_key(one): one for one in scan.first}
    judged = [_judged(one, scan, before.get(_key(one))) for one in scan.second]
    judged += [
        JudgedTransaction(one, Verdict.UNKNOWN, scan.coordinators_first.known(one.producer_id), one.last_write_ms)
        for one in scan.lost
    ]
    return tuple(sorted(judged, key=lambda one: (one.producer.partition, one.producer.producer_id)))


def candidates(first: Sequence[ActiveProducer], look: CoordinatorLook) -> tuple[ActiveProducer, ...]:
    """Those of the first look that nobody held: only for them the second look can find a hang."""
    return tuple(one for one in first if look.holder(one) is None)


def is_late(transaction: TransactionDescription, now_ms: int) -> bool:
    """Older than its own time-out, and not in two-phase commit, which has none."""
    if transaction.started_at_ms is None or transaction.timeout_ms >= TWO_PHASE_TIMEOUT_MS:
        return False
    return transaction.state in OPEN_STATES and now_ms - transaction.started_at_ms > transaction.timeout_ms


def is_two_phase(transaction: TransactionDescription) -> bool:
    """An open transaction of an external coordinator (KIP-939): only that one may decide it."""
    return transaction.timeout_ms >= TWO_PHASE_TIMEOUT_MS and transaction.state in OPEN_STATES


def open_producers(producers: Collection[ActiveProducer]) -> tuple[ActiveProducer, ...]:
    """Those with an open transaction."""
    return tuple(one for one in producers if one.transaction_start_offset is not None)


def transactional_ids(listings: Sequence[TransactionListing]) -> Mapping[ProducerId, str]:
    """Transactional id by producer id."""
    return {one.producer_id: one.transactional_id for one in listings}


def _judged(producer: ActiveProducer, scan: TransactionScan, before: ActiveProducer | None) -> JudgedTransaction:
    """Each coordinator look is held against the leader look before it: the epoch may have grown between the two."""
    looks = (scan.coordinators_second, scan.coordinators_first)
    pairs = ((scan.coordinators_second, producer), (scan.coordinators_first, before or producer))
    holder = next((found for look, seen in pairs if (found := look.holder(seen)) is not None), None)
    if holder is not None:
        verdict = Verdict.LATE if is_late(holder, scan.now_ms) else Verdict.OPEN
        since = holder.started_at_ms if holder.started_at_ms is not None else producer.last_write_ms
        return JudgedTransaction(producer, verdict, holder, since)
    known = next((found for look in looks if (found := look.known(producer.producer_id)) is not None), None)
    if before is None:
        verdict = Verdict.OPEN  # it began during the scan, after both sides of the first look
    elif all(look.rules_out(seen) for look, seen in pairs):
        verdict = Verdict.HANGING
    else:
        verdict = Verdict.UNKNOWN
    return JudgedTransaction(producer, verdict, known, producer.last_write_ms)


def _key(one: ActiveProducer) -> tuple[TopicPartition, int, int | None]:
    """What stays the same as long as a transaction is open: the epoch may grow, the offset can't come again."""
    return one.partition, one.producer_id, one.transaction_start_offset
