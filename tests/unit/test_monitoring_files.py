"""The dashboard and the alert rules in `monitoring/`: well-formed, of metrics that are exported, with our own limits.

Expressions are parsed by promql-parser, which follows Prometheus's own grammar.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fixtures.checks import everything
from promql_parser import BinaryExpr, Expr, NumberLiteral, VectorSelector, parse

from eosctl.adapters.prometheus import Rounds
from eosctl.core.durations import parse_duration_ms
from eosctl.domain.checks.measures import Check
from eosctl.operations import check
from eosctl.operations.check import CheckParams
from eosctl.operations.check_entries import CHECKS

FOLDER = Path(__file__).parents[2] / "monitoring"
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alert-rules.yaml").read_text("utf-8"))["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text("utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
BY_METRIC = {one.metric: one for one in CHECKS.values()}


def exported() -> dict[str, set[str]]:
    """Every metric that the exporter shows, and its labels; `instance` is what Prometheus adds."""
    rounds = Rounds(serving=True)
    rounds.update(check.samples(everything(), CheckParams()))
    return {sample.name: {*sample.labels, "instance"} for family in rounds.collect() for sample in family.samples}


def selectors(expression: Expr) -> Iterator[VectorSelector]:
    """The selectors of an expression, however deep."""
    if isinstance(expression, VectorSelector):
        yield expression
    parts = [getattr(expression, name, None) for name in ("lhs", "rhs", "expr", "vector_selector")]
    arguments = list(getattr(expression, "args", None) or [])
    for part in [*parts, *arguments]:
        if isinstance(part, Expr):
            yield from selectors(part)


EXPRESSIONS = [
    *((f"rule {one['alert']} {one['labels']['severity']}", one["expr"]) for one in RULES),
    *((f"panel {one['title']}", target["expr"]) for one in PANELS for target in one["targets"]),
]


@pytest.mark.parametrize("expression", [one for _, one in EXPRESSIONS], ids=[name for name, _ in EXPRESSIONS])
def test_an_expression_is_of_metrics_and_labels_that_are_exported(expression: str) -> None:
    known = exported()
    found = list(selectors(parse(expression)))
    assert found
    for one in found:
        assert one.name in known
        assert {each.name for each in one.matchers.matchers} <= known[one.name]


@pytest.mark.parametrize("one", CHECKS.values(), ids=CHECKS)
def test_each_check_alerts_above_its_usual_limits(one: Check) -> None:
    found = {}
    for rule in RULES:
        expression = parse(rule["expr"])
        if isinstance(expression, BinaryExpr) and getattr(expression.lhs, "name", "") == one.metric:
            assert isinstance(expression.rhs, NumberLiteral)
            assert (str(expression.op), rule["labels"]["check"]) == (">", one.name)
            found[rule["labels"]["severity"]] = expression.rhs.val
    limits = {"warning": one.limits.warning, "critical": one.limits.critical}
    expected = {side: one.unit.base(limit) for side, limit in limits.items() if limit is not None}
    if expected["warning"] == expected["critical"]:
        del expected["warning"]
    assert found == expected


@pytest.mark.parametrize("one", CHECKS.values(), ids=CHECKS)
def test_each_check_has_a_panel_with_its_limits_as_lines(one: Check) -> None:
    mine = [panel for panel in PANELS if any(f"{one.metric}{{" in target["expr"] for target in panel["targets"])]
    assert len(mine) == 1
    steps = mine[0]["fieldConfig"]["defaults"]["thresholds"]["steps"]
    limits = [one.unit.base(limit) for limit in (one.limits.warning, one.limits.critical) if limit is not None]
    assert [step["value"] for step in steps] == [None, *sorted(set(limits))]
    assert steps[-1]["color"] == "red"
    assert set(re.findall(r"{{(\w+)}}", mine[0]["targets"][0]["legendFormat"])) == set(one.labels)


@pytest.mark.parametrize("rule", RULES, ids=[f"{one['alert']}-{one['labels']['severity']}" for one in RULES])
def test_a_rule_is_what_prometheus_takes(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"[A-Z][A-Za-z]+", rule["alert"])
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert parse_duration_ms(rule.get("for", "1m")) > 0
    assert set(rule["annotations"]) == {"summary", "description"}
    known = exported()
    used = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
    for one in selectors(parse(rule["expr"])):
        assert used <= known[str(one.name)]


def test_no_two_rules_are_the_same_alert() -> None:
    keys = [(one["alert"], one["labels"]["severity"]) for one in RULES]
    assert len(set(keys)) == len(keys)


def test_a_server_that_is_away_and_a_check_that_is_unknown_alert() -> None:
    expressions = {one["expr"] for one in RULES}
    assert {"eosctl_up == 0", "eosctl_check_status == 3", "absent(eosctl_up)"} <= expressions


def test_the_dashboard_is_what_grafana_imports() -> None:
    assert DASHBOARD["schemaVersion"] >= 36
    assert DASHBOARD["uid"]
    assert DASHBOARD["title"]
    variables = {one["name"] for one in DASHBOARD["templating"]["list"]}
    text = json.dumps(PANELS)
    assert set(re.findall(r"\$\{?(\w+)\}?", text)) == variables == {"datasource", "instance"}
    assert len({one["id"] for one in PANELS}) == len(PANELS)
    cells = [
        (x, y)
        for at in (one["gridPos"] for one in PANELS)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_a_metric_that_is_not_exported_would_be_found() -> None:
    [selector] = selectors(parse('sum by (topic) (rate(eosctl_blocked_record{instance=~"$instance"}[5m]))'))
    assert selector.name not in exported()


def test_every_exported_metric_is_told_in_the_guide() -> None:
    guide = (FOLDER.parent / "docs" / "guides" / "monitoring.md").read_text("utf-8")
    assert [name for name in exported() if f"`{name}`" not in guide] == []


def test_the_metrics_of_the_checks_are_all_exported() -> None:
    assert set(BY_METRIC) <= set(exported())
