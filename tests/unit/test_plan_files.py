"""Saved plans: they read back as they were, and an edited or foreign file is refused."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fixtures.steps import SetRegister
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import Notice, UsageError
from eosctl.core.plan import ExtraConfirmation, Plan, PlanMode, plan_from_dict, step_from_dict
from eosctl.runtime.plans import load_plan

PLAN = Plan(
    operation="registers.set",
    summary="Set a register",
    steps=(SetRegister(name="a", expects_value=1, value=2),),
    params={"name": "a"},
    observed={"value": 1},
    warnings=(Notice("careful", "Mind the gap."),),
    extra_confirmations=(ExtraConfirmation("It is live. Really?", "--allow-live"),),
    mode=PlanMode.INDEPENDENT,
    target={"kafka_cluster_id": "x"},
    made_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
)


def test_a_plan_reads_back_as_it_was() -> None:
    assert plan_from_dict(json.loads(json.dumps(PLAN.as_dict()))) == PLAN


@given(st.text(min_size=1, max_size=20), st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_any_step_survives_the_file(name: str, before: int, after: int) -> None:
    plan = Plan(operation="x.y", summary=name, steps=(SetRegister(name=name, expects_value=before, value=after),))
    assert plan_from_dict(json.loads(json.dumps(plan.as_dict()))) == plan


def test_an_edited_plan_is_refused() -> None:
    data = PLAN.as_dict()
    data["steps"][0]["value"] = 3
    with pytest.raises(UsageError) as caught:
        plan_from_dict(data)
    assert caught.value.code == "plan_edited"


def test_an_unknown_step_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"registers\.melt"):
        step_from_dict({"kind": "registers.melt"})


@pytest.mark.parametrize(
    ("content", "code"),
    [("{", "not_a_plan"), ("[]", "not_a_plan"), ('{"schema": "other"}', "unknown_operation"), (None, "plan_not_read")],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, content: str | None, code: str) -> None:
    file = tmp_path / "plan.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError) as caught:
        load_plan(file)
    assert caught.value.code == code
