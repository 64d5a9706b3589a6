"""`recommend` as people run it: on a real terminal with ? and b, from answers, and beside a running group."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import psycopg
from confluent_kafka import Consumer, TopicPartition
from fixtures.lab import LIMIT_S, wait_until
from fixtures.screen import ScreenOf

from eosctl.domain.groups import offsets_partition
from eosctl.domain.strategies.catalogue import strategy
from eosctl.lab import clients
from eosctl.lab.state import LabState

QUESTION = "write its results to Kafka?"


def test_a_person_is_asked_explained_to_and_can_go_back() -> None:
    with ScreenOf("recommend", TERM="dumb") as terminal:
        for question, answer in (
            (QUESTION, "?"),
            ("Kafka's transactions join", "maybe"),
            ("Please answer yes or no", "y"),
            ("write to a database?", "b"),
            (QUESTION, "no"),
            ("write to a database?", "yes"),
            ("in the same transaction", "n"),
            ("external API", "no"),
            ("source of truth", "no"),
            ("peak?", ""),
            ("lose a few", "no"),
            ("by its nature?", "no"),
            ("stay in order?", ""),
        ):
            terminal.answers(question, f"{answer}\n")
        terminal.says("Watch it")
        assert terminal.end() == 0
        assert "no: [dedup-table]  <== here" in terminal.text
        assert "was assumed" not in terminal.text


def test_control_d_ends_the_questions_with_a_sentence() -> None:
    with ScreenOf("recommend", TERM="dumb") as terminal:
        terminal.answers(QUESTION, "\x04")
        terminal.says("The questions ended")
        assert terminal.end() == 7


def test_a_missing_answer_without_a_terminal_lists_the_question_and_its_answers() -> None:
    code, answer = _recommend("--answer", "writes_to_kafka=no", "--answer", "writes_to_database=yes")
    assert code == 2
    (error,) = answer["errors"]
    assert error["code"] == "missing_answer"
    assert "offsets_in_same_transaction" in error["message"]
    assert "yes|no" in error["hint"]


def test_a_file_of_answers_is_read_and_a_bad_one_is_refused(tmp_path: Path) -> None:
    good, bad, list_ = tmp_path / "good.yaml", tmp_path / "bad.yaml", tmp_path / "list.yaml"
    good.write_text("writes_to_kafka: yes\nwrites_to_database: no\n", encoding="utf-8")
    bad.write_text("a: [", encoding="utf-8")
    list_.write_text("- yes\n", encoding="utf-8")
    code, answer = _recommend("--answers", str(good))
    assert (code, answer["data"]["strategy"]) == (0, "kafka-transactions")
    assert answer["data"]["strategies"] == ["kafka-transactions"]
    for path in (bad, list_):
        assert _error(_recommend("--answers", str(path))) == "bad_answers_file"
    assert _error(_recommend("--answers", str(tmp_path / "none.yaml"))) == "answers_not_read"


def test_answers_that_contradict_each_other_are_refused() -> None:
    assert _error(_recommend("--answer", "writes_to_kafka=no", "--answer", "writes_to_kafka=yes")) == "bad_answer"


def test_a_running_group_is_looked_at_and_what_differs_is_said(lab: LabState, database: str, topic: str) -> None:
    group, neighbour = f"g-{topic}", _neighbour(f"g-{topic}")
    for one in (group, neighbour):
        _commit_an_offset(lab, topic, one)
    _commit_an_offset_in_a_transaction(lab, topic, neighbour)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(strategy("dedup-table").ddl.encode())
    connected = ("--bootstrap-server", lab.bootstrap_servers, "--dsn", database)
    code, answer = _recommend("--inspect", group, "--answer", "writes_to_kafka=no", *connected)
    data = answer["data"]
    assert (code, data["strategy"]) == (0, "dedup-table")
    seen = {one["what"]: one["seen"] for one in data["observed"]}
    assert set(seen) == {"group", "transactional ids", "dedup table"}
    assert topic in seen["group"]
    assert "whose, can't be told" in seen["transactional ids"]
    assert data["differs"] == [], "what may be another group's is told, and nothing is concluded from it"
    _, answer = _recommend("--inspect", group, "--answer", "writes_to_kafka=yes", "--answer",
                           "writes_to_database=no", *connected)  # fmt: skip
    assert any("writes_to_database=no was answered" in one for one in answer["data"]["differs"])
    assert any("dedup-table seems to run here" in one for one in answer["data"]["differs"])
    code, answer = _recommend("--inspect", group, *connected)
    (error,) = answer["errors"]
    assert (code, error["code"]) == (2, "missing_answer")
    assert "What was seen: group: " in error["message"], "what can be seen is told although it is not enough"


def test_an_unknown_group_is_named(lab: LabState, database: str) -> None:
    connected = ("--bootstrap-server", lab.bootstrap_servers, "--dsn", database)
    assert _error(_recommend("--inspect", "nobody-reads-this", *connected)) == "unknown_group"


def _neighbour(group: str) -> str:
    """A group whose offsets are on the same partition of the lab's ten."""
    names = (f"{group}-{number}" for number in itertools.count())
    return next(one for one in names if offsets_partition(one, 10) == offsets_partition(group, 10))


def _commit_an_offset_in_a_transaction(lab: LabState, topic: str, group: str) -> None:
    consumer = Consumer({"bootstrap.servers": lab.bootstrap_servers, "group.id": group})
    producer = clients.transactional_producer(lab, f"id of {group}", 60_000)
    producer.begin_transaction()
    offsets, metadata = [TopicPartition(topic, 0, 1)], consumer.consumer_group_metadata()
    producer.send_offsets_to_transaction(offsets, metadata, LIMIT_S)
    producer.commit_transaction(LIMIT_S)
    consumer.close()


def _commit_an_offset(lab: LabState, topic: str, group: str) -> None:
    consumer = Consumer({"bootstrap.servers": lab.bootstrap_servers, "group.id": group})
    wait_until(lambda: _committed(consumer, topic))
    consumer.close()


def _committed(consumer: Consumer, topic: str) -> bool:
    from confluent_kafka import KafkaException

    try:
        consumer.commit(offsets=[TopicPartition(topic, 0, 0)], asynchronous=False)
    except KafkaException:
        return False
    return True


def _recommend(*words: str) -> tuple[int, dict]:
    command = [sys.executable, "-m", "eosctl", "recommend", *words, "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL)
    return done.returncode, json.loads(done.stdout)


def _error(ended: tuple[int, dict]) -> str:
    code, answer = ended
    assert code == 2
    return str(answer["errors"][0]["code"])
