"""The shipped playbooks on real incidents: the incident is made, the playbook is run, the outcome is looked at."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fixtures.lab import wait_until

from eosctl.cli.playbooks import CliPlaybooks
from eosctl.cli.settings import Settings
from eosctl.cli.wiring import CliGateways
from eosctl.core.errors import OperationFailed, Refused
from eosctl.core.progress import NeverStop, Silent
from eosctl.domain.lab import Incident
from eosctl.lab.reading import read_on
from eosctl.lab.state import LabState, known_state
from eosctl.ports.playbooks import RunWish

Inject = Callable[..., Incident]


@pytest.fixture
def gateways(lab: LabState) -> Iterator[CliGateways]:
    checks = {"names": ["transaction-age", "hanging-transactions", "blocked-records"]}  # others share the lab
    settings = Settings(
        kafka={"bootstrap.servers": lab.bootstrap_servers, **lab.security}, dsn=lab.dsn, timeout_ms=60_000,
        sections={"checks": checks},
    )  # fmt: skip
    one = CliGateways(settings, progress=Silent(), stop=NeverStop())
    yield one
    one.close()


@pytest.fixture
def playbooks(gateways: CliGateways) -> CliPlaybooks:
    return CliPlaybooks(gateways)


def wish(**params: str) -> RunWish:
    return RunWish(params=params, yes=True)


def test_unblock_consumer_frees_the_group_and_leaves_its_record(
    lab: LabState, inject: Inject, playbooks: CliPlaybooks, tmp_path: Path
) -> None:
    facts = inject("hanging-transaction").facts
    assert read_on(lab, facts["group"], facts["topic"]) == 0
    report = tmp_path / "incident.md"
    outcome = playbooks.run("unblock-consumer", RunWish(params={"group": facts["group"]}, yes=True, report=report))
    assert (outcome.status, [one.status for one in outcome.steps]) == ("done", ["done"] * 4)
    assert outcome.steps[1].journal_id
    assert read_on(lab, facts["group"], facts["topic"]) == int(facts["records_behind"])
    assert outcome.steps[1].journal_id in report.read_text(encoding="utf-8")
    events = [json.loads(line) for line in Path(outcome.folder, "events.jsonl").read_text("utf-8").splitlines()]
    assert [one["event"] for one in events][0 :: len(events) - 1] == ["begin", "end"]


def test_unblock_consumer_ends_well_when_nothing_is_blocked(inject: Inject, playbooks: CliPlaybooks) -> None:
    facts = inject("hanging-transaction").facts
    playbooks.run("unblock-consumer", wish(group=facts["group"]))
    again = playbooks.run("unblock-consumer", wish(group=facts["group"]))
    assert (again.status, again.said) == ("stopped", "Nothing is blocked for this group")


def test_a_dry_run_shows_plans_and_changes_nothing(lab: LabState, inject: Inject, playbooks: CliPlaybooks) -> None:
    facts = inject("hanging-transaction").facts
    outcome = playbooks.run("unblock-consumer", RunWish(params={"group": facts["group"]}, dry_run=True))
    assert (outcome.status, [one.status for one in outcome.steps]) == ("planned", ["done", "planned", "done", "done"])
    assert "would wait until" in outcome.steps[3].message
    assert read_on(lab, facts["group"], facts["topic"]) == 0


def test_fence_zombie_stops_its_writes(lab: LabState, inject: Inject, playbooks: CliPlaybooks) -> None:
    facts = inject("zombie").facts
    outcome = playbooks.run("fence-zombie", wish(id=facts["transactional_id"], sample="1s"))
    assert outcome.status == "done"
    log = known_state(lab.name).path("logs", "zombie.log")
    wait_until(lambda: "refused" in log.read_text(encoding="utf-8"), limit_s=60)


def test_the_health_check_is_well_on_a_quiet_cluster_and_fails_on_a_hang(
    inject: Inject, playbooks: CliPlaybooks
) -> None:
    wait_until(lambda: playbooks.run("eos-health-check", wish()).status == "done", limit_s=60)
    facts = inject("hanging-transaction").facts
    sick = playbooks.run("eos-health-check", wish())
    assert (sick.status, f"hanging-transactions {facts['topic']} (critical)" in sick.said) == ("failed", True)
    playbooks.run("unblock-consumer", wish(group=facts["group"]))


def test_the_health_check_holds_transactions_against_the_limit_that_was_given(
    inject: Inject, playbooks: CliPlaybooks
) -> None:
    found = f"transaction-age {inject('long-transaction').facts['topic']}"
    wait_until(lambda: f"{found} (critical)" in playbooks.run("eos-health-check", wish(older_than="100ms")).said,
               limit_s=60)  # fmt: skip
    assert found not in playbooks.run("eos-health-check", wish()).said


def test_a_run_that_failed_goes_on_where_it_stopped_and_does_nothing_twice(
    lab: LabState, inject: Inject, playbooks: CliPlaybooks, tmp_path: Path
) -> None:
    facts = inject("zombie").facts
    file = tmp_path / "two-steps.yaml"
    wrong = f"no-such-{uuid.uuid4().hex[:6]}"
    text = """schema: eosctl.playbook/v1
