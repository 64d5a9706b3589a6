"""Playbooks on data: replay-dead-letters with a group that passes the canary or chokes on it, purge-dedup."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from fixtures.dead_letters import DeadLetters, spring
from fixtures.dedup import Dedup
from fixtures.lab import LIMIT_S
from fixtures.rehearsal import Rehearsal

from eosctl.lab import clients

MakeRehearsal = Callable[..., Rehearsal]


class Service:
    """The group whose records died: reads the origin; with its fault it sends each back to the dead letters."""

    def __init__(self, dead_letters: DeadLetters) -> None:
        self.group = f"service-{dead_letters.topic}"
        self.faulty = False
        self._letters = dead_letters
        self._over = threading.Event()
        settings = {**clients.librdkafka_settings(dead_letters.lab), "group.id": self.group}
        self._consumer = Consumer({**settings, "enable.auto.commit": False, "auto.offset.reset": "earliest"})
        places = [TopicPartition(dead_letters.topic, one, 0) for one in range(3)]
        self._consumer.commit(offsets=places, asynchronous=False)
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._consumer.assign([TopicPartition(self._letters.topic, one, 0) for one in range(3)])
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(LIMIT_S)
        self._consumer.close()

    def _run(self) -> None:
        producer = Producer(clients.librdkafka_settings(self._letters.lab))
        while not self._over.is_set():
            message = self._consumer.poll(0.1)
            if message is None or message.error() is not None:
                continue
            if self.faulty:
                own = spring(self._letters.topic, message.partition(), message.offset())
                carried = [one for one in message.headers() or [] if one[0].startswith("eosctl")]
                producer.produce(self._letters.dead, message.value(), message.key(), headers=[*own, *carried])
                producer.flush(LIMIT_S)
            self._consumer.commit(message, asynchronous=False)


@pytest.fixture
def service(dead_letters: DeadLetters) -> Iterator[Service]:
    one = Service(dead_letters)
    yield one
    one.stop()


def test_dead_letters_go_back_behind_a_canary_each_once(
    dead_letters: DeadLetters, service: Service, rehearse: MakeRehearsal, tmp_path: Path
) -> None:
    dead_letters.write(60)
    service.start()
    report = tmp_path / "replay.html"
    outcome = rehearse().run("replay-dead-letters", topic=dead_letters.dead, group=service.group, canary="5",
                             report=report)  # fmt: skip
    assert outcome.status == "done", outcome.said
    assert dead_letters.numbers() == dict.fromkeys(range(60), 1)
    assert outcome.steps[2].journal_id in report.read_text(encoding="utf-8")
    again = rehearse().run("replay-dead-letters", topic=dead_letters.dead, group=service.group, canary="5")
    assert again.status == "done"
    assert dead_letters.numbers() == dict.fromkeys(range(60), 1)


def test_a_canary_that_comes_back_ends_the_replay_early(
    dead_letters: DeadLetters, service: Service, rehearse: MakeRehearsal
) -> None:
    dead_letters.write(60)
    service.faulty = True
    service.start()
    outcome = rehearse().run("replay-dead-letters", topic=dead_letters.dead, group=service.group, canary="5")
    assert (outcome.status, "canary was halted" in outcome.said) == ("failed", True)
    assert sum(dead_letters.numbers().values()) < 20


def test_nothing_is_replayed_where_nobody_reads_or_nothing_fits(
    dead_letters: DeadLetters, service: Service, rehearse: MakeRehearsal
) -> None:
    empty = rehearse().run("replay-dead-letters", topic=dead_letters.dead, group=service.group)
    assert (empty.status, empty.said) == ("stopped", "No dead letter fits")
    dead_letters.write(3)
    other = rehearse().run("replay-dead-letters", topic=dead_letters.dead, group=service.group, cause="NoSuchFault")
    assert (other.status, other.said) == ("stopped", "No dead letter fits")
    assert dead_letters.numbers() == {}


def test_a_dedup_table_past_its_window_is_purged(dedup: Dedup, rehearse: MakeRehearsal) -> None:
    dedup.make_table()
    dedup.fill(3_000, days=60)
    ops = rehearse(dedup.dsn)
    outcome = ops.run("purge-dedup", older_than="40d", rate="0")
    assert outcome.status == "done", outcome.said
    assert 1_990 <= dedup.count() <= 2_000
    again = ops.run("purge-dedup", older_than="40d")
    assert (again.status, again.said) == ("stopped", "Nothing is older than 40d")


def test_a_purge_that_lets_records_come_again_deletes_nothing(
    dedup: Dedup, rehearse: MakeRehearsal, make_topic: Callable[..., str]
) -> None:
    """The topic keeps its records longer than the table would remember them."""
    dedup.make_table()
    dedup.fill(300, days=60)
    topic = make_topic(1, retention_ms=str(50 * 86_400_000))
    ops = rehearse(dedup.dsn, tables={"dedup": {"processed": {"table": "processed_messages", "topics": [topic]}}})
    outcome = ops.run("purge-dedup", older_than="40d")
    assert (outcome.status, "nothing was deleted" in outcome.said) == ("failed", True)
    assert dedup.count() == 300


def test_a_dry_run_of_a_purge_shows_its_plan_and_deletes_nothing(dedup: Dedup, rehearse: MakeRehearsal) -> None:
    dedup.make_table()
    dedup.fill(300, days=60)
    outcome = rehearse(dedup.dsn).run("purge-dedup", older_than="40d", dry_run=True)
    assert [(one.step, one.status) for one in outcome.steps] == [
        ("before", "done"), ("window", "done"), ("purge", "planned"), ("after", "done"),
    ]  # fmt: skip
    assert "as it is now, before purge" in outcome.steps[3].message
    assert dedup.count() == 300
