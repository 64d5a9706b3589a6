"""What the commands about this machine print: labs, profiles, the journal, undo, the demo."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fixtures.golden import Golden

from eosctl.core.errors import UsageError
from eosctl.core.operation import Action, Query, Receipt
from eosctl.core.plan import Plan
from eosctl.domain.journal import JournalEntry
from eosctl.domain.lab import Incident, LabSummary
from eosctl.domain.outbox import mapping_of
from eosctl.domain.steps.outbox import RetryState, SetRetries
from eosctl.operations import registry
from eosctl.operations.demo import DemoStep, told
from eosctl.operations.journal import list as journal_list
from eosctl.operations.journal import show as journal_show
from eosctl.operations.journal.list import JournalListParams, JournalRow
from eosctl.operations.journal.show import JournalShowParams
from eosctl.ports.profiles import ProfileSummary

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LAB = LabSummary(
    name="default", state="up", profile="lab", bootstrap_servers="127.0.0.1:9092",
    dsn="postgresql://postgres@127.0.0.1:5432/postgres", brokers=1, secure=False, folder="labs/default",
    cluster_id="Iv8s4If_RpK_bh6AeoYppw", incidents=("zombie",),
)  # fmt: skip
INCIDENT = Incident(
    incident="zombie", lab="default", happened="ledger-writer-1 writes on to ledger:0.",
    look="eosctl producers zombies", mend="eosctl producers fence ledger-writer-1", facts={"topic": "ledger"},
)  # fmt: skip


class FakeLab:
    """Answers with fixed values."""

    def up(self, name: str, wish: object) -> tuple[LabSummary, bool]:
        return LAB, True

    def downloads(self, wish: object) -> bool:
        return False

    def down(self, name: str, *, purge: bool) -> tuple[str, ...]:
        return ("zombie", "broker-1", "postgres")

    def labs(self) -> tuple[LabSummary, ...]:
        return (LAB,)

    def environment(self, name: str) -> dict[str, str]:
        return {"EOSCTL_BOOTSTRAP_SERVER": LAB.bootstrap_servers, "EOSCTL_DSN": LAB.dsn}

    def inject(self, name: str, incident: str, options: object) -> Incident:
        return INCIDENT


class FakeProfiles:
    """Two profiles; writes go nowhere."""

    def path(self) -> Path:
        return Path("config/eosctl/config.yaml")

    def profiles(self) -> tuple[ProfileSummary, ...]:
        prod = {"bootstrap_servers": "k1:9093", "kafka": {"sasl.password": "******"}, "protected": True}
        return (
            ProfileSummary("prod", True, True, "prod", "k1:9093", "postgresql://ops:******@db/orders", prod),
            ProfileSummary("lab", False, False, "lab", LAB.bootstrap_servers, LAB.dsn, {"environment": "lab"}),
        )

    def use(self, name: str) -> None:
        pass

    def add(self, name: str, settings: object, *, replace: bool) -> None:
        pass


def nobody(needs: tuple[str, ...]) -> dict[str, str]:
    raise UsageError("no_kafka", "No Kafka was named.")


GATEWAYS: Any = SimpleNamespace(lab=FakeLab(), profiles=FakeProfiles(), target=nobody)


@pytest.mark.parametrize(
    ("name", "wish"),
    [
        ("lab.up", {}),
        ("lab.down", {}),
        ("lab.status", {}),
        ("lab.env", {}),
        ("lab.inject", {"incident": "zombie"}),
        ("profile.list", {}),
        ("profile.show", {"name": "prod"}),
        ("profile.use", {"name": "prod"}),
        ("profile.add", {"name": "new", "servers": "k:9092"}),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_this_machine(golden: Golden, name: str, wish: dict[str, Any]) -> None:
    operation = registry.find(name)
    params = operation.params.model_validate(wish)
    if isinstance(operation, Query):
        golden.report(name, "plain", operation.report(operation.observe(GATEWAYS, params), params))
    else:
        assert isinstance(operation, Action)
        golden.report(name, "plain", operation.run(GATEWAYS, params))


def retried() -> tuple[Plan, list[Receipt]]:
    """A change that can be undone: the retries of two events set back."""
    ids = ("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222")
    rows = tuple(RetryState(id=one, expects_count=10, expects_error="too large") for one in ids)
    step = SetRetries(mapping=mapping_of({}, ""), rows=rows)
    plan = Plan(operation="outbox.retry", summary="Retry 2 events of outbox", steps=(step,), made_at=AT,
                target={"database": "7000/orders"})  # fmt: skip
    return plan, [Receipt(step, "done", {"rows": 2}, {"rows": 2}, verified=True)]


def test_undo(golden: Golden) -> None:
    plan, receipts = retried()
    golden.change("undo", "retries", plan, receipts)


def test_journal(golden: Golden) -> None:
    plan, _ = retried()
    receipt = {"step": 0, "status": "done", "before": {"count": 10}, "after": {"count": 0}, "message": ""}
    entry = JournalEntry(
        id="20260301T120000000-abc123", at=AT, operation="outbox.retry", status="done", summary=plan.summary,
        plan=plan.as_dict(), receipts=(receipt,), intents=(0,), who="ops@host",
    )  # fmt: skip
    golden.report("journal.show", "one", journal_show.report((entry, True), JournalShowParams(id=entry.id)))
    rows = (
        JournalRow(entry.id, AT, entry.operation, "done", entry.summary, undoable=True, who=entry.who),
        JournalRow("20260301T110000000-def456", AT, "txn.abort", "partial", "Abort 2 hanging transactions",
                   undoable=False, who=entry.who),
    )  # fmt: skip
    golden.report("journal.list", "two", journal_list.report(rows, JournalListParams()))


def test_demo(golden: Golden) -> None:
    steps = (
        DemoStep("status finds the incidents", "exit 3", "exit 3", ok=True),
        DemoStep("the group reads on", "0 records", "50 records", ok=False),
    )
    golden.report("demo", "one-bad", told(steps, 25_000))