name: two-steps
summary: Fences, then fails until the file is mended
params: {id: {required: true}}
steps:
  - {id: fence, run: producers.fence, with: {id: ["${{ params.id }}"], allow_live: true}, register: fenced}
  - {id: look, run: txn.describe, with: {id: ["%s"]}, when: "size(fenced.rows) == 1"}
"""
    file.write_text(text % wrong, encoding="utf-8")
    with pytest.raises(Exception, match=wrong):
        playbooks.run(str(file), wish(id=facts["transactional_id"]))
    run = _newest(playbooks)
    file.write_text(text % facts["transactional_id"], encoding="utf-8")
    with pytest.raises(Refused, match="changed since"):
        playbooks.resume(run, wish(), accept_changed=False)
    outcome = playbooks.resume(run, wish(), accept_changed=True)
    assert [(one.step, one.status) for one in outcome.steps] == [("fence", "skipped"), ("look", "done")]
    with pytest.raises(Refused, match="is over"):
        playbooks.resume(run, wish(), accept_changed=True)


def test_two_do_not_run_the_same_playbook_at_the_same_target(
    lab: LabState, playbooks: CliPlaybooks, gateways: CliGateways, tmp_path: Path
) -> None:
    import psycopg

    file = tmp_path / "locked.yaml"
    name = f"lock-{uuid.uuid4().hex[:8]}"
    file.write_text(
        f"schema: eosctl.playbook/v1\nname: locked\nsummary: Locked\nlock: {name}\n"
        "steps: [{id: look, run: txn.list}]\n",
        encoding="utf-8",
    )
    with psycopg.connect(lab.dsn) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"eosctl playbook {name}"])
        with pytest.raises(Refused, match="Somebody runs it already"):
            playbooks.run(str(file), wish())
    assert playbooks.run(str(file), wish()).status == "done"


def test_rescue_and_undo_follow_a_failed_step_and_finally_is_always_run(
    playbooks: CliPlaybooks, tmp_path: Path
) -> None:
    file = tmp_path / "rescued.yaml"
    file.write_text(
        """schema: eosctl.playbook/v1
name: rescued
summary: Fails
steps:
  - id: wait
    run: txn.list
    until: {that: "size(result.rows) < 0", every: 100ms, for: 300ms}
    on_failure: {rescue: [{id: look, run: txn.list}], rollback: undo}
finally:
  - {id: bye, run: txn.list}
""",
        encoding="utf-8",
    )
    with pytest.raises(OperationFailed, match="did not become true"):
        playbooks.run(str(file), wish())
    events = _events(playbooks)
    assert [(one["step"], one["status"]) for one in events if one["event"] == "step"] == [
        ("wait", "failed"), ("wait/rescue/look", "done"), ("finally/bye", "done"),
    ]  # fmt: skip
    assert events[-1]["status"] == "failed"


def test_a_manual_step_wants_a_person(playbooks: CliPlaybooks, tmp_path: Path) -> None:
    file = tmp_path / "by-hand.yaml"
    file.write_text(
        "schema: eosctl.playbook/v1\nname: by-hand\nsummary: Wants a person\n"
        "steps: [{id: call, manual: Call the payments team}]\n",
        encoding="utf-8",
    )
    with pytest.raises(Refused, match="wants a person"):
        playbooks.run(str(file), wish())


def _newest(playbooks: CliPlaybooks) -> str:
    from eosctl.playbook.record import runs_folder

    return max(
        (path for path in runs_folder().iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime_ns
    ).name


def _events(playbooks: CliPlaybooks) -> list[dict[str, str]]:
    from eosctl.playbook.record import RunRecord, runs_folder

    return RunRecord(runs_folder() / _newest(playbooks)).events()
