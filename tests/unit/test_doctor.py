"""The audit as a command: exit codes, ignoring, baselines, SARIF, files only, wrong usage."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fixtures.audit import broker, client, topic
from fixtures.command import eosctl
from sarif_kit.validate import validation_errors

from eosctl.core.errors import Unreachable, UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.domain.audit.facts import Facts
from eosctl.domain.audit.naming import fed_by_outbox, holds_dead_letters, mapped_window_ms
from eosctl.domain.audit.rule import Area, Outcome, Status
from eosctl.domain.audit.rules import RULES
from eosctl.domain.audit.sarif import sarif
from eosctl.operations import registry
from eosctl.operations.doctor import audit
from eosctl.operations.doctor.audit import DoctorParams, DoctorSeen, FailOn, report

ERROR = Facts(clients=(client("acks=0\nenable.idempotence=true", "producer.properties"),))
WARNING = Facts(clients=(client("group.id=g\nenable.auto.commit=false", "consumer.properties"),))
DDL = "CREATE TABLE seen (message_id text, processed_at timestamptz NOT NULL);\n"


@pytest.mark.parametrize(
    ("facts", "fail_on", "code"),
    [
        (Facts(), FailOn.ERROR, ExitCode.DONE),
        (ERROR, FailOn.ERROR, ExitCode.PROBLEM),
        (WARNING, FailOn.ERROR, ExitCode.DONE),
        (WARNING, FailOn.WARNING, ExitCode.PROBLEM),
        (Facts(unseen={Area.TOPICS: "hidden"}), FailOn.ERROR, ExitCode.PARTLY_DONE),
        (Facts(clients=ERROR.clients, unseen={Area.TOPICS: "hidden"}), FailOn.ERROR, ExitCode.PROBLEM),
    ],
)
def test_the_exit_code_tells_found_from_not_checked(facts: Facts, fail_on: FailOn, code: ExitCode) -> None:
    assert report(DoctorSeen(facts), DoctorParams(fail_on=fail_on)).exit_code is code


def test_rows_are_ordered_by_severity_and_tell_everything() -> None:
    rows = report(DoctorSeen(Facts(clients=(*WARNING.clients, *ERROR.clients))), DoctorParams()).data
    assert [one.severity for one in rows] == sorted([one.severity for one in rows], key=["error", "warning",
                                                                                         "info"].index)  # fmt: skip
    acks = next(one for one in rows if one.id == "EOS-K-202")
    assert (acks.subject, acks.file, acks.line, acks.seen) == (
        "producer.properties",
        "producer.properties",
        1,
        "acks=0",
    )
    assert acks.why
    assert acks.mend
    assert acks.link.startswith("https://")


def test_a_rule_that_is_ignored_neither_counts_nor_shows_but_with_all() -> None:
    ids = ("EOS-K-202", "EOS-K-206")
    quiet = report(DoctorSeen(ERROR), DoctorParams(ignore=ids))
    assert quiet.exit_code is ExitCode.DONE
    assert not {one.id for one in quiet.data} & set(ids)
    every = report(DoctorSeen(ERROR), DoctorParams(ignore=ids, all=True))
    assert {one.status.value for one in every.data} == {"ignored", "passed"}


def test_one_hidden_topic_hides_no_other() -> None:
    facts = Facts(topics=(topic("a", configs={"min.insync.replicas": "1"}), topic("b")), brokers=(broker(),))
    hidden = Facts(topics=(facts.topics[0], type(facts.topics[1])(facts.topics[1].topic, hidden="No right.")))
    rows = report(DoctorSeen(hidden), DoctorParams()).data
    assert ("EOS-K-103", "a", "found") in {(one.id, one.subject, one.status.value) for one in rows}
    assert ("EOS-K-103", "b", "not checked") in {(one.id, one.subject, one.status.value) for one in rows}


@pytest.mark.parametrize(
    ("name", "dead", "outbox"),
    [("orders-dlt", True, False), ("orders.DLT", True, False), ("dlq.orders", True, False),
     ("orders-dead-letter", True, False), ("orders-events", False, True), ("idlq", False, False)],
)  # fmt: skip
def test_topics_are_told_by_their_names(name: str, dead: bool, outbox: bool) -> None:
    assert (holds_dead_letters(name), fed_by_outbox(name)) == (dead, outbox)


def test_the_window_is_the_shortest_that_the_profile_maps() -> None:
    tables = {"dedup": {"a": {"table": "a", "retention": "7d"}, "b": {"table": "b", "retention_ms": 1_000}}}
    assert mapped_window_ms({"tables": tables}) == 1_000
    assert mapped_window_ms({}) is None


def test_a_noun_may_be_a_command_by_itself_and_have_verbs() -> None:
    assert registry.find("doctor").name == "doctor"
    assert registry.find("doctor.rules").name == "doctor.rules"
    assert {"doctor", "doctor.rules"} <= set(registry.names())
    with pytest.raises(UsageError):
        registry.find("doctor.audit")
    with pytest.raises(UsageError):
        registry.find("txn")


class NoServer:
    """Gateways of which nobody answers, or nobody was named."""

    profile: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, kafka: Exception, database: Exception) -> None:
        self._kafka, self._database = kafka, database

    @property
    def cluster(self) -> Any:
        raise self._kafka

    @property
    def database(self) -> Any:
        raise self._database


NO_KAFKA, NO_DATABASE = UsageError("no_kafka", "No Kafka was named."), UsageError("no_database", "No database.")
SILENT = Unreachable("database_unreachable", "The database can't be reached.")


def test_with_no_server_at_all_the_error_says_so() -> None:
    with pytest.raises(UsageError, match="No Kafka"):
        audit.observe(NoServer(NO_KAFKA, NO_DATABASE), DoctorParams())  # type: ignore[arg-type]
    with pytest.raises(Unreachable):
        audit.observe(NoServer(NO_KAFKA, SILENT), DoctorParams())  # type: ignore[arg-type]


def test_a_server_that_nobody_named_is_passed_over_when_there_are_files(tmp_path: Path) -> None:
    file = tmp_path / "producer.properties"
    file.write_text("acks=all\n")
    params = DoctorParams(client_config=(str(file),))
    seen = audit.observe(NoServer(NO_KAFKA, NO_DATABASE), params)  # type: ignore[arg-type]
    assert [one.code for one in seen.notices] == ["no_kafka", "no_database"]
    assert not seen.facts.unseen
    silent = audit.observe(NoServer(NO_KAFKA, SILENT), params)  # type: ignore[arg-type]
    assert set(silent.facts.unseen) == {Area.TABLES, Area.POSTGRES}
    assert report(silent, params).exit_code is ExitCode.PARTLY_DONE


@pytest.mark.parametrize("asked", [{"topic": ("t",)}, {"table": ("t",)}])
def test_what_is_asked_of_a_server_that_nobody_named_is_an_error(tmp_path: Path, asked: dict[str, Any]) -> None:
    file = tmp_path / "producer.properties"
    file.write_text("acks=all\n")
    with pytest.raises(UsageError):
        audit.observe(NoServer(NO_KAFKA, NO_DATABASE), DoctorParams(client_config=(str(file),), **asked))  # type: ignore[arg-type]


def test_sarif_has_rules_results_places_and_suppressions(tmp_path: Path) -> None:
    file = tmp_path / "my producer.properties"
    file.write_text("enable.idempotence=true\nacks=0\n")
    schema = tmp_path / "schema.sql"
    schema.write_text("\n" + DDL)
    out = tmp_path / "doctor.sarif"
    params = DoctorParams(client_config=(str(file),), ddl=(schema,), offline=True, sarif=out, ignore=("EOS-K-206",))
    audit.run(SimpleNamespace(profile={}), params)  # type: ignore[arg-type]
    log = json.loads(out.read_text())
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert [one["id"] for one in run["tool"]["driver"]["rules"]] == [one.id for one in RULES]
    results = {one["ruleId"]: one for one in run["results"]}
    for one in results.values():
        assert run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"]
    place = results["EOS-K-202"]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("my%20producer.properties")
    assert place["region"]["startLine"] == 2
    assert results["EOS-K-202"]["level"] == "error"
    assert results["EOS-K-206"]["suppressions"] == [{"kind": "external"}]
    assert results["EOS-K-402"]["locations"][0]["physicalLocation"]["region"]["startLine"] == 2


def test_sarif_is_what_the_official_schema_wants() -> None:
    """With every rule as a finding with a place, one without, one ignored, and one not checked."""
    outcomes = [
        Outcome(rule, status, subject, "seen", file, line)
        for rule in RULES
        for status, subject, file, line in (
            (Status.FOUND, "a b.properties (prod)", "a b.properties", 3),
            (Status.FOUND, "broker 1", "", 0),
            (Status.IGNORED, "schema.sql", "c:\\ddl\\schema.sql", 0),
            (Status.NOT_CHECKED, "broker 2", "", 0),
        )
    ]
    log = json.loads(json.dumps(sarif(outcomes, RULES, "1.2.3")))
    assert validation_errors(log) == []
    assert len(log["runs"][0]["results"]) == 3 * len(RULES)
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert len(validation_errors(log)) == 1, "the schema should refuse a level that it does not know"


def test_a_baseline_passes_over_what_it_knows_and_nothing_else(tmp_path: Path) -> None:
    file, known = tmp_path / "producer.properties", tmp_path / "known.json"
    file.write_text("acks=0\nenable.idempotence=true\n")
    gateways: Any = SimpleNamespace(profile={})
    params = DoctorParams(client_config=(str(file),), offline=True)
    first = audit.run(gateways, params.model_copy(update={"write_baseline": known}))
    assert first.exit_code is ExitCode.PROBLEM
    with_known = params.model_copy(update={"baseline": known})
    assert audit.run(gateways, with_known).exit_code is ExitCode.DONE
    file.write_text("# moved by a line\nacks=0\nenable.idempotence=true\nretries=0\n")
    again = audit.run(gateways, with_known)
    assert {one.id for one in again.data} == {"EOS-K-203"}


def test_offline_runs_as_the_issue_writes_it(tmp_path: Path, own_home: dict[str, str]) -> None:
    (tmp_path / "producer.properties").write_text("acks=all\nenable.idempotence=true\n")
    (tmp_path / "schema.sql").write_text(DDL)
    words = (
        "--offline",
        "--client-config",
        str(tmp_path / "producer.properties"),
        "--ddl",
        str(tmp_path / "schema.sql"),
    )
    found = eosctl("doctor", *words, "-o", "json", env=own_home)
    envelope = json.loads(found.stdout)
    assert (envelope["operation"], envelope["status"], found.returncode) == ("doctor", "problem", 3)
    assert {one["id"] for one in envelope["data"]} == {"EOS-K-401", "EOS-K-402", "EOS-K-403", "EOS-K-409"}
    told = eosctl("doctor", *words, env=own_home)
    assert told.returncode == 3
    assert "error EOS-K-402" in told.stdout
    assert "Mend: CREATE UNIQUE INDEX" in told.stdout
    listed = eosctl("doctor", "rules", "-o", "json", env=own_home)
    assert len(json.loads(listed.stdout)["data"]) == len(RULES)


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("--offline",), 2, "--client-config"),
        (("--offline", "--topic", "t", "--ddl", "x"), 2, "nobody to ask"),
        (("--offline", "--client-config", "missing.properties"), 2, "missing.properties"),
        (("--offline", "--client-config", "colour.txt"), 2, "KIND:FILE"),
        (("--offline", "--ddl", "colour.txt"), 2, "colour.txt"),
        (("--offline", "--client-config", "broken.yml"), 2, "broken.yml"),
        (("--offline", "--ddl", "good.sql", "--baseline", "colour.txt"), 2, "baseline"),
        (("--offline", "--ddl", "good.sql", "--ignore", "eos-k-201"), 2, "EOS-K-201"),
        (("--offline", "--ddl", "good.sql", "--fail-on", "never"), 2, "warning"),
        (("--offline", "--ddl", "good.sql", "--sarif", "no/such/folder.sarif"), 1, "can't be written"),
        ((), 2, "--bootstrap-server"),
        (("--bootstrap-server", "127.0.0.1:1"), 6, "127.0.0.1:1"),
        (("ruls",), 2, "rules"),
        (("rules", "EOS-X-1"), 2, "doctor rules"),
        (("rules", "--area", "brokers", "EOS-K-401"), 2, "No rule"),
    ],
)
def test_wrong_input_is_answered_with_what_to_do(
    words: tuple[str, ...], code: int, hint: str, own_home: dict[str, str], folder_with_files: None
) -> None:
    found = eosctl("doctor", *words, env=own_home)
    assert found.returncode == code, found.stderr
    assert hint in found.stderr
    assert "Traceback" not in found.stderr


@pytest.fixture
def folder_with_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are good for nothing, and a good one, in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("colour.txt").write_text("colour=red\n")
    Path("broken.yml").write_text("a: [\n")
    Path("good.sql").write_text("CREATE TABLE seen (message_id text PRIMARY KEY);\n")
