"""A run whose process is killed between a change and its receipt goes on and aborts nothing twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eosctl.domain.lab import Incident
from eosctl.lab.reading import read_on
from eosctl.lab.state import LabState
from eosctl.playbook.record import RunRecord

DRIVER = """
import os, signal, sys
from eosctl.runtime.steps import txn
act, done, last = txn.AbortTransactionHandler.act, [], int(sys.argv[1])

def dies(self, gateways, step):
    after = act(self, gateways, step)
    done.append(step)
    if len(done) == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return after

txn.AbortTransactionHandler.act = dies
from eosctl.cli.main import main
sys.argv = ["eosctl", *sys.argv[2:]]
sys.exit(main())
"""
PLAYBOOK = """schema: eosctl.playbook/v1
name: abort-all
summary: Aborts what it is told
steps:
  - id: abort
    for_each: "[%s]"
    run: txn.abort
    with: {topic_partition: "${{ item.where }}", producer_id: "${{ item.id }}"}
    register: aborted
  - {id: after, run: txn.hanging, when: "size(aborted) == 2"}
"""


@pytest.fixture
def environment(lab: LabState, own_home: dict[str, str]) -> dict[str, str]:
    return {**os.environ, **own_home, "EOSCTL_BOOTSTRAP_SERVER": lab.bootstrap_servers, "EOSCTL_DSN": lab.dsn}


def run(environment: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=300, check=False,
                          env=environment)  # fmt: skip


def test_an_abort_that_was_made_when_the_process_was_killed_counts_as_done(
    lab: LabState, inject: Callable[..., Incident], environment: dict[str, str], tmp_path: Path
) -> None:
    facts = [inject("hanging-transaction").facts for _ in range(2)]
    items = ", ".join(f"{{'where': '{one['topic']}:{one['partition']}', 'id': {one['producer_id']}}}" for one in facts)
    file = tmp_path / "abort-all.yaml"
    file.write_text(PLAYBOOK % items, encoding="utf-8")
    killed = run(environment, "-c", DRIVER, "1", "playbook", "run", str(file), "--yes")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [read_on(lab, one["group"], one["topic"]) > 0 for one in facts] == [True, False]
    first = f"{facts[0]['topic']}:{facts[0]['partition']}"
    again = run(environment, "-m", "eosctl", "txn", "abort", first, "--producer-id", facts[0]["producer_id"], "--yes")
    assert again.returncode != 0, "the control: made anew, the change that is done is refused"
    (folder,) = (Path(environment["XDG_STATE_HOME"]) / "eosctl" / "runs").iterdir()
    resumed = run(environment, "-m", "eosctl", "playbook", "resume", folder.name, "--yes")
    assert resumed.returncode == 0, resumed.stderr
    assert read_on(lab, facts[1]["group"], facts[1]["topic"]) == int(facts[1]["records_behind"])
    events = RunRecord(folder).events()
    assert next(one["message"].split(":")[0] for one in events if one["event"] == "item") == "was done already"
    assert sum(one["event"] == "changing" for one in events) == 2
