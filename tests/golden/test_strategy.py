"""What `recommend` and `strategy` print, from the catalogue and from fixed answers."""

from pathlib import Path
from typing import Any

import pytest
from fixtures.golden import Golden

from eosctl.core.operation import Query
from eosctl.domain.strategies.observation import Observed
from eosctl.operations import recommend, registry
from eosctl.operations.strategy import scaffold

NOBODY: Any = None
_ANSWERS = {"writes_to_kafka": "no", "writes_to_database": "yes", "offsets_in_same_transaction": "no"}


@pytest.mark.parametrize(
    ("name", "case", "words"),
    [
        ("strategy.list", "all", {}),
        ("strategy.compare", "all", {}),
        ("strategy.compare", "two", {"names": ("dedup-table", "stored-offsets")}),
        ("strategy.explain", "kafka-transactions", {"name": "kafka-transactions"}),
        ("strategy.tree", "text", {"format": "text"}),
        ("strategy.tree", "mermaid", {"format": "mermaid"}),
        ("strategy.tree", "dot", {"format": "dot"}),
    ],
)
def test_strategy(golden: Golden, name: str, case: str, words: dict[str, Any]) -> None:
    found = registry.find(name)
    assert isinstance(found, Query)
    params = found.params(**words)
    golden.report(name, case, found.report(found.observe(NOBODY, params), params))


def test_scaffold(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    params = scaffold.StrategyScaffoldParams(name="dedup-table", dir=Path("dedup"))
    golden.report("strategy.scaffold", "dedup-table", scaffold.run(NOBODY, params))


def test_recommend_one(golden: Golden) -> None:
    snapshot = recommend.RecommendSnapshot(_ANSWERS, _ANSWERS)
    golden.report("recommend", "dedup-table", recommend.report(snapshot, recommend.RecommendParams()))


def test_recommend_a_composition_that_was_looked_at(golden: Golden) -> None:
    answers = {**_ANSWERS, "writes_to_kafka": "yes", "calls_external_api": "yes", "api_idempotency_keys": "yes"}
    seen = (
        Observed("group", "Stable, 2 members, reads orders", {}),
        Observed("offset table", "public.consumer_offsets holds 3 rows of the group",
                 {"writes_to_database": "yes", "offsets_in_same_transaction": "yes"}, "stored-offsets"),
    )  # fmt: skip
    snapshot = recommend.RecommendSnapshot(answers, answers, seen)
    golden.report("recommend", "composition", recommend.report(snapshot, recommend.RecommendParams()))
