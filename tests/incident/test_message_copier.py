"""Kafka's own transactional client, TransactionalMessageCopier: left alone while it copies, and fenced in mid-copy."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fixtures.lab import LIMIT_S, wait_until
from fixtures.operator import asked, done

from eosctl.cli.wiring import CliGateways
from eosctl.core.exit_codes import ExitCode
from eosctl.core.report import Report
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.transactions import Verdict
from eosctl.lab import clients
from eosctl.lab.jars import class_path
from eosctl.lab.state import LabState

RECORDS = 150_000
START_LIMIT_S = 60.0


@dataclass(frozen=True)
class Copier:
    """A copier's process and what it has said."""

    transactional_id: str
    process: subprocess.Popen[bytes]
    output: Path

    def copied(self) -> int:
        """How many records are in transactions that it has committed."""
        lines = self.output.read_text(encoding="utf-8", errors="replace").splitlines()
        said = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return max((int(one["totalProcessed"]) for one in said), default=0)

    def copies(self) -> bool:
        """Whether it is alive; fails the test with its last words when it has ended."""
        if self.process.poll() is None:
            return True
        return pytest.fail(self.output.read_text(encoding="utf-8")[-1_000:])


@dataclass(frozen=True)
class Copying:
    """Where records are copied from and to, by which group."""

    lab: LabState
    source: str
    target: str
    group: str
    folder: Path

    @contextmanager
    def copier(self, name: str, *flags: str) -> Iterator[Copier]:
        """A copier of partition 0, once it has committed its first transaction; killed at the end, its id taken over
        so that nothing stays open."""
        transactional_id, output = f"{name} {self.target}", self.folder / f"{name}.log"
        command = [
            self.lab.java, "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
            "-cp", class_path(), "org.apache.kafka.tools.TransactionalMessageCopier",
            "--broker-list", self.lab.bootstrap_servers, "--transactional-id", transactional_id,
            "--input-topic", self.source, "--input-partition", "0", "--output-topic", self.target,
            "--consumer-group", f"{name}-{self.group}", *flags,
        ]  # fmt: skip
        with output.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as process:
            one = Copier(transactional_id, process, output)
            try:
                wait_until(lambda: one.copies() and one.copied(), limit_s=START_LIMIT_S)
                yield one
            finally:
                process.kill()
                process.wait(LIMIT_S)
                clients.transactional_producer(self.lab, transactional_id, 60_000)


@pytest.fixture
def copying(lab: LabState, make_topic: Callable[..., str], tmp_path: Path) -> Copying:
    """A source full of records and an empty target, one partition each."""
    from confluent_kafka import Producer

    one = Copying(lab, make_topic(partitions=1), make_topic(partitions=1), tmp_path.name, tmp_path)
    settings = {**clients.librdkafka_settings(lab), "linger.ms": 20, "queue.buffering.max.messages": RECORDS}
    producer = Producer(settings)
    for number in range(RECORDS):
        producer.produce(one.source, str(number).encode(), partition=0)
    assert producer.flush(LIMIT_S) == 0
    return one


def test_kafkas_own_copiers_are_never_called_hanging_while_they_copy(copying: Copying, gateways: CliGateways) -> None:
    topics = [copying.source, copying.target, "__consumer_offsets"]
    with (
        copying.copier("steady", "--transaction-size", "50") as steady,
        copying.copier("moody", "--transaction-size", "50", "--enable-random-aborts") as moody,
    ):
        before = {one: one.copied() for one in (steady, moody)}
        looks: list[Report] = []

        def both_seen() -> bool:
            looks.append(asked(gateways, "txn.hanging", topic=topics, all=True))
            seen = {(row.transactional_id, row.topic) for look in looks for row in look.data}
            return len(looks) >= 60 and {(one.transactional_id, copying.target) for one in before} <= seen

        wait_until(both_seen, limit_s=START_LIMIT_S)
        for one in (steady, moody):
            wait_until(lambda one=one: one.copies() and one.copied() > before[one])
    assert {row.verdict for look in looks for row in look.data} == {Verdict.OPEN}
    assert {look.exit_code for look in looks} == {ExitCode.DONE}


def test_a_copier_is_fenced_in_mid_copy_and_the_target_holds_whole_transactions(
    copying: Copying, gateways: CliGateways, tmp_path: Path
) -> None:
    size = 400
    with copying.copier("zombie", "--transaction-size", str(size), "--transaction-timeout", "600000") as copier:
        name, target = copier.transactional_id, TopicPartition(copying.target, 0)
        wait_until(lambda: copier.copies() and _stopped_in_a_transaction(gateways, copier, target))
        fenced = done(gateways, tmp_path / "journal", "producers.fence", id=[name], allow_live=True)
        assert fenced.exit_code is ExitCode.DONE
        ends = gateways.cluster.log_offsets([target])[target]
        assert ends.last_stable == ends.high_watermark
        assert asked(gateways, "txn.hanging", topic=[copying.target, "__consumer_offsets"], all=True).data == ()
        [known] = asked(gateways, "txn.describe", id=[name]).data
        assert (known.state, known.partitions, known.timeout_ms) == ("Empty", (), 600_000)
        os.kill(copier.process.pid, signal.SIGCONT)
        assert copier.process.wait(LIMIT_S) != 0
    assert "ProducerFencedException" in copier.output.read_text(encoding="utf-8")
    after = gateways.cluster.log_offsets([target])[target]
    assert after.last_stable == after.high_watermark == ends.high_watermark  # the zombie wrote nothing more
    copied = _committed(copying.lab, target, ends.high_watermark)
    assert 0 < len(copied) < RECORDS
    assert copied == [str(number).encode() for number in range(len(copied))]
    group = f"zombie-{copying.group}"
    [offsets] = gateways.groups.committed([group]).items
    assert offsets.offsets[TopicPartition(copying.source, 0)].offset == len(copied)
    assert len(copied) % size == 0


def _stopped_in_a_transaction(gateways: CliGateways, copier: Copier, target: TopicPartition) -> bool:
    """Stops the copier; whether that was between its first record in the target and its commit. If not, it goes on."""
    os.kill(copier.process.pid, signal.SIGSTOP)
    [known] = asked(gateways, "txn.describe", id=[copier.transactional_id]).data
    opened = [one for one in known.partitions if one.partition == str(target) and one.open_offset is not None]
    if known.state == "Ongoing" and opened:
        return True
    os.kill(copier.process.pid, signal.SIGCONT)
    return False


def _committed(lab: LabState, partition: TopicPartition, end: int) -> list[bytes]:
    """The values that a `read_committed` consumer sees before an offset."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer
    from confluent_kafka import TopicPartition as Tp

    settings = {**clients.librdkafka_settings(lab), "group.id": "reader", "enable.auto.commit": False}
    consumer = Consumer(settings)
    try:
        consumer.assign([Tp(partition.topic, partition.partition, OFFSET_BEGINNING)])
        found: list[bytes] = []

        def position() -> int:
            found.extend(one.value() for one in consumer.consume(10_000, 0.2) if one.error() is None)
            return int(consumer.position([Tp(partition.topic, partition.partition)])[0].offset)

        wait_until(lambda: position() >= end)
        return found
    finally:
        consumer.close()
