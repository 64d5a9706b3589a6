"""`producers zombies`: evidence that a producer writes which should not."""

from dataclasses import dataclass

from eosctl.core.errors import Notice
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import DurationMs, Params, param
from eosctl.core.report import Report
from eosctl.domain.groups import OFFSETS_TOPIC
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.producers import Confidence, Evidence, GroupsSeen, Sample, Suspect, suspects
from eosctl.operations.scanning import partitions_of
from eosctl.operations.txn.hanging import exit_code
from eosctl.ports import Gateways

_EVERY_MS = 500


class ProducersZombiesParams(Params):
    """How long to look."""

    sample: DurationMs = param(10_000, help="How long to watch epochs and writes; 0s looks once")
    topic: tuple[str, ...] = param(
        (), help="Only partitions of this topic; repeatable [default: all]", complete="topic"
    )


@dataclass(frozen=True)
class ZombieRow:
    """One piece of evidence."""

    transactional_id: str
    producer_id: int
    producer_epoch: int
    partition: str
    evidence: Evidence
    confidence: Confidence
    detail: str
    remedy: str


@dataclass(frozen=True)
class ZombiesSeen:
    """Samples, groups and the finalized transaction version."""

    samples: tuple[Sample, ...]
    groups: GroupsSeen
    transaction_version: int
    failures: tuple[Notice, ...]


def observe(gateways: Gateways, params: ProducersZombiesParams) -> ZombiesSeen:
    """Looks at partitions at both ends of the sample, and at the coordinators every half second between."""
    partitions = partitions_of(gateways, params.topic)
    failures: list[Notice] = []
    samples = [_sample(gateways, partitions, failures)]
    until = gateways.clock.monotonic_ms() + params.sample
    gateways.progress.begin("Watching epochs", params.sample, "ms")
    while gateways.clock.monotonic_ms() < until and not gateways.stop.requested():
        gateways.clock.sleep_ms(min(_EVERY_MS, until - gateways.clock.monotonic_ms()))
        last = gateways.clock.monotonic_ms() >= until
        samples.append(_sample(gateways, partitions if last else (), failures))
        gateways.progress.advance(_EVERY_MS)
    gateways.progress.end()
    listed = gateways.groups.groups()
    known = {one.name: one for one in gateways.cluster.topics()}
    count = len(known[OFFSETS_TOPIC].partitions) if OFFSETS_TOPIC in known else 0
    groups = GroupsSeen(listed.items, count)
    every = tuple(dict.fromkeys((*failures, *listed.failures)))
    return ZombiesSeen(tuple(samples), groups, gateways.transactions.transaction_version(), every)


def _sample(gateways: Gateways, partitions: tuple[TopicPartition, ...], failures: list[Notice]) -> Sample:
    listed = gateways.transactions.list_transactions()
    described = gateways.transactions.describe_transactions([one.transactional_id for one in listed.items])
    failures += [*listed.failures, *described.failures]
    at_ms = gateways.clock.now_ms()
    if not partitions:
        return Sample(at_ms, described.items)
    looked = gateways.transactions.describe_producers(partitions)
    failures += looked.failures
    return Sample(at_ms, described.items, looked.items)


def report(seen: ZombiesSeen, params: ProducersZombiesParams) -> Report:
    """Exit 3 when there is evidence."""
    found = suspects(seen.samples, seen.groups, transaction_version=seen.transaction_version)
    rows = tuple(_row(one) for one in found)
    warnings: tuple[Notice, ...] = ()
    if params.sample == 0:
        text = "Without a sample nobody can see epochs that are bumped in turn, nor who writes right now."
        warnings = (Notice("no_sample", text, "Leave --sample out to watch for ten seconds."),)
    code = exit_code(found=bool(rows), partial=bool(seen.failures))
    summary = "" if rows or code is not ExitCode.DONE else "No evidence of a zombie."
    return Report(rows, ZombieRow, exit_code=code, warnings=warnings, errors=seen.failures, summary=summary)


def _row(one: Suspect) -> ZombieRow:
    return ZombieRow(one.transactional_id, one.producer_id, one.producer_epoch, one.partition, one.evidence,
                     one.confidence, one.detail, one.remedy)  # fmt: skip


OPERATION = Query(
    name="producers.zombies",
    summary="Find producers that should not write any more",
    params=ProducersZombiesParams,
    result=ZombieRow,
    needs=("kafka",),
    observe=observe,
    report=report,
    details="Evidence, not guesses: an old epoch still active, a transaction past its time-out, two producer ids under "
    "one transactional id, an epoch that two instances bump in turn, an open transaction of a group without members.",
    examples=(
        Example("eosctl producers zombies", "Watch for ten seconds."),
        Example("eosctl producers zombies --sample 1m --topic ledger", "Watch one topic for longer."),
    ),
)
