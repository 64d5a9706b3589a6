"""The lab against itself: real servers come up, stay apart, go down, fail cleanly; real incidents happen on them."""

import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest
from fixtures.lab import LIMIT_S, processes_below

from eosctl.core.errors import OperationFailed, UsageError
from eosctl.domain.lab import Incident, LabWish
from eosctl.lab import clients, engine, incidents, jars, kafka, postgres
from eosctl.lab.gateway import LocalLab
from eosctl.lab.processes import end, is_taken
from eosctl.lab.profiles import environment, lab_settings
from eosctl.lab.state import LabProcess, LabState, known_state, labs_folder, read_state

Inject = Callable[..., Incident]


def _broker_ids(state: LabState) -> set[int]:
    return set(clients.librdkafka_admin(state).list_topics(timeout=LIMIT_S).brokers)


def _setting(dsn: str, name: str) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


# --- up and down ---------------------------------------------------------------------------------------------------


def test_two_that_start_the_same_lab_at_once_start_it_once_and_its_data_and_ports_survive_down(own_name: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: engine.up(own_name, LabWish()), range(2)))
    assert sorted(started for _, started in answers) == [False, True]
    state = known_state(own_name)
    with psycopg.connect(state.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    incidents.inject(state, "dead-letters", {"topic": "kept", "count": "3"})

    _, ended = engine.down(own_name, purge=False)
    assert set(ended) == {"broker-1", "postgres"}
    assert not processes_below(Path(state.folder))
    assert not any(is_taken(port) for port in state.ports.values())
    assert state.path("logs", "broker-1.log").exists()
    with pytest.raises(OperationFailed, match="does not run"):
        LocalLab().environment(own_name)

    again, started = engine.up(own_name, LabWish())
    assert (started, again.ports, again.cluster_id) == (True, state.ports, state.cluster_id)
    with psycopg.connect(again.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert sum(clients.ends(again, "kept-dlt", range(3), committed=True).values()) == 3

    engine.down(own_name, purge=True)
    assert not Path(state.folder).exists()
    assert not postgres.data_folder(state).exists()
    assert not processes_below(Path(state.folder))


def test_up_again_is_a_no_op_that_says_so_and_other_shapes_are_refused(three_brokers: LabState) -> None:
    before = known_state(three_brokers.name)
    summary, started = LocalLab().up(three_brokers.name, LabWish(brokers=3))
    assert (started, summary.state) == (False, "up")
    assert known_state(three_brokers.name).processes == before.processes
    with pytest.raises(UsageError, match="has 3 brokers, plain") as caught:
        engine.up(three_brokers.name, LabWish(secure=True))
    assert caught.value.code == "other_lab"


def test_labs_stand_side_by_side_each_a_profile_of_its_own(three_brokers: LabState, secure_lab: LabState) -> None:
    assert not set(three_brokers.ports.values()) & set(secure_lab.ports.values())
    assert three_brokers.cluster_id != secure_lab.cluster_id
    settings = lab_settings()
    assert settings["lab-test-three"]["bootstrap_servers"] == three_brokers.bootstrap_servers
    assert settings["lab-test-secure"]["kafka_config"] == environment(secure_lab)["EOSCTL_KAFKA_CONFIG"]
    assert "EOSCTL_KAFKA_CONFIG" not in environment(three_brokers)


def test_a_lab_has_what_exactly_once_wants_of_postgresql(three_brokers: LabState) -> None:
    assert _setting(three_brokers.dsn, "wal_level") == "logical"
    assert int(_setting(three_brokers.dsn, "max_prepared_transactions")) >= 10
    assert _setting(three_brokers.dsn, "listen_addresses") == "127.0.0.1"


def test_three_brokers_replicate_the_transaction_log(three_brokers: LabState) -> None:
    assert _broker_ids(three_brokers) == {1, 2, 3}
    clients.transactional_producer(three_brokers, "replicated", 60_000)
    admin = clients.librdkafka_admin(three_brokers)
    topic = admin.list_topics("__transaction_state", timeout=LIMIT_S).topics["__transaction_state"]
    assert {len(one.replicas) for one in topic.partitions.values()} == {3}


def test_kafkas_own_tools_run_on_the_labs_jars(three_brokers: LabState) -> None:
    command = "org.apache.kafka.tools.TransactionsCommand"
    answer = kafka.run_tool(three_brokers, command, "--bootstrap-server", three_brokers.bootstrap_servers, "list")
    assert "TransactionalId" in answer
    with pytest.raises(OperationFailed) as caught:
        kafka.run_tool(three_brokers, command, "--bootstrap-server", three_brokers.bootstrap_servers, "no-such-verb")
    assert caught.value.code == "kafka_tool_failed"


# --- bad days ------------------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_named_and_nothing_is_left(own_name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(OperationFailed, match=str(port)) as caught:
            engine.up(own_name, LabWish(kafka_port=port))
    assert caught.value.code == "port_taken"
    assert caught.value.hint
    assert read_state(own_name) is None
    assert not (labs_folder() / own_name / "kafka-1").exists()


def test_a_broker_that_does_not_start_takes_everything_down_with_it(own_name: str) -> None:
    with pytest.raises(OperationFailed) as caught:
        engine.up(own_name, LabWish(broker_settings={"authorizer.class.name": "no.such.Authorizer"}))
    assert caught.value.code == "lab_not_started"
    assert "no.such.Authorizer" in caught.value.why
    assert not processes_below(labs_folder() / own_name)
    assert not (labs_folder() / own_name).exists()


def test_a_setting_that_kafka_refuses_is_told_in_kafkas_words(own_name: str) -> None:
    with pytest.raises(OperationFailed) as caught:
        engine.up(own_name, LabWish(broker_settings={"log.segment.bytes": "many"}))
    assert "log.segment.bytes" in caught.value.why
    assert not (labs_folder() / own_name).exists()


def test_a_download_that_is_refused_says_so(
    own_name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    nobody = "http://127.0.0.1:9"  # the discard port: connections are refused
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, nobody)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("HOME", str(tmp_path))  # jgo keeps what it fetched below the home folder
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    jars.resolved.cache_clear()
    request.addfinalizer(jars.resolved.cache_clear)
    with pytest.raises(OperationFailed) as caught:
        engine.up(own_name, LabWish())
    assert caught.value.code == "download_failed"
    assert "network" in caught.value.hint
    assert not (labs_folder() / own_name).exists()


def test_a_full_disk_is_told_before_anything_is_started(own_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr("eosctl.lab.engine.shutil.disk_usage", lambda _: usage)
    with pytest.raises(OperationFailed) as caught:
        engine.up(own_name, LabWish())
    assert caught.value.code == "disk_full"
    assert read_state(own_name) is None


def test_a_java_that_is_too_old_or_missing_and_a_postgresql_that_is_missing_are_refused(tmp_path: Path) -> None:
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n", encoding="utf-8")
    old.chmod(0o755)
    with pytest.raises(UsageError, match="not Java 17"):
        jars.java(str(old))
    with pytest.raises(UsageError, match="no Java"):
        jars.java(str(tmp_path / "nothing"))
    with pytest.raises(UsageError, match="no initdb"):
        postgres.postgres_bin(str(tmp_path))


def test_down_never_ends_a_process_that_took_over_a_pid() -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        born = psutil.Process(stranger.pid).create_time()
        assert end(LabProcess("broker-1", stranger.pid, born - 100)) is False
        assert stranger.poll() is None
        assert end(LabProcess("broker-1", stranger.pid, born)) is True
    finally:
        stranger.kill()
        stranger.wait()


def test_an_unknown_lab_and_a_bad_name_are_wrong_usage() -> None:
    with pytest.raises(UsageError, match="no lab 'nowhere'"):
        engine.down("nowhere", purge=False)
    with pytest.raises(UsageError, match="not a lab's name"):
        engine.up("../escape", LabWish())


def _properties(state: LabState, name: str) -> dict[str, str]:
    lines = state.path("security", f"{name}.properties").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


def _reaches(settings: dict[str, str]) -> bool:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({**settings, "log_level": 0}, logger=_Silent())
    try:
        return bool(admin.list_topics(timeout=2).brokers)
    except KafkaException:
        return False


class _Silent:
    """librdkafka's complaints about refused logins belong to the test."""

    def log(self, *_: object) -> None:
        """Nothing."""


def test_scram_and_client_certificates_are_let_in_and_a_wrong_password_is_not(secure_lab: LabState) -> None:
    assert _reaches(_properties(secure_lab, "admin"))
    assert _reaches(_properties(secure_lab, "certificate"))
    assert not _reaches({**_properties(secure_lab, "admin"), "sasl.password": "wrong"})
    certificate = _properties(secure_lab, "certificate")
    bare = {key: value for key, value in certificate.items() if not key.startswith(("ssl.certificate", "ssl.key"))}
    assert not _reaches(bare)
    assert not _reaches({"bootstrap.servers": secure_lab.bootstrap_servers})


def test_the_limited_user_may_log_in_and_nothing_else(secure_lab: LabState) -> None:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient, NewTopic

    limited = AdminClient(_properties(secure_lab, "limited"))
    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        limited.create_topics([NewTopic("forbidden", 1, 1)])["forbidden"].result(LIMIT_S)


def test_secrets_are_readable_by_their_owner_alone(secure_lab: LabState) -> None:
    files = [
        *secure_lab.path("security").iterdir(),
        secure_lab.path("state.json"),
        *secure_lab.path().glob("*.properties"),
    ]
    assert {file.stat().st_mode & 0o077 for file in files} == {0}
    assert secure_lab.security["sasl.password"] not in repr(LocalLab().labs())


def test_kip_664_works_on_the_secure_lab(secure_lab: LabState) -> None:
    clients.transactional_producer(secure_lab, "behind-scram", 60_000)
    with clients.kip664_admin(secure_lab) as admin:
        assert "behind-scram" in admin.describe_transactions(["behind-scram"])
