"""`check` on real servers: every check looks, what is away is unknown and not waited for for ever, files are whole."""

import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from confluent_kafka import Producer
from fixtures.checks import everything, page
from fixtures.command import eosctl
from fixtures.exporter import Door, Exporter
from fixtures.offsets import Offsets
from fixtures.outbox import Outbox

from eosctl.adapters.prometheus import exposition, write_textfile
from eosctl.core.errors import OperationFailed, UsageError
from eosctl.domain.checks.measures import Round
from eosctl.lab import clients
from eosctl.lab.state import LabState
from eosctl.operations import check
from eosctl.operations.check import CheckParams
from eosctl.operations.check_entries import CHECKS

LIMIT = ("--timeout", "3s")


@pytest.fixture
def slot(lab: LabState) -> Any:
    """A replication slot that keeps WAL, by its name."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(lab.dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", (name,))
        yield name
        connection.execute("SELECT pg_drop_replication_slot(%s)", (name,))


@pytest.fixture
def dead_letter_topic(lab: LabState, make_topic: Callable[..., str]) -> str:
    """A dead-letter topic with three records."""
    name = make_topic(1, suffix="-dlt")
    producer = Producer({"bootstrap.servers": lab.bootstrap_servers})
    for number in range(3):
        producer.produce(name, str(number).encode())
    assert producer.flush(clients.LIMIT_S) == 0
    return name


@pytest.fixture
def profile(
    outbox: Outbox, offsets: Offsets, slot: str, dead_letter_topic: str, own_home: dict[str, str]
) -> dict[str, str]:
    """The environment of a profile with something for every check to look at, in one database."""
    outbox.add(4)
    outbox.sql("UPDATE outbox SET retry_count = 10 WHERE id = (SELECT min(id::text)::uuid FROM outbox)")
    outbox.sql("CREATE TABLE processed (message_id text PRIMARY KEY, processed_at timestamptz NOT NULL)")
    outbox.sql("UPDATE consumer_offsets SET committed_offset = committed_offset + 2 WHERE partition = 1")
    one = {
        "bootstrap_servers": outbox.lab.bootstrap_servers,
        "dsn": outbox.dsn,
        "tables": {
            "outbox": {"orders": {"table": "outbox"}},
            "offsets": {"orders": {"table": "consumer_offsets"}},
            "dedup": {"orders": {"table": "processed", "partition": None, "offset": None, "retention": "30d",
                                 "topics": [dead_letter_topic]}},
        },
        "checks": {
            "groups": [offsets.group],
            "topics": [offsets.topic],
            "dead_letter_topics": [dead_letter_topic],
            "slots": [slot],
            "thresholds": {"offset-drift": {"warning": 1, "critical": 2}, "group-lag": {"warning": 9, "critical": 10}},
        },
    }  # fmt: skip
    file = Path(own_home["XDG_CONFIG_HOME"], "eosctl", "config.yaml")
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump({"current": "p", "profiles": {"p": one}}), encoding="utf-8")
    return own_home


def test_every_check_looks_at_what_the_profile_says(
    profile: dict[str, str], offsets: Offsets, dead_letter_topic: str, slot: str
) -> None:
    found = eosctl("check", "--prometheus", "-", env=profile)
    assert found.returncode == 3, found.stderr
    read = page(found.stdout)
    assert read["eosctl_up"] == {("kafka",): 1.0, ("database",): 1.0}
    assert {name for (name,) in read["eosctl_check_status"]} == set(CHECKS)
    assert 3.0 not in read["eosctl_check_status"].values(), found.stdout
    assert read["eosctl_group_lag_records"] == {(offsets.group, offsets.topic): 10.0}
    assert list(read["eosctl_stored_offset_drift_records"].values()) == [2.0]
    assert read["eosctl_dead_letters_last_hour"] == {(dead_letter_topic,): 3.0}
    assert read["eosctl_outbox_failed_events"] == {("orders",): 1.0}
    assert read["eosctl_outbox_oldest_pending_seconds"]["orders",] > 0
    assert read["eosctl_dedup_unsafe_paths"] == {("orders",): 0.0}
    assert read["eosctl_dedup_table_bytes"]["orders",] > 0
    assert list(read["eosctl_slot_retained_wal_bytes"]) == [(slot,)]
    levels = {name: value for (name,), value in read["eosctl_check_status"].items()}
    assert (levels["offset-drift"], levels["group-lag"], levels["outbox-failures"]) == (1.0, 1.0, 2.0)


def test_a_profile_with_a_misspelled_check_is_refused_by_name(profile: dict[str, str]) -> None:
    file = Path(profile["XDG_CONFIG_HOME"], "eosctl", "config.yaml")
    file.write_text(file.read_text("utf-8").replace("offset-drift", "offset-drfit"), encoding="utf-8")
    found = eosctl("check", env=profile)
    assert found.returncode == 2
    assert "'offset-drift'" in found.stderr
    told = eosctl("check", "--nagios", env=profile)
    assert (told.returncode, told.stdout.split(" - ")[0]) == (3, "EOSCTL UNKNOWN")


def test_a_slot_and_a_table_that_do_not_exist_are_never_ok(
    lab: LabState, database: str, own_home: dict[str, str]
) -> None:
    words = (
        "slot-wal",
        "outbox-lag",
        "dedup-size",
        "--slot",
        "nope",
        "--outbox-table",
        "nope",
        "--dedup-table",
        "nope",
    )
    found = eosctl("check", *words, "-o", "csv", "--dsn", database, env=own_home)
    levels = [line.split(",")[:3] for line in found.stdout.splitlines()[1:]]
    assert levels == [["dedup-size", "", "unknown"], ["outbox-lag", "", "unknown"], ["slot-wal", "nope", "critical"]]
    assert found.returncode == 3


def test_nobody_listening_is_unknown_and_what_is_there_is_looked_at(
    lab: LabState, database: str, slot: str, own_home: dict[str, str]
) -> None:
    words = ("--bootstrap-server", "127.0.0.1:1", "--dsn", database, "--slot", slot, *LIMIT)
    found = eosctl("check", "transaction-age", "slot-wal", *words, "--nagios", env=own_home)
    assert found.returncode == 3
    assert "transaction-age=U slot-wal=" in found.stdout
    assert len(found.stdout.splitlines()) == 1
    assert eosctl("check", "transaction-age", "slot-wal", *words, env=own_home).returncode == 5


def test_a_broker_that_takes_connections_and_is_silent_is_unknown_within_the_limit(
    lab: LabState, door: Callable[[str], Door], own_home: dict[str, str]
) -> None:
    one = door(lab.bootstrap_servers)
    one.shut()
    found = eosctl("check", "--bootstrap-server", f"127.0.0.1:{one.port}", *LIMIT, "-o", "csv", env=own_home)
    assert found.returncode == 5
    assert {line.split(",")[2] for line in found.stdout.splitlines()[1:]} == {"unknown"}


def test_an_exporter_outlives_its_broker_and_ends_when_it_is_told(
    lab: LabState, topic: str, door: Callable[[str], Door], serving: Callable[..., Exporter]
) -> None:
    one = door(lab.bootstrap_servers)
    exporter = serving(
        "hanging-transactions", "--topic", topic, *LIMIT, EOSCTL_BOOTSTRAP_SERVER=f"127.0.0.1:{one.port}"
    )
    up = exporter.waits_for(lambda read: read.get("eosctl_up", {}) == {("kafka",): 1.0})
    assert up["eosctl_hanging_transactions"] == {("",): 0.0}
    one.shut()
    away = exporter.waits_for(lambda read: read["eosctl_up"] == {("kafka",): 0.0})
    assert away["eosctl_check_status"] == {("hanging-transactions",): 3.0}
    assert "eosctl_hanging_transactions" not in away
    age = away["eosctl_sample_age_seconds"]["hanging-transactions",]
    exporter.waits_for(lambda read: read["eosctl_sample_age_seconds"]["hanging-transactions",] > age + 2)
    one.is_open = True
    exporter.waits_for(lambda read: read["eosctl_up"] == {("kafka",): 1.0})
    assert exporter.end() == 0
    assert "Traceback" not in exporter.log.read_text(encoding="utf-8")


def test_an_exporter_refuses_a_port_that_is_taken_and_a_wish_that_is_wrong(
    lab: LabState, door: Callable[[str], Door], own_home: dict[str, str]
) -> None:
    taken = door(lab.bootstrap_servers).port
    found = eosctl("check", "--serve", f"127.0.0.1:{taken}", env={**own_home, "EOSCTL_DSN": lab.dsn})
    assert (found.returncode, "listens there already" in found.stderr) == (1, True)
    wrong = eosctl("check", "slot-wall", "--serve", "127.0.0.1:0", env={**own_home, "EOSCTL_DSN": lab.dsn})
    assert (wrong.returncode, "slot-wal" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("--nagios", "-o", "json"),
        ("--serve", ":1", "--nagios"),
        ("--nagios", "--prometheus", "-"),
        ("--every", "5s", "--prometheus", "-"),
        ("--prometheus", "file.txt"),
    ],
)
def test_answers_that_exclude_each_other_are_refused(words: tuple[str, ...], lab: LabState) -> None:
    found = eosctl("check", "slot-wal", *words, env={"EOSCTL_DSN": lab.dsn})
    assert found.returncode == (3 if "--nagios" in words else 2)


def whole(text: str) -> bool:
    """Whether a page is one that was written to its end."""
    return text.endswith("\n") and text.splitlines()[-1].startswith("eosctl_slot_retained_wal_bytes{")


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    file = tmp_path / "eosctl.prom"
    found: Round = check.samples(everything(), CheckParams())
    write_textfile(file, found)
    over, halves, reads = threading.Event(), [], []

    def read() -> None:
        while not over.is_set():
            text = file.read_text(encoding="utf-8")
            reads.append(1)
            if not whole(text):
                halves.append(text)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(300):
        write_textfile(file, found)
    over.set()
    reader.join()
    assert (halves, bool(reads), list(tmp_path.iterdir())) == ([], True, [file])


def test_the_reader_would_see_half_a_file() -> None:
    text = exposition(check.samples(everything(), CheckParams()))
    assert whole(text)
    assert [end for end in range(len(text)) if whole(text[:end])] == []


def test_a_file_that_can_t_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    found: Round = check.samples(everything(), CheckParams())
    with pytest.raises(OperationFailed, match="can't be written"):
        write_textfile(tmp_path / "nowhere" / "eosctl.prom", found)
    with pytest.raises(UsageError, match=r"\.prom"):
        write_textfile(tmp_path / "eosctl.txt", found)
    (tmp_path / "eosctl.prom").mkdir()
    with pytest.raises(OperationFailed, match="can't be written"):
        write_textfile(tmp_path / "eosctl.prom", found)
    assert [one.name for one in tmp_path.iterdir()] == ["eosctl.prom"]
