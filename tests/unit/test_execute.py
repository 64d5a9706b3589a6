"""Executing plans: skip what is done, stop when the world moved, journal before and after, undo in reverse."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fixtures.steps import RegisterHandler, SetRegister

from eosctl.core.errors import Refused, WorldChanged
from eosctl.core.exit_codes import ExitCode
from eosctl.core.plan import Plan, PlanMode
from eosctl.core.progress import NeverStop, Silent
from eosctl.operations import registry
from eosctl.runtime import execute as executing
from eosctl.runtime import plans
from eosctl.runtime.journal import Journal


class FakeGateways:
    progress = Silent()
    stop: Any = NeverStop()
    timeout_ms = 1_000

    class clock:
        @staticmethod
        def now() -> datetime:
            return datetime(2026, 3, 1, 12, tzinfo=UTC)

    def target(self, needs: tuple[str, ...]) -> dict[str, str]:
        return {"kafka_cluster_id": "cluster-a"}


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> RegisterHandler:
    one = RegisterHandler({"a": 1, "b": 2, "fuse": 0})
    monkeypatch.setattr(executing, "handler_of", lambda _: one)
    monkeypatch.setattr(plans, "handler_of", lambda _: one)
    monkeypatch.setattr(registry, "find", lambda _: None)
    return one


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


def plan_of(*steps: SetRegister, mode: PlanMode = PlanMode.ORDERED, target: str = "cluster-a") -> Plan:
    return Plan(
        operation="registers.set",
        summary="Set registers",
        steps=steps,
        mode=mode,
        target={"kafka_cluster_id": target},
        made_at=datetime(2026, 3, 1, tzinfo=UTC),
    )


A = SetRegister(name="a", expects_value=1, value=10)
B = SetRegister(name="b", expects_value=2, value=20)
FUSE = SetRegister(name="fuse", expects_value=0, value=1)


def test_a_plan_is_carried_out_and_verified(handler: RegisterHandler, journal: Journal) -> None:
    done = executing.execute(plan_of(A, B), FakeGateways(), journal, who="me")
    assert done.exit_code is ExitCode.DONE
    assert handler.registers == {"a": 10, "b": 20, "fuse": 0}
    assert all(one.verified for one in done.receipts)


def test_a_second_run_skips_what_is_done(handler: RegisterHandler, journal: Journal) -> None:
    executing.execute(plan_of(A), FakeGateways(), journal, who="me")
    again = executing.execute(plan_of(A, B), FakeGateways(), journal, who="me")
    assert [one.status for one in again.receipts] == ["skipped", "done"]
    assert handler.acted == ["a", "b"]


def test_a_world_that_moved_stops_the_plan_before_it_acts(handler: RegisterHandler, journal: Journal) -> None:
    handler.registers["a"] = 7
    done = executing.execute(plan_of(A, B), FakeGateways(), journal, who="me")
    assert done.exit_code is ExitCode.WORLD_CHANGED
    assert [one.status for one in done.receipts] == ["failed", "not_started"]
    assert handler.acted == []


def test_a_failure_after_a_success_is_partly_done(handler: RegisterHandler, journal: Journal) -> None:
    handler.broken = ("b",)
    done = executing.execute(plan_of(A, B), FakeGateways(), journal, who="me")
    assert done.exit_code is ExitCode.PARTLY_DONE
    assert done.receipts[1].code == "broken_register"


def test_independent_steps_go_on_after_a_failure(handler: RegisterHandler, journal: Journal) -> None:
    handler.broken = ("a",)
    done = executing.execute(plan_of(A, B, mode=PlanMode.INDEPENDENT), FakeGateways(), journal, who="me")
    assert [one.status for one in done.receipts] == ["failed", "done"]


def test_a_plan_for_another_cluster_is_refused_and_not_journalled(handler: RegisterHandler, journal: Journal) -> None:
    with pytest.raises(WorldChanged) as caught:
        executing.execute(plan_of(A, target="cluster-b"), FakeGateways(), journal, who="me")
    assert caught.value.code == "other_target"
    assert list(journal.entries()) == []
    assert handler.acted == []


def test_a_stop_leaves_the_rest_undone_and_says_so(handler: RegisterHandler, journal: Journal) -> None:
    gateways = FakeGateways()
    gateways.stop = type("Now", (), {"requested": lambda _: bool(handler.acted)})()
    done = executing.execute(plan_of(A, B), gateways, journal, who="me")
    assert [one.status for one in done.receipts] == ["done", "not_started"]
    assert done.exit_code is ExitCode.PARTLY_DONE


def test_the_journal_holds_before_and_after(handler: RegisterHandler, journal: Journal) -> None:
    done = executing.execute(plan_of(A), FakeGateways(), journal, who="me@here")
    entry = journal.entry(done.journal_id)
    assert (entry.status, entry.who, entry.operation) == ("done", "me@here", "registers.set")
    assert entry.receipts[0]["before"] == {"value": 1}
    assert entry.receipts[0]["after"] == {"value": 10}


def test_an_entry_without_an_end_is_interrupted_and_its_torn_line_ignored(
    handler: RegisterHandler, journal: Journal
) -> None:
    done = executing.execute(plan_of(A), FakeGateways(), journal, who="me")
    path = journal.folder / f"{done.journal_id}.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]) + '\n{"event": "en')
    assert journal.entry(done.journal_id).status == "interrupted"


def test_undo_goes_back_in_reverse_and_names_what_has_no_way_back(handler: RegisterHandler, journal: Journal) -> None:
    done = executing.execute(plan_of(A, FUSE, B), FakeGateways(), journal, who="me")
    assert plans.has_way_back(done.receipts)
    back = plans.plan_undo(journal.entry(done.journal_id), FakeGateways())
    assert [step.describe() for step in back.steps] == ["Set b to 2", "Set a to 1"]
    assert [one.message for one in back.warnings] == ["A fuse burns once."]
    undone = executing.execute(back, FakeGateways(), journal, who="me", undoes=done.journal_id)
    assert undone.exit_code is ExitCode.DONE
    assert handler.registers == {"a": 1, "b": 2, "fuse": 1}
    assert journal.entry(done.journal_id).status == "undone"


def test_a_second_undo_and_an_impossible_one_are_refused(handler: RegisterHandler, journal: Journal) -> None:
    done = executing.execute(plan_of(A), FakeGateways(), journal, who="me")
    back = plans.plan_undo(journal.entry(done.journal_id), FakeGateways())
    executing.execute(back, FakeGateways(), journal, who="me", undoes=done.journal_id)
    with pytest.raises(Refused, match="was undone"):
        plans.plan_undo(journal.entry(done.journal_id), FakeGateways())
    burnt = executing.execute(plan_of(FUSE), FakeGateways(), journal, who="me")
    assert not plans.has_way_back(burnt.receipts)
    with pytest.raises(Refused) as caught:
        plans.plan_undo(journal.entry(burnt.journal_id), FakeGateways())
    assert "A fuse burns once." in caught.value.why


def test_undo_stops_when_the_world_moved_since(handler: RegisterHandler, journal: Journal) -> None:
    done = executing.execute(plan_of(A), FakeGateways(), journal, who="me")
    back = plans.plan_undo(journal.entry(done.journal_id), FakeGateways())
    handler.registers["a"] = 11
    undone = executing.execute(back, FakeGateways(), journal, who="me", undoes=done.journal_id)
    assert undone.exit_code is ExitCode.WORLD_CHANGED
    assert handler.registers["a"] == 11
