"""A strategy under faults of a lab's servers, by the command line: a full disk always, all in the slow form."""

import json
from typing import Any

import psycopg
import pytest
from fixtures.command import eosctl
from fixtures.lab import BREAKABLE, LIMIT_S, wait_until

from eosctl.lab import clients
from eosctl.lab.processes import is_running
from eosctl.lab.state import LabState, known_state

MESSAGES = 3_000
MOST_MESSAGES = 8_000
"""Enough that no fault comes when the work is over, however late it looks."""


def test_a_strategy_stays_exactly_once_when_the_databases_disk_is_full(breakable_lab: LabState) -> None:
    """The kill is for the control: a transaction that can't be committed is no redelivery of one that was."""
    proof = _verified(breakable_lab, "kill,disk-full", messages=MESSAGES, crashes=2, seed=8)
    planned = [("kill", "after-database-commit"), ("disk-full", "database")]
    both = [*proof["history"], *proof["control"]["history"]]
    assert [(one["fault"]["kind"], one["fault"]["point"]) for one in both] == planned * 2
    assert any(one["fault"]["kind"] == "disk-full" and one["at_ms"] is not None for one in both)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_strategy_stays_exactly_once_whatever_happens_to_its_servers(breakable_lab: LabState) -> None:
    kinds = "kill,broker-kill,broker-restart,database-kill,disk-full"
    proof = _verified(breakable_lab, kinds, messages=MOST_MESSAGES, crashes=6, seed=14)
    assert sorted(_came(proof)) == [
        ("broker-kill", ""), ("broker-restart", ""), ("database-kill", ""), ("disk-full", "database"),
        ("disk-full", "kafka"), ("kill", "after-database-commit"),
    ]  # fmt: skip


def _verified(lab: LabState, kinds: str, *, messages: int, crashes: int, seed: int) -> dict[str, Any]:
    """The proof, when it passed and left all servers running, others than before, and nothing in them."""
    before = {one.role: one for one in known_state(BREAKABLE).processes}
    words = ["verify", "dedup-table", "--faults", kinds, "--allow-faults", "--messages", str(messages),
             "--crashes", str(crashes), "--seed", str(seed)]  # fmt: skip
    done = eosctl(*words, "-o", "json", "--bootstrap-server", lab.bootstrap_servers, "--dsn", lab.dsn)
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert (answer["errors"], answer["warnings"]) == ([], [])
    proof: dict[str, Any] = answer["data"]
    assert (proof["verdict"], proof["unique_processed"], proof["duplicates"], proof["missed"]) == (
        "pass", messages, 0, 0)  # fmt: skip
    assert proof["control"]["duplicates"] > 0
    after = {one.role: one for one in known_state(BREAKABLE).processes}
    assert all(is_running(one) for one in after.values())
    assert after["postgres"].pid != before["postgres"].pid
    with psycopg.connect(lab.dsn) as connection:
        left = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'eosctl%'").fetchall()
    assert left == []
    admin = clients.librdkafka_admin(lab)
    wait_until(lambda: not any("eosctl-verify-" in one for one in admin.list_topics(timeout=LIMIT_S).topics))
    return proof


def _came(proof: dict[str, Any]) -> list[tuple[str, str]]:
    """Every fault that struck in the middle of the work."""
    assert all(one["at_ms"] is not None for one in proof["history"]), proof["history"]
    return [(one["fault"]["kind"], one["fault"]["point"]) for one in proof["history"]]
