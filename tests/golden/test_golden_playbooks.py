"""What the `playbook` commands print."""

from types import SimpleNamespace
from typing import Any

import pytest
from fixtures.golden import Golden

from eosctl.core.operation import Action, Query
from eosctl.operations import registry
from eosctl.ports.playbooks import PlaybookSummary, RunOutcome, RunWish, StepOutcome

SUMMARY = PlaybookSummary(
    "unblock-consumer", "A read_committed group stands still", "on-call", ("group", "wait?"), changes=True,
    file="playbooks/unblock-consumer.yaml",
)  # fmt: skip
STEPS = (
    StepOutcome("look", "txn.blocked", "done", "1 row", took_ms=420),
    StepOutcome("abort", "txn.abort", "done", "Abort 1 hanging transaction", "20260301T120000000-abc123", 310),
    StepOutcome("fence", "producers.fence", "done", "nothing to do"),
    StepOutcome("free", "txn.blocked", "done", "0 rows", took_ms=2_400),
)


class FakePlaybooks:
    """One playbook and one run."""

    def all(self) -> tuple[PlaybookSummary, ...]:
        return (SUMMARY, PlaybookSummary("broken", "it can't be read", "", (), changes=False, file="b.yaml", faults=2))

    def show(self, name: str) -> tuple[PlaybookSummary, str]:
        return SUMMARY, "schema: eosctl.playbook/v1\nname: unblock-consumer\n"

    def validate(self, name: str) -> tuple[str, ...]:
        return ("p.yaml:3:1: 'sumary' is not known here. Did you mean 'summary'?",)

    def schema(self) -> dict[str, Any]:
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Playbook"}

    def run(self, name: str, wish: RunWish) -> RunOutcome:
        return RunOutcome("20260301T120000-unblock-consumer-1a2b", "unblock-consumer", "done", "", "runs/1", STEPS)

    def resume(self, run: str, wish: RunWish, *, accept_changed: bool) -> RunOutcome:
        return RunOutcome("20260301T120000-unblock-consumer-1a2b", "unblock-consumer", "stopped",
                          "Nothing is blocked", "runs/1", STEPS[:1])  # fmt: skip


@pytest.mark.parametrize(
    ("name", "wish"),
    [
        ("playbook.list", {}),
        ("playbook.show", {"playbook": "unblock-consumer"}),
        ("playbook.validate", {"playbook": ["p.yaml"]}),
        ("playbook.schema", {}),
        ("playbook.run", {"playbook": "unblock-consumer", "set": ["group=orders"]}),
        ("playbook.resume", {"run": "20260301"}),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_playbooks(golden: Golden, name: str, wish: dict[str, Any]) -> None:
    operation = registry.find(name)
    gateways: Any = SimpleNamespace(playbooks=FakePlaybooks())
    params = operation.params.model_validate(wish)
    if isinstance(operation, Query):
        golden.report(name, "plain", operation.report(operation.observe(gateways, params), params))
    else:
        assert isinstance(operation, Action)
        golden.report(name, "plain", operation.run(gateways, params))
