"""Zombies: what counts as evidence that a producer writes which should not, and how sure that is. Pure rules.

`transaction.version` 2 (KIP-890) bumps the epoch at the end of every transaction, so a moved epoch alone proves
nothing there: only an epoch that moved without a transaction having ended does.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from eosctl.core.durations import format_duration_ms
from eosctl.domain.groups import OFFSETS_TOPIC, groups_on
from eosctl.domain.kafka import ActiveProducer, GroupListing, ProducerId, TransactionDescription, TransactionState
from eosctl.domain.transactions import OPEN_STATES, is_late, is_two_phase

_ABORTING = (TransactionState.PREPARE_EPOCH_FENCE, TransactionState.PREPARE_ABORT, TransactionState.COMPLETE_ABORT)
_EPOCHS_USED_UP = 32_000


class Evidence(StrEnum):
    """Why a producer is suspected."""

    STALE_EPOCH = "stale epoch"
    PAST_TIMEOUT = "past its time-out"
    TWO_PRODUCER_IDS = "two producer ids"
    EPOCH_RACE = "epoch race"
    GONE_FROM_GROUP = "gone from its group"


class Confidence(StrEnum):
    """`high`: nothing else explains it. `medium`: a healthy, unlucky producer could look so for a moment."""

    HIGH = "high"
    MEDIUM = "medium"


@dataclass(frozen=True)
class Suspect:
    """One piece of evidence. `partition` is "" where it concerns the id as a whole.

    `open_here`: what it has open on the partition nobody will end; fencing does not reach it, a marker does.
    """

    transactional_id: str
    producer_id: int
    producer_epoch: int
    partition: str
    evidence: Evidence
    confidence: Confidence
    detail: str
    open_here: bool = False

    @property
    def remedy(self) -> str:
        """The command that ends it."""
        if self.open_here:
            return f"eosctl txn abort {shlex.quote(self.partition)} --producer-id {self.producer_id}"
        return f"eosctl producers fence {shlex.quote(self.transactional_id)}"


@dataclass(frozen=True)
class Sample:
    """What was seen at one moment: coordinators' descriptions and the active producers of all partitions."""

    at_ms: int
    descriptions: tuple[TransactionDescription, ...]
    producers: tuple[ActiveProducer, ...] = ()


@dataclass(frozen=True)
class GroupsSeen:
    """The groups and the number of partitions of `__consumer_offsets`."""

    groups: tuple[GroupListing, ...]
    offsets_partitions: int


def suspects(samples: Sequence[Sample], groups: GroupsSeen, *, transaction_version: int) -> tuple[Suspect, ...]:
    """All evidence in the samples (oldest first; at least one), by id and kind; without doubles."""
    last = samples[-1]
    found = [
        *stale_epochs(samples[0], last),
        *past_timeout(last),
        *two_producer_ids(samples),
        *epoch_races(samples, transaction_version=transaction_version),
        *gone_from_group(samples, groups),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda one: (one.transactional_id, one.evidence, one.partition)))


def stale_epochs(first: Sample, last: Sample) -> list[Suspect]:
    """An old epoch that is still active on a partition, while its coordinator holds a newer one.

    Active means: it has a transaction open that the coordinator is not ending, or it wrote between the two samples.
    An old epoch that is merely remembered is not: leaders remember for days.
    """
    newer = {one.producer_id: one for one in first.descriptions}
    before = {(one.partition, one.producer_id, one.producer_epoch): one for one in first.producers}
    found = []
    for one in last.producers:
        owner = newer.get(one.producer_id)
        if owner is None or owner.producer_epoch <= one.producer_epoch:
            continue
        earlier = before.get((one.partition, one.producer_id, one.producer_epoch))
        ending = owner.state in OPEN_STATES and one.partition in owner.partitions
        wrote = earlier is not None and one.last_sequence != earlier.last_sequence
        open_still = one.transaction_start_offset is not None and earlier is not None and not ending
        if wrote or open_still:
            did = "wrote during the sample" if wrote else f"has a transaction open at {one.transaction_start_offset}"
            detail = f"epoch {one.producer_epoch} {did}; the coordinator holds epoch {owner.producer_epoch}"
            found.append(Suspect(owner.transactional_id, one.producer_id, one.producer_epoch, str(one.partition),
                                 Evidence.STALE_EPOCH, Confidence.HIGH, detail, open_here=open_still))  # fmt: skip
    return found


def past_timeout(last: Sample) -> list[Suspect]:
    """A transaction older than its own time-out: its coordinator should have ended it."""
    found = []
    for one in last.descriptions:
        if is_late(one, last.at_ms) and one.started_at_ms is not None:
            over = format_duration_ms(last.at_ms - one.started_at_ms - one.timeout_ms)
            detail = f"{one.state.value} for {over} longer than its time-out of {format_duration_ms(one.timeout_ms)}"
            found.append(_of(one, Evidence.PAST_TIMEOUT, Confidence.MEDIUM, detail))
    return found


