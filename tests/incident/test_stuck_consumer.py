"""The main job on a real broker: a hang found without waiting and aborted, healthy producers left alone, one fenced."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from fixtures.operator import asked, done

from eosctl.cli.wiring import CliGateways
from eosctl.core.exit_codes import ExitCode
from eosctl.domain.kafka import TopicPartition
from eosctl.domain.lab import Incident
from eosctl.domain.transactions import Verdict
from eosctl.lab import clients
from eosctl.lab.state import LabState
from eosctl.operations.scanning import partitions_of, scan

PRODUCERS = 200


def test_a_hang_is_found_explained_and_aborted_and_the_group_reads_on(
    inject: Callable[..., Incident], gateways: CliGateways, tmp_path: Path
) -> None:
    facts = inject("hanging-transaction").facts
    where, producer_id = f"{facts['topic']}:{facts['partition']}", int(facts["producer_id"])
    hanging = asked(gateways, "txn.hanging", topic=[facts["topic"]])
    assert [(one.producer_id, one.verdict) for one in hanging.data] == [(producer_id, Verdict.HANGING)]
    assert hanging.exit_code is ExitCode.PROBLEM
    [row] = asked(gateways, "txn.blocked", group=facts["group"]).data
    assert row.remedy == f"eosctl txn abort {where} --producer-id {producer_id}"
    assert [one.group for one in row.groups] == [facts["group"]]
    assert row.groups[0].hidden_lag >= int(facts["records_behind"])
    execution = done(gateways, tmp_path, "txn.abort", topic_partition=where, producer_id=producer_id)
    assert execution.exit_code is ExitCode.DONE
    assert execution.receipts[0].after["last_stable_offset"] > row.last_stable_offset
    assert asked(gateways, "txn.hanging", topic=[facts["topic"]]).data == ()
    assert asked(gateways, "txn.blocked", group=facts["group"]).data == ()


def test_healthy_producers_that_commit_all_the_time_are_never_called_hanging(
    lab: LabState, make_topic: Callable[..., str], gateways: CliGateways
) -> None:
    topic = make_topic(partitions=8)
    with ThreadPoolExecutor(16) as pool:
        producers = list(
            pool.map(lambda n: clients.transactional_producer(lab, f"{topic}-{n}", 60_000), range(PRODUCERS))
        )
        over = Event()
        work = [pool.submit(_commit_all_the_time, producers[worker::12], topic, over) for worker in range(12)]
        try:
            verdicts = [
                one.verdict for _ in range(40) for one in scan(gateways, partitions_of(gateways, [topic])).transactions
            ]
        finally:
            over.set()
        commits = sum(one.result() for one in work)
    assert commits > PRODUCERS
    assert len(verdicts) > 40
    assert set(verdicts) == {Verdict.OPEN}


def test_a_live_producer_is_fenced_and_what_it_had_open_is_gone(
    lab: LabState, topic: str, gateways: CliGateways, tmp_path: Path
) -> None:
    from confluent_kafka import KafkaException

    name = f"writer {topic}"
    producer = clients.transactional_producer(lab, name, 47_000)
    producer.begin_transaction()
    producer.produce(topic, b"half done", partition=0)
    producer.flush(clients.LIMIT_S)
    [before] = asked(gateways, "txn.describe", id=[name]).data
    assert [(one.partition, one.open_offset) for one in before.partitions] == [(f"{topic}:0", 0)]
    assert done(gateways, tmp_path, "producers.fence", id=[name], allow_live=True).exit_code is ExitCode.DONE
    [after] = asked(gateways, "txn.describe", id=[name]).data
    assert (after.timeout_ms, after.state, after.partitions) == (47_000, "Empty", ())
    assert after.producer_epoch > before.producer_epoch
    with pytest.raises(KafkaException) as caught:
        producer.commit_transaction(clients.LIMIT_S)
    assert caught.value.args[0].name() == "_FENCED"
    ends = gateways.cluster.log_offsets([TopicPartition(topic, 0)])[TopicPartition(topic, 0)]
    assert ends.last_stable == ends.high_watermark


def _commit_all_the_time(producers: list[Any], topic: str, over: Event) -> int:
    commits = 0
    while not over.is_set():
        for producer in producers:
            producer.begin_transaction()
            for partition in range(8):
                producer.produce(topic, b"x", partition=partition)
        for producer in producers:
            producer.commit_transaction(clients.LIMIT_S)
            commits += 1
    return commits
