"""Strategies under faults that come by the wire, all of them in a reduced form, and a protected profile."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eosctl.adapters.gateways import LiveGateways
from eosctl.cli.main import main
from eosctl.core.progress import NeverStop, Silent
from eosctl.domain.proof.faults import Fault, draw
from eosctl.domain.strategies.scaffolding import Scaffold, offered, scaffold
from eosctl.lab.state import LabState
from eosctl.operations import verify
from eosctl.operations.proving import NEEDS_CONNECT, judged
from eosctl.operations.verify import VerifyParams
from eosctl.ports.verify import Trial
from eosctl.proof.gateway import LocalProof

MESSAGES = 120
AT_ONCE = 3
SEED = 25
WHERE_IT_HURTS = {
    "at-most-once": ("consumer.py", "after-effect", 30),
    "at-least-once": ("consumer.py", "after-effect", 30),
    "idempotent-producer": ("producer.py", "after-send", 1),
    "kafka-transactions": ("consumer.py", "after-transaction-commit", 2),
    "natural-idempotency": ("consumer.py", "after-database-commit", 2),
    "dedup-table": ("consumer.py", "after-database-commit", 2),
    "idempotency-key": ("consumer.py", "after-database-commit", 2),
    "conditional-write": ("consumer.py", "after-database-commit", 2),
    "content-fingerprint": ("consumer.py", "after-database-commit", 2),
    "outbox-polling": ("relay.py", "before-send", 2),
    "external-idempotency-keys": ("consumer.py", "after-effect", 30),
    "stored-offsets": ("consumer.py", "after-effect", 30),
    "reservation-compensation": ("consumer.py", "after-effect", 30),
}
"""The one place of each strategy where its control can't hide: the reduced run kills there alone. The producer dies in
its first batch: it has no connection yet, so nothing of that was sent behind its back."""


class Gateways(LiveGateways):
    """The lab's, with the crash test wired in as the command line does it."""

    verify: LocalProof


@pytest.fixture
def gateways(lab: LabState, database: str) -> Iterator[Any]:
    kafka = {"bootstrap.servers": lab.bootstrap_servers}
    made = Gateways(kafka=kafka, dsn=database, profile={}, timeout_ms=60_000, progress=Silent(), stop=NeverStop())
    made.verify = LocalProof(kafka, database, progress=Silent(), stop=NeverStop())
    yield made
    made.close()


def trials(made: Scaffold) -> tuple[Trial, Trial]:
    program, point, passes = WHERE_IT_HURTS[made.strategy]
    faults = (Fault("kill", program, 30, point, passes),)
    return Trial(made, made.files, MESSAGES, faults), Trial(made, made.broken(), MESSAGES, faults)


@pytest.mark.timeout(600)
def test_all_strategies_reduced(gateways: Any) -> None:
    """One kill each; a few strategies at once. The whole `verify --all` is below, and slow."""
    names = [name for name in offered("python") if name not in NEEDS_CONNECT]
    assert set(names) == set(WHERE_IT_HURTS)
    relays = [name for name in names if any(one.role == "relay" for one in scaffold(name, "python").programs)]
    others = [name for name in names if name not in relays]
    groups = [others[first : first + AT_ONCE] for first in range(0, len(others), AT_ONCE)] + [relays]
    verdicts = {}
    try:
        for group in groups:
            planned = {name: trials(scaffold(name, "python")) for name in group}
            seen = gateways.verify.side_by_side([one for pair in planned.values() for one in pair])
            for at, (name, pair) in enumerate(planned.items()):
                proof = judged(scaffold(name, "python"), pair, seen[2 * at : 2 * at + 2], seed=0)
                verdicts[name] = (proof.verdict, proof.broken, proof.control_found != "no fault", proof.aborted_seen)
                assert all(one.held != "no" for one in proof.checks), (name, proof.checks)
    finally:
        assert gateways.verify.tidy() == ()
    assert verdicts == dict.fromkeys(verdicts, ("pass", "", True, 0))
    assert set(verdicts) == set(names)


@pytest.mark.slow
@pytest.mark.timeout(1_500)
def test_all_strategies_pass_and_all_controls_fail(lab: LabState, database: str, capfd: Any, tmp_path: Path) -> None:
    report = tmp_path / "all.html"
    code, answer = run_main(capfd, lab, database, "--all", "--quick", "--seed", "11", "--report", str(report))
    assert {one["strategy"]: one["verdict"] for one in answer["data"]} == dict.fromkeys(WHERE_IT_HURTS, "pass")
    assert code == 0
    assert all(one["control_found"] != "no fault" for one in answer["data"])
    assert report.read_text(encoding="utf-8").count("<svg") == 2 * len(WHERE_IT_HURTS)


def test_a_strategy_gets_over_lost_answers_cuts_and_what_comes_twice(gateways: Any) -> None:
    """The first fault drops the answer of a COMMIT, which its control minds; the others come while there is work."""
    params = VerifyParams(strategy="dedup-table", messages=3_000, crashes=4, seed=SEED,
                          faults="duplicate,cut,lost-ack,slow")  # fmt: skip
    proof = verify.run(gateways, params).data
    first = proof.history[0]
    assert (first.fault.kind, first.fault.point) == ("lost-ack", "database-commit")
    assert first.at_ms is not None
    assert (proof.verdict, proof.duplicates, proof.missed, proof.aborted_seen) == ("pass", 0, 0, 0), proof
    assert proof.control.duplicates > 0
    again = draw("dedup-table", scaffold("dedup-table", "python").programs, crashes=4,
                 kinds=("duplicate", "cut", "lost-ack", "slow"), seed=SEED,
                 wired={"consumer.py": ("offset-commit", "database-commit")})  # fmt: skip
    assert tuple(one.fault for one in proof.history) == again


def test_a_protected_profile_wants_its_name(
    lab: LabState, database: str, capfd: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "eosctl"
    folder.mkdir()
    profile = {"bootstrap_servers": lab.bootstrap_servers, "dsn": database, "protected": True}
    (folder / "config.yaml").write_text(json.dumps({"profiles": {"prod": profile}}))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    words = ("--exec", "exit 4", "--messages", "100", "--profile", "prod")
    for extra, code, name in (((), 7, "protected_profile"), (("--confirm", "dev"), 7, "wrong_confirmation"),
                              (("--confirm", "prod"), 1, "program_failed")):  # fmt: skip
        ended, answer = run_main(capfd, None, "", *words, *extra)
        assert (ended, answer["errors"][0]["code"]) == (code, name)


def run_main(capfd: Any, lab: LabState | None, dsn: str, *words: str) -> tuple[int, Any]:
    servers = ["--bootstrap-server", lab.bootstrap_servers, "--dsn", dsn] if lab is not None else []
    with pytest.raises(SystemExit) as ended:
        main(["verify", *words, "-o", "json", *servers])
    return int(str(ended.value.code)), json.loads(capfd.readouterr().out)
