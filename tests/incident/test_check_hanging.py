"""A real hanging transaction makes `check` critical in every form, and an abort makes it well again."""

from collections.abc import Callable
from pathlib import Path

from fixtures.command import eosctl
from fixtures.exporter import Exporter
from fixtures.operator import done

from eosctl.cli.wiring import CliGateways
from eosctl.domain.lab import Incident


def test_a_hang_turns_check_critical_and_an_abort_turns_it_back(
    inject: Callable[..., Incident],
    gateways: CliGateways,
    serving: Callable[..., Exporter],
    own_home: dict[str, str],
    tmp_path: Path,
) -> None:
    facts = inject("hanging-transaction").facts
    topic = facts["topic"]
    server = {"EOSCTL_BOOTSTRAP_SERVER": str(gateways.settings.kafka["bootstrap.servers"])}
    words = ("hanging-transactions", "blocked-records", "group-lag", "--topic", topic, "--group", facts["group"])
    limit = ("--critical", "blocked-records=10")
    exporter = serving(*words, *limit, **server)
    told = eosctl("check", *words, *limit, "--nagios", env={**own_home, **server})
    assert told.returncode == 2, told.stderr
    assert f"hanging-transactions critical: {topic} 1; blocked-records critical: {topic} " in told.stdout
    shown = eosctl("check", *words, *limit, env={**own_home, **server})
    assert shown.returncode == 3
    assert f"eosctl txn hanging --topic {topic}" in shown.stdout
    bad = exporter.waits_for(lambda page: bool(page.get("eosctl_hanging_transactions")))
    assert bad["eosctl_hanging_transactions"] == {(topic,): 1.0}
    assert bad["eosctl_blocked_records"][topic,] >= int(facts["records_behind"])
    assert bad["eosctl_group_lag_records"] == {(facts["group"], topic): 0.0}

    where = f"{topic}:{facts['partition']}"
    done(gateways, tmp_path / "journal", "txn.abort", topic_partition=where, producer_id=int(facts["producer_id"]))

    well = exporter.waits_for(lambda page: page["eosctl_check_status"]["hanging-transactions",] == 0.0)
    assert well["eosctl_hanging_transactions"] == {("",): 0.0}
    assert well["eosctl_group_lag_records"][facts["group"], topic] >= int(facts["records_behind"])
    told = eosctl("check", *words, *limit, "--nagios", env={**own_home, **server})
    assert (told.returncode, told.stdout.split(" - ")[0]) == (0, "EOSCTL OK")
    assert exporter.end() == 0
