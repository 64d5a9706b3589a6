"""Playbooks that move groups: rewind-safely, move-group-to-stored-offsets, before-deploy; on real groups."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer, Producer
from fixtures.lab import LIMIT_S, wait_until
from fixtures.offsets import Offsets
from fixtures.rehearsal import Rehearsal, events_of

from eosctl.core.errors import OperationFailed
from eosctl.lab import clients

MakeRehearsal = Callable[..., Rehearsal]
TO = "1970-01-01T00:16:42Z"  # the third record of each partition, by its own time


def remember(offsets: Offsets, since: str) -> dict[str, object]:
    """A dedup table whose oldest entry is of that time; the profile's tables."""
    offsets.sql('CREATE TABLE processed (message_id text PRIMARY KEY, processed_at timestamptz NOT NULL, '
                'partition int, "offset" text)')  # fmt: skip
    offsets.sql("INSERT INTO processed VALUES ('m', %s, 0, '0')", since)
    return {"dedup": {"processed": {"table": "processed"}}}


def test_a_rewind_that_the_dedup_table_covers_is_made_and_undone(
    offsets: Offsets, rehearse: MakeRehearsal, tmp_path: Path
) -> None:
    ops = rehearse(offsets.dsn, tables=remember(offsets, "1970-01-01T00:00:00Z"))
    report = tmp_path / "rewind.md"
    outcome = ops.run("rewind-safely", group=offsets.group, to=TO, report=report)
    assert outcome.status == "done"
    assert offsets.in_kafka() == {0: 2, 1: 2}
    assert offsets.first_read() == {0: 2, 1: 2}
    text = report.read_text(encoding="utf-8")
    assert f"| rewind | {offsets.topic}:0 | offset in Kafka | 4 | 2 |" in text
    assert "eosctl undo " in text
    ops.undo(outcome, "rewind")
    assert offsets.in_kafka() == {0: 4, 1: 6}


def test_a_rewind_past_what_the_dedup_table_remembers_moves_nothing(offsets: Offsets, rehearse: MakeRehearsal) -> None:
    ops = rehearse(offsets.dsn, tables=remember(offsets, "1970-01-01T00:16:43Z"))
    outcome = ops.run("rewind-safely", group=offsets.group, to=TO)
    assert (outcome.status, "Nothing was moved" in outcome.said) == ("failed", True)
    assert offsets.in_kafka() == {0: 4, 1: 6}
    assert ops.run("rewind-safely", group=offsets.group, to=TO, accept_duplicates="true").status == "done"
    assert offsets.in_kafka() == {0: 2, 1: 2}


def test_without_a_dedup_table_a_rewind_wants_to_be_told(offsets: Offsets, rehearse: MakeRehearsal) -> None:
    outcome = rehearse(offsets.dsn).run("rewind-safely", group=offsets.group, to=TO)
    assert (outcome.status, offsets.in_kafka()) == ("failed", {0: 4, 1: 6})


def test_a_group_that_drifted_goes_to_its_stored_offsets(offsets: Offsets, rehearse: MakeRehearsal) -> None:
    """The consumer's table is the truth; somebody committed to Kafka past it."""
    offsets.commit({0: 9, 1: 9})
    ops = rehearse(offsets.dsn)
    outcome = ops.run("move-group-to-stored-offsets", group=offsets.group, table_idle="0s")
    assert outcome.status == "done"
    assert offsets.first_read() == {0: 4, 1: 6}
    again = ops.run("move-group-to-stored-offsets", group=offsets.group, table_idle="0s")
    assert (again.status, again.said) == ("stopped", "Both stores agree")


def test_a_group_begins_to_keep_its_offsets_in_the_table(offsets: Offsets, rehearse: MakeRehearsal) -> None:
    offsets.sql("DELETE FROM consumer_offsets")
    ops = rehearse(offsets.dsn)
    assert ops.run("move-group-to-stored-offsets", group=offsets.group, truth="kafka", table_idle="0s").status == "done"
    assert offsets.in_table() == {0: 4, 1: 6}
    assert offsets.consume_by_table() == {0: [4, 5, 6, 7, 8, 9], 1: [6, 7, 8, 9]}