def two_producer_ids(samples: Sequence[Sample]) -> list[Suspect]:
    """One transactional id that two producer ids write under: high when the older one wrote after it was replaced."""
    found = []
    for earlier, later in pairwise(samples):
        now = {one.transactional_id: one for one in later.descriptions}
        for one in earlier.descriptions:
            new = now.get(one.transactional_id)
            if new is None or new.producer_id == one.producer_id:
                continue
            wrote = _writes(samples[-1], one.producer_id) - _writes(later, one.producer_id)
            if one.producer_epoch >= _EPOCHS_USED_UP and not wrote:
                continue  # the coordinator itself changes the id when the 32,767 epochs are used up
            sure = Confidence.HIGH if wrote else Confidence.MEDIUM
            detail = f"producer id {one.producer_id} was replaced by {new.producer_id} during the sample"
            found.append(
                _of(one, Evidence.TWO_PRODUCER_IDS, sure, detail + (", and wrote afterwards" if wrote else ""))
            )
    return found


def epoch_races(samples: Sequence[Sample], *, transaction_version: int) -> list[Suspect]:
    """An epoch that instances bump in turn: two InitProducerIds or more within the sample."""
    found = []
    for transactional_id, series in _series(samples).items():
        bumps = init_bumps(series, transaction_version=transaction_version)
        if bumps >= 2:
            epochs = f"{series[0].producer_epoch} to {series[-1].producer_epoch}"
            detail = f"its epoch was taken over {bumps} times during the sample: {epochs}"
            sure = Confidence.HIGH if bumps >= 3 else Confidence.MEDIUM
            found.append(_of(series[-1], Evidence.EPOCH_RACE, sure, f"{transactional_id}: {detail}"))
    return found


def init_bumps(series: Sequence[TransactionDescription], *, transaction_version: int) -> int:
    """How often InitProducerId moved the epoch, at the least, as far as the samples show it.

    Below transaction version 2 nothing else moves it, but taking over an open transaction moves it twice (its abort,
    then the new instance), and an abort by the coordinator once. From 2 on a transaction's end does too and leaves
    `CompleteCommit` or `CompleteAbort` (or the next transaction, `Ongoing`); InitProducerId alone leaves `Empty`.
    """
    bumps = 0
    for before, after in pairwise(series):
        if after.producer_id != before.producer_id or after.producer_epoch <= before.producer_epoch:
            continue
        if transaction_version < 2:
            moved = after.producer_epoch - before.producer_epoch - (after.state in _ABORTING)
            bumps += (moved + 1) // 2
        elif after.state is TransactionState.EMPTY:
            bumps += 1
    return bumps


def gone_from_group(samples: Sequence[Sample], groups: GroupsSeen) -> list[Suspect]:
    """A transaction that holds offsets of a group without members, open in the first and the last sample alike."""
    by_id = {one.transactional_id: one for one in samples[0].descriptions}
    states = {one.group: one.state for one in groups.groups}
    found = []
    for one in samples[-1].descriptions:
        before = by_id.get(one.transactional_id)
        same = before is not None and (before.producer_epoch, before.started_at_ms) == (
            one.producer_epoch,
            one.started_at_ms,
        )
        if one.state is not TransactionState.ONGOING or is_two_phase(one) or not same:
            continue
        for partition in one.partitions:
            if partition.topic != OFFSETS_TOPIC:
                continue
            mine = groups_on(partition, tuple(states), groups.offsets_partitions)
            if mine and all(states[name].lower() == "empty" for name in mine):
                detail = f"holds offsets of {' or '.join(mine)}, which has no member"
                found.append(_of(one, Evidence.GONE_FROM_GROUP, Confidence.MEDIUM, detail))
    return found


def wrote_since(producers: Sequence[ActiveProducer], producer_id: int, since_ms: int) -> ActiveProducer | None:
    """The newest write of a producer id at or after a time; None when there is none."""
    recent = [one for one in producers if one.producer_id == producer_id and one.last_write_ms >= since_ms]
    return max(recent, key=lambda one: one.last_write_ms, default=None)


def _series(samples: Sequence[Sample]) -> Mapping[str, list[TransactionDescription]]:
    series: dict[str, list[TransactionDescription]] = {}
    for sample in samples:
        for one in sample.descriptions:
            series.setdefault(one.transactional_id, []).append(one)
    return series


def _writes(sample: Sample, producer_id: ProducerId) -> set[tuple[str, int]]:
    return {(str(one.partition), one.last_sequence) for one in sample.producers if one.producer_id == producer_id}


def _of(one: TransactionDescription, evidence: Evidence, confidence: Confidence, detail: str) -> Suspect:
    return Suspect(one.transactional_id, one.producer_id, one.producer_epoch, "", evidence, confidence, detail)
