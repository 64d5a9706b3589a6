"""A small measurement on the lab: every area has its measures, nothing is left, and nobody is loaded unasked."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fixtures.lab import LIMIT_S, wait_until
from fixtures.pages import charts_in, parsed

from eosctl.cli.main import main
from eosctl.cli.settings import Settings
from eosctl.cli.wiring import CliGateways
from eosctl.core.errors import OperationFailed
from eosctl.core.progress import NeverStop, Silent
from eosctl.domain.bench.measuring import AREAS, STRATEGIES, BenchWish
from eosctl.lab import clients
from eosctl.lab.state import LabState
from eosctl.operations.bench import run
from eosctl.runtime.execute import execute
from eosctl.runtime.filing import filed
from eosctl.runtime.journal import Journal
from eosctl.runtime.plans import plan_change

SMALL = BenchWish(areas=AREAS, rounds=2, cell_ms=40, events=4, record_bytes=100, sizes=(1, 200), intervals_ms=(60,))


def gateways_of(lab: LabState, dsn: str, *, stop: Any = None) -> CliGateways:
    settings = Settings(kafka={"bootstrap.servers": lab.bootstrap_servers}, dsn=dsn, timeout_ms=60_000)
    return CliGateways(settings, progress=Silent(), stop=stop or NeverStop())


def nothing_is_left(lab: LabState, dsn: str) -> None:
    """Bench names belong to this test alone: no other makes them."""
    admin = clients.librdkafka_admin(lab)
    wait_until(lambda: not [one for one in admin.list_topics(timeout=LIMIT_S).topics if "eosctl-bench" in one])
    groups = admin.list_consumer_groups(request_timeout=LIMIT_S).result(LIMIT_S).valid
    assert [one.group_id for one in groups if "eosctl-bench" in one.group_id] == []
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'eosctl%'").fetchall() == []


def test_every_area_is_measured_beside_its_twin(
    lab: LabState, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_wish", lambda *_: SMALL)
    gateways = gateways_of(lab, database)
    page = tmp_path / "bench.html"
    try:
        plan = plan_change(run.OPERATION, gateways, run.BenchParams(report=page))
        done = execute(plan, gateways, Journal(tmp_path / "journal"), who="test")
        report = filed(gateways, run.outcome(plan, done.receipts))
    finally:
        gateways.close()
    assert (int(report.exit_code), report.warnings, report.errors) == (0, (), ())
    rows = {(one.area, one.what, one.measure): one for one in report.data.rows}
    sizes, timed = ["1 record a transaction", "200 records a transaction"], "60 ms a transaction"
    wanted = {("produce", what, one) for what in [*sizes, timed] for one in ("throughput", "p50", "p99")}
    wanted |= {("read", "transactions of 60 ms", one) for one in ("p50", "p99")}
    wanted |= {("consume", f"{way}, batches of {size}", "throughput") for way in STRATEGIES for size in (1, 200)}
    wanted |= {("outbox", "outbox relay", one) for one in ("p50", "p99")}
    assert {key for key in rows if key[2] != "cpu"} == wanted
    assert all(len(one.plain_rounds) == len(one.measured_rounds) == 2 for one in rows.values() if one.measure != "cpu")
    assert all(one.plain > 0 and one.measured > 0 for one in rows.values())
    read = rows["read", "transactions of 60 ms", "p50"]
    assert read.measured > 15, "a read_committed consumer waits for the end of the transaction"
    assert rows["produce", timed, "p50"].measured > 15, "half of a transaction's records wait for half of its time"
    assert len(report.data.advice) >= 4, "size, reading, consumer, outbox; by time where the measurement allows it"
    assert {one.what for one in report.data.not_measured} >= {"CDC"}
    assert len(charts_in(parsed(page.read_text(encoding="utf-8")))) == 2
    nothing_is_left(lab, database)


class _StopAfter:
    """Asks for a stop at the n-th look."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def requested(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_a_stopped_measurement_keeps_its_whole_rounds_and_tidies_up(lab: LabState, database: str) -> None:
    wish = BenchWish(areas=("produce",), rounds=3, cell_ms=20, events=1, record_bytes=100, sizes=(10,), intervals_ms=())
    gateways = gateways_of(lab, "", stop=_StopAfter(2))
    try:
        found = gateways.bench.measure(wish)
    finally:
        gateways.close()
    assert (found.stopped, found.rounds, found.left) == (True, 1, ())
    assert {len(one.measured) for one in found.observations} == {1}
    nothing_is_left(lab, database)


def test_what_was_made_is_taken_away_when_the_database_refuses(lab: LabState, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS bench_guest")
        connection.execute("CREATE ROLE bench_guest LOGIN")
        try:
            guest = psycopg.conninfo.make_conninfo(database, user="bench_guest")
            gateways = gateways_of(lab, guest)
            with pytest.raises(OperationFailed, match="schema") as raised:
                gateways.bench.measure(SMALL)
            gateways.close()
        finally:
            connection.execute("DROP ROLE bench_guest")
    assert raised.value.code == "not_prepared"
    assert "Left behind" not in raised.value.hint
    nothing_is_left(lab, database)


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("--quick",), 7, "not_confirmed"),
        (("--quick", "--yes", "--only", "produce,consume"), 2, "no_database"),
        (("--quick", "--yes", "--only", "producing"), 2, "unknown_area"),
        (("--quick", "--yes", "--plot", "x.pdf"), 2, "bad_report"),
    ],
)
def test_nobody_is_loaded_unasked_or_for_nothing(
    lab: LabState, capfd: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, error: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", *words, "--bootstrap-server", lab.bootstrap_servers, "-o", "json"])
    assert (ended.value.code, json.loads(capfd.readouterr().out)["errors"][0]["code"]) == (code, error)


def test_a_protected_profile_wants_its_name(lab: LabState, capfd: pytest.CaptureFixture[str], tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "eosctl").mkdir()
    profile = {"bootstrap_servers": lab.bootstrap_servers, "protected": True}
    (tmp_path / "eosctl" / "config.yaml").write_text(json.dumps({"profiles": {"prod": profile}}))
    with pytest.raises(SystemExit) as ended:
        main(["bench", "--quick", "--only", "produce", "--yes", "--profile", "prod", "-o", "json"])
    assert ended.value.code == 7
    assert json.loads(capfd.readouterr().out)["errors"][0]["code"]


def test_two_files_are_compared_at_the_prompt(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def row(rounds: list[float]) -> dict[str, Any]:
        return {"area": "produce", "what": "x", "measure": "p50", "measured": rounds[0], "ratio": 2.0,
                "measured_rounds": rounds}  # fmt: skip

    for name, rounds in (("before", [5.0, 5.1, 4.9]), ("after", [9.0, 9.1, 8.9])):
        (tmp_path / f"{name}.json").write_text(json.dumps({"rows": [row(rounds)]}))
    files = [str(tmp_path / "before.json"), str(tmp_path / "after.json")]
    for order, code, verdict in ((files, 3, "worse"), (files[::-1], 0, "better")):
        with pytest.raises(SystemExit) as ended:
            main(["bench", "compare", *order, "-o", "json"])
        assert (ended.value.code, json.loads(capfd.readouterr().out)["data"][0]["verdict"]) == (code, verdict)