def test_a_drift_of_one_everywhere_is_a_question_of_meaning_and_moves_nothing(
    offsets: Offsets, rehearse: MakeRehearsal
) -> None:
    offsets.commit({0: 5, 1: 7})
    outcome = rehearse(offsets.dsn).run("move-group-to-stored-offsets", group=offsets.group)
    assert (outcome.status, "offset_means" in outcome.said) == ("failed", True)
    assert offsets.in_kafka() == {0: 5, 1: 7}


class Reader:
    """A consumer of the group that commits what it reads until it is told to stop."""

    def __init__(self, offsets: Offsets) -> None:
        self._settings = {**clients.librdkafka_settings(offsets.lab), "group.id": offsets.group}
        self._topic = offsets.topic
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        consumer = Consumer({**self._settings, "enable.auto.commit": False, "auto.offset.reset": "error"})
        consumer.subscribe([self._topic])
        while not self._over.is_set():
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                consumer.commit(message, asynchronous=False)
        consumer.close()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(LIMIT_S)


@pytest.fixture
def reader(offsets: Offsets) -> Iterator[Reader]:
    one = Reader(offsets)
    yield one
    one.stop()


def test_before_a_deployment_all_is_drained_stopped_and_kept(
    offsets: Offsets, reader: Reader, rehearse: MakeRehearsal
) -> None:
    ops = rehearse(offsets.dsn, skills={"Stop the consumers": reader.stop})
    outcome = ops.run("before-deploy", groups=offsets.group)
    assert outcome.status == "done"
    assert offsets.in_kafka() == {0: 10, 1: 10}
    kept = next(one["result"]["data"]["id"] for one in events_of(outcome) if one.get("step") == "snapshot"
                and one["event"] == "step")  # fmt: skip
    _the_new_version_reads_too_far(offsets)
    done = offsets.eosctl("offsets", "reset", offsets.group, "--to-snapshot", kept, "--yes")
    assert (done.code, offsets.in_kafka()) == (0, {0: 10, 1: 10})


def _the_new_version_reads_too_far(offsets: Offsets) -> None:
    producer = Producer({"bootstrap.servers": offsets.lab.bootstrap_servers})
    for partition in (0, 1):
        producer.produce(offsets.topic, b"bad", partition=partition)
    assert producer.flush(LIMIT_S) == 0
    offsets.commit({0: 11, 1: 11})


def test_a_deployment_waits_no_longer_than_the_drain_may_take(offsets: Offsets, rehearse: MakeRehearsal) -> None:
    with pytest.raises(OperationFailed, match="did not become true in time"):
        rehearse(offsets.dsn).run("before-deploy", groups=offsets.group, drain="1s")


def test_a_deployment_drains_the_outbox_too(offsets: Offsets, rehearse: MakeRehearsal) -> None:
    offsets.commit({0: 10, 1: 10})
    with psycopg.connect(offsets.dsn) as connection:
        connection.execute("CREATE TABLE outbox (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), aggregate_type text, "
                           "aggregate_id text, event_type text, payload jsonb, created_at timestamptz DEFAULT now(), "
                           "published_at timestamptz, retry_count int DEFAULT 0, last_error text)")  # fmt: skip
        connection.execute("INSERT INTO outbox (aggregate_type, aggregate_id, event_type, payload) VALUES ('o', '1', "
                           "'e', '{}')")  # fmt: skip
    ops = rehearse(offsets.dsn)
    with pytest.raises(OperationFailed, match="did not become true in time"):
        ops.run("before-deploy", groups=offsets.group, outbox="outbox", stop="false", drain="1s")
    offsets.sql("UPDATE outbox SET published_at = now()")
    wait_until(lambda: offsets.sql("SELECT count(*) FROM outbox WHERE published_at IS NULL") == [(0,)])
    outcome = ops.run("before-deploy", groups=offsets.group, outbox="outbox", stop="false")
    assert {one.step: one.status for one in outcome.steps}["stop"] == "skipped"
    assert outcome.status == "done"
