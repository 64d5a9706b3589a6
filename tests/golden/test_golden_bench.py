"""Goldens of the measurement, from fixed observations."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fixtures.golden import Golden
from fixtures.pages import browser, charts_in, parsed, shown_in

from eosctl.core.charts import curve_of
from eosctl.core.operation import Receipt
from eosctl.core.plain import plain
from eosctl.core.plan import stamp
from eosctl.domain.bench.comparing import compared
from eosctl.domain.bench.measuring import Bench, NotMeasured, Observation, Spread
from eosctl.domain.journal import JournalEntry
from eosctl.operations.bench import compare, run
from eosctl.operations.journal import show
from eosctl.render.documents import DocumentFiles, html_of
from eosctl.render.output import Canvas, Format, render

SIZED, TIMED = "100 records a transaction", "100 ms a transaction"
SEEN = (
    Observation("produce", SIZED, "throughput", "100 records, then a flush", (80_000, 81_000, 79_000),
                (15_000, 17_000, 16_000)),
    Observation("produce", SIZED, "cpu", "100 records, then a flush", (4.6, 4.7, 4.5), (28, 29, 27)),
    Observation("produce", SIZED, "p50", "100 records, then a flush", (0.63, 0.64, 0.65), (2.9, 3.0, 2.8)),
    Observation("produce", SIZED, "p99", "100 records, then a flush", (7.7, 4.1, 9.3), (27.3, 26.0, 31.2)),
    Observation("produce", TIMED, "throughput", "a flush every 100 ms", (250_000, 240_000, 245_000),
                (244_000, 236_000, 246_000)),
    Observation("produce", TIMED, "p50", "1,000 records/s, no transactions", (4.5, 4.6, 4.4), (52, 51, 53)),
    Observation("read", "transactions of 100 ms", "p50", "read_uncommitted", (4.4, 4.2, 4.5), (53, 52, 54)),
    Observation("consume", "dedup-table, batches of 1", "throughput", "no memory", (410, 420, 400), (400, 405, 395)),
    Observation("consume", "dedup-table, batches of 100", "throughput", "no memory", (23_000, 24_000, 22_000),
                (12_600, 13_000, 12_000)),
    Observation("outbox", "outbox relay", "p50", "sent after the commit", (0.9, 0.91, 0.92), (4.1, 4.2, 4.0)),
)  # fmt: skip
SPREADS = tuple(Spread(name, curve_of(name, values).values)
                for name, values in (("without transactions", range(1, 101)), (SIZED, range(3, 303))))  # fmt: skip


def _change(**params: Any) -> tuple[Any, list[Receipt]]:
    wish = run.BenchParams(quick=True, **params)
    left_out = (NotMeasured("CDC", "No connector is made."),)
    seen = run.BenchSnapshot(run._wish(wish, run.AREAS), "7712/postgres", left_out)
    plan = run.plan(seen, wish)
    stamped = stamp(plan, target={"kafka_cluster_id": "c1"}, made_at=None, params=plain(wish))  # type: ignore[arg-type]
    bench = Bench(SEEN, SPREADS, (NotMeasured("broker CPU", "The brokers do not run on this machine."),), rounds=3)
    return stamped, [Receipt(plan.steps[0], "done", {}, plain(bench), verified=True)]


def test_bench(golden: Golden) -> None:
    golden.change("bench", "quick", *_change())


def test_a_stopped_measurement_tells_what_is_whole_and_what_is_left_behind() -> None:
    plan, (receipt,) = _change()
    after = {**receipt.after, "stopped": True, "rounds": 1, "left": ["topic eosctl-bench-1"]}
    report = run.outcome(plan, [Receipt(receipt.step, "done", {}, after)])
    assert (int(report.exit_code), [one.code for one in report.warnings]) == (130, ["left_behind", "stopped"])
    assert "topic eosctl-bench-1" in report.warnings[0].message


def test_compare(golden: Golden) -> None:
    rows = [dict(plain(one)) for one in run.outcome(*_change()).data.rows]
    slower = [{**one, "measured": one["measured"] * 2, "measured_rounds": [each * 2 for each in one["measured_rounds"]]}
              for one in rows[:3]]  # fmt: skip
    params = compare.BenchCompareParams(before=Path("a.json"), after=Path("b.json"))
    seen = compare.BothRuns(tuple(rows[:4]), tuple(slower))
    golden.report("bench.compare", "slower", compare.report(seen, params))
    same = compare.BothRuns(tuple(rows), tuple(rows))
    golden.report("bench.compare", "same", compare.report(same, params))
    everything = params.model_copy(update={"all": True})
    assert len(compare.report(same, everything).data) == len(rows) == len(compared(rows, rows, tolerance=0))


def test_the_report_has_its_charts(tmp_path: Path) -> None:
    report = run.outcome(*_change(report=tmp_path / "x.html", plot=tmp_path / "x.svg"))
    assert [one.path.name for one in report.documents] == ["x.html", "x.svg"]
    names = [one.attrib["aria-label"] for one in charts_in(parsed(html_of(report.documents[0])))]
    assert names == ["Produce latency, from the record to its acknowledgement", "Throughput of a producer",
                     "Throughput of a consumer"]  # fmt: skip


@pytest.mark.slow
def test_a_real_browser_draws_the_costs(tmp_path: Path) -> None:
    page = tmp_path / "costs.html"
    report = run.outcome(*_change(report=page))
    DocumentFiles().write(report.documents[0])
    with browser() as opened:
        boxes = shown_in(opened, page)
    assert len(boxes) == 3
    assert all(box["width"] > 600 and box["height"] > 250 for box in boxes)


def test_the_journal_counts_measures_for_people_and_keeps_them_in_the_data() -> None:
    plan, (receipt,) = _change()
    done = {"step": 0, "status": "done", "before": {}, "after": receipt.after, "message": ""}
    at = datetime(2026, 3, 1, tzinfo=UTC)
    entry = JournalEntry("1", at, "bench", "done", plan.summary, plan.as_dict(), (done,), (0,))
    report = show.report((entry, False), show.JournalShowParams(id="1"))
    text = render("journal.show", report, Format.TABLE, Canvas())
    assert "observations=10 entries" in text
    assert "plain=" not in text
    assert report.data.receipts[0]["after"]["observations"][0]["plain"] == [80_000, 81_000, 79_000]
