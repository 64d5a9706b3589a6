"""What Tab offers: live names of every kind, from the servers that the line names; quiet when nobody answers."""

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
import yaml
from fixtures.exporter import Door
from fixtures.lab import wait_until

from eosctl.cli.completing import _within_limit
from eosctl.lab import clients
from eosctl.lab.incidents.parts import commit_position
from eosctl.lab.state import LabState


def asked(line: str, home: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """What the shell's function asks when Tab is pressed at the end of the line."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("EOSCTL_", "PG"))}
    question = {"_EOSCTL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    return subprocess.run([sys.executable, "-m", "eosctl"], capture_output=True, text=True, check=False, timeout=300,
                          env={**kept, **home, **question})  # fmt: skip


def offered(line: str, home: dict[str, str]) -> list[str]:
    """The names."""
    return asked(line, home).stdout.split()


def test_names_of_a_cluster_that_the_line_names(lab: LabState, topic: str, own_home: dict[str, str]) -> None:
    name = f"tab-{uuid.uuid4().hex[:8]}"
    commit_position(lab, name, topic, 0, 0)
    clients.transactional_producer(lab, name, 60_000)
    server = f"--bootstrap-server {lab.bootstrap_servers}"
    for line, expected in (
        (f"eosctl txn blocked {server} --group {name[:8]}", name),
        (f"eosctl {server} txn blocked --group {name[:8]}", name),
        (f"eosctl check {server} --topic {topic[:8]}", topic),
        (f"eosctl dlq inspect {server} {topic[:8]}", topic),
        (f"eosctl txn describe {server} {name[:8]}", name),
        (f"eosctl producers fence {server} {name[:8]}", name),
    ):
        wait_until(lambda line=line, expected=expected: expected in offered(line, own_home), limit_s=60)


def test_slots_of_a_database_that_the_line_names(lab: LabState, own_home: dict[str, str]) -> None:
    slot = f"t_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(lab.dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_create_physical_replication_slot(%s)", (slot,))
        try:
            wait_until(lambda: offered(f"eosctl check --dsn {lab.dsn} --slot {slot[:9]}", own_home) == [slot],
                       limit_s=60)  # fmt: skip
        finally:
            connection.execute("SELECT pg_drop_replication_slot(%s)", (slot,))


def test_names_that_live_on_this_machine(own_home: dict[str, str]) -> None:
    file = Path(own_home["XDG_CONFIG_HOME"], "eosctl", "config.yaml")
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump({"profiles": {"staging-eu": {}, "prod": {}}}), encoding="utf-8")
    _run_that_was_cut_off(Path(own_home["XDG_STATE_HOME"], "eosctl", "runs", "20261125T1-abc"))
    for line, expected in (
        ("eosctl profile show st", ["staging-eu"]),
        ("eosctl status --profile pr", ["prod"]),
        ("eosctl playbook run unblock", ["unblock-consumer"]),
        ("eosctl playbook resume 2026", ["20261125T1-abc"]),
        ("eosctl check hang", ["hanging-transactions"]),
        ("eosctl status -o js", ["json"]),
        ("eosctl verify --faults kill,disk", ["kill,disk-full"]),
        ("eosctl check --n", ["--nagios"]),
    ):
        wait_until(lambda line=line, expected=expected: offered(line, own_home) == expected, limit_s=60)


def test_a_server_that_is_away_or_silent_offers_nothing_and_says_nothing(
    lab: LabState, door: Callable[[str], Door], own_home: dict[str, str]
) -> None:
    silent = door(lab.bootstrap_servers)
    silent.shut()
    for server in ("127.0.0.1:1", f"127.0.0.1:{silent.port}", "kafka.invalid:9092"):
        found = asked(f"eosctl txn blocked --bootstrap-server {server} --group a", own_home)
        assert (found.returncode, found.stdout.strip(), found.stderr) == (0, "", ""), server


def test_a_look_that_never_ends_is_not_waited_for() -> None:
    never = threading.Event()

    def look() -> list[str]:
        never.wait()
        return ["too late"]

    assert list(_within_limit(look)) == []
    never.set()
    assert list(_within_limit(lambda: ["in time"])) == ["in time"]


def _run_that_was_cut_off(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_text('{"event": "begin"}\n', encoding="utf-8")


def test_the_parameters_of_a_playbook_that_is_named(own_home: dict[str, str]) -> None:
    for line, expected in (
        ("eosctl playbook run unblock-consumer -p gr", ["group="]),
        ("eosctl playbook run replay-dead-letters --param to", ["topic="]),
        ("eosctl playbook run no-such-playbook -p gr", []),
    ):
        wait_until(lambda line=line, expected=expected: offered(line, own_home) == expected, limit_s=60)
