"""`bench`: each strategy beside its plain twin, in alternating rounds, on the servers that were named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eosctl.core.charts import Bar, BarChart, Bars, Chart, Curve, Distribution
from eosctl.core.counts import counted
from eosctl.core.documents import PLOTS, REPORTS, Document, require_file
from eosctl.core.errors import Notice, UsageError, did_you_mean
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import DurationMs, Params, param
from eosctl.core.plan import Plan
from eosctl.core.report import Report, Section, column
from eosctl.domain.bench.costs import CostRow, advice_of, rows_of, words_of
from eosctl.domain.bench.measuring import AREAS, NEEDS_DATABASE, BenchWish, NotMeasured, Observation, Spread
from eosctl.domain.cdc_config import PASSWORD_REFERENCE, CdcWish, require_reference
from eosctl.domain.steps.bench import RunBench
from eosctl.ports import Gateways

_TITLES = {
    "produce": "Producing: with transactions, beside the same producer without",
    "read": "Reading while transactions are written: read_committed beside read_uncommitted, end to end",
    "consume": "Consuming into PostgreSQL: a memory of what was done, beside none",
    "outbox": "From commit to consumer: the outbox, beside sending after the commit",
}


class BenchParams(Params):
    """What to measure, and how thoroughly."""

    quick: bool = param(False, help="5 rounds of short cells: a first look, with wide intervals")
    only: str = param("", help="Some areas: produce, read, consume, outbox, separated by commas", metavar="AREAS")
    rounds: int | None = param(None, help="How many rounds; 9, with --quick 5", ge=3, le=100)
    cell: DurationMs | None = param(
        None,
        help="How long each measurement lasts, at least a transaction; 500ms, with --quick 150ms",
        ge=20,
        le=60_000,
    )
    record_bytes: int = param(300, help="Size of a record's value", ge=1, le=900_000)
    cdc: bool = param(
        False, help="Debezium too: makes a connector in the profile's Connect, a slot and a publication, for the while"
    )
    cdc_user: str = param("", help="The role that Debezium uses [default: this connection's]")
    cdc_password: str = param(PASSWORD_REFERENCE, help="A reference that Connect's config provider resolves")
    report: Path | None = param(None, help="Write everything, with charts, to FILE.(md|json|html)", complete="file")
    plot: Path | None = param(None, help="Draw the charts into FILE.(svg|png|html)", complete="file")


@dataclass(frozen=True)
class BenchSnapshot:
    """What there is to measure on."""

    wish: BenchWish
    database: str
    not_measured: tuple[NotMeasured, ...]


@dataclass(frozen=True)
class BenchResult:
    """Every measure, the advice that follows, what was not measured. `bench compare` reads it back."""

    rows: tuple[CostRow, ...]
    advice: tuple[str, ...]
    not_measured: tuple[NotMeasured, ...]
    rounds: int
    record_bytes: int
    stopped: bool
    spreads: tuple[Spread, ...] = field(metadata=column(hidden=True))


def observe(gateways: Gateways, params: BenchParams) -> BenchSnapshot:
    """Which areas can be measured. Raises UsageError (`unknown_area`, `no_database`, `bad_report`, `no_folder`)."""
    require_file(params.report, REPORTS)
    require_file(params.plot, PLOTS)
    areas = _areas(params.only)
    missing = tuple(area for area in areas if area in NEEDS_DATABASE) if not gateways.bench.has_database() else ()
    if missing and params.only:
        raise UsageError("no_database", f"{', '.join(missing)} can't be measured: no database was named.",
                         hint="Give --dsn, or --only produce,read.")  # fmt: skip
    areas = tuple(area for area in areas if area not in missing)
    left_out = tuple(NotMeasured(area, "No database was named (--dsn).") for area in missing)
    if "outbox" in areas and not params.cdc:
        left_out += (NotMeasured("CDC", "--cdc was not given: it makes a connector in your Connect, a replication slot "
                                 "and a publication, for the time of the measurement."),)  # fmt: skip
    if params.cdc and "outbox" in areas:
        _ = gateways.connect.url  # refused now, where no Connect is named, and not half way
        require_reference(params.cdc_password)
    needs_database = any(area in NEEDS_DATABASE for area in areas)
    return BenchSnapshot(_wish(params, areas), gateways.database.identity() if needs_database else "", left_out)


def plan(snapshot: BenchSnapshot, params: BenchParams) -> Plan:
    """One step."""
    step = RunBench(wish=snapshot.wish, expects_database=snapshot.database)
    warnings = [
        Notice(
            "load",
            "It loads brokers and database as much as one client can.",
            "Others on them will feel it, and they disturb the measurement.",
        )
    ]
    observed = {"not_measured": [vars(one) for one in snapshot.not_measured]}
    return Plan(operation="bench", summary=step.describe(), steps=(step,), warnings=tuple(warnings), observed=observed)


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """The rows and what follows from them; exit 130 when it was stopped."""
    step, after = plan.steps[0], receipts[0].after
    assert isinstance(step, RunBench)
    observed: Any = plan.observed.get("not_measured", ())
    missed = [*observed, *after.get("not_measured", ())]
    rows = rows_of(_observation(one) for one in after.get("observations", ()))
    result = BenchResult(
        rows=rows,
        advice=advice_of(rows),
        not_measured=tuple(NotMeasured(str(one["what"]), str(one["why"])) for one in missed),
        rounds=int(after.get("rounds", 0)),
        record_bytes=step.wish.record_bytes,
        stopped=bool(after.get("stopped")),
        spreads=tuple(Spread(str(one["name"]), tuple(one["values_ms"])) for one in after.get("spreads", ())),
    )
    warnings = [Notice("left_behind", f"{what} could not be taken away.", "Take it away by hand.")
                for what in after.get("left", ())]  # fmt: skip
    if result.stopped:
        warnings.append(Notice("stopped", f"Stopped after {counted(result.rounds, 'whole round')}."))
    sections = _sections(result)
    of_what = f"records of {counted(result.record_bytes, 'byte')}"
    said = f"{counted(len(rows), 'measure')} in {counted(result.rounds, 'round')} of {of_what}."
    return Report(
        result,
        CostRow,
        listing=rows,
        exit_code=ExitCode.INTERRUPTED if result.stopped else ExitCode.DONE,
        warnings=tuple(warnings),
        summary=said,
        sections=sections,
        documents=_documents(plan, result, said, sections),
    )


def _areas(only: str) -> tuple[str, ...]:
    names = tuple(one.strip() for one in only.split(",") if one.strip())
    for name in names:
        if name not in AREAS:
            raise UsageError("unknown_area", f"{name!r} is no area of the measurement.",
                             hint=did_you_mean(name, AREAS) or f"There are {', '.join(AREAS)}.")  # fmt: skip
    return tuple(area for area in AREAS if area in names) if names else AREAS


def _wish(params: BenchParams, areas: tuple[str, ...]) -> BenchWish:
    return BenchWish(
        areas=areas,
        rounds=params.rounds or (5 if params.quick else 9),
        cell_ms=params.cell or (150 if params.quick else 500),
        events=12 if params.quick else 40,
        record_bytes=params.record_bytes,
        cdc=CdcWish(params.cdc_user, params.cdc_password) if params.cdc and "outbox" in areas else None,
    )


def _observation(one: Mapping[str, Any]) -> Observation:
    kept = {**one, "plain": tuple(one["plain"]), "measured": tuple(one["measured"])}
    return Observation(**kept)


def _sections(result: BenchResult) -> tuple[Section, ...]:
    tables = [
        Section(title, rows, type(rows[0]))
        for area, title in _TITLES.items()
        if (rows := tuple(words_of(one) for one in result.rows if one.area == area))
    ]
    advice = Section("What follows", text="\n".join(f"- {one}" for one in result.advice))
    missed = Section("Not measured", result.not_measured, NotMeasured)
    return (*tables, *((advice,) if result.advice else ()), *((missed,) if result.not_measured else ()))


def _documents(plan: Plan, result: BenchResult, said: str, sections: tuple[Section, ...]) -> tuple[Document, ...]:
    charts = charts_of(result)
    title = "What exactly-once costs here"
    paths = [plan.params.get("report"), plan.params.get("plot")]
    return tuple(Document(Path(str(path)), title, said, sections, charts, result) for path in paths if path)


def charts_of(result: BenchResult) -> tuple[Chart, ...]:
    """Latencies of a producer, and throughput against the plain twin, as far as they were measured."""
    charts: list[Chart] = []
    if result.spreads:
        curves = tuple(Curve(one.name, one.values_ms) for one in result.spreads)
        charts.append(Distribution("Produce latency, from the record to its acknowledgement", "ms", curves))
    rates = [one for one in result.rows if one.measure == "throughput"]
    produced = {one.what.removesuffix(" a transaction"): one for one in rates if one.area == "produce"}
    if produced:
        bars = Bars("with transactions, and the 95 % interval", tuple(map(_bar, produced.values())))
        charts.append(BarChart("Throughput of a producer", _TIMES, tuple(produced), (bars,)))
    consumed = {tuple(one.what.split(", ")): one for one in rates if one.area == "consume"}
    if consumed:
        ways, batches = (tuple(dict.fromkeys(key[part] for key in consumed)) for part in (0, 1))
        groups = tuple(Bars(way, tuple(_bar(consumed[way, batch]) for batch in batches)) for way in ways)
        charts.append(BarChart("Throughput of a consumer", _TIMES, batches, groups))
    return tuple(charts)


_TIMES = "times that of the twin without"


def _bar(row: CostRow) -> Bar:
    return Bar(row.ratio, row.low, row.high)


OPERATION = Change(
    name="bench",
    summary="Measure what transactions and deduplication cost on these servers",
    params=BenchParams,
    result=BenchResult,
    needs=("kafka",),
    listing=False,
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="Every cell runs beside its plain twin, in turns, in alternating rounds after a warm-up, so that a "
    "machine's moods hit both. A ratio is with over without, its interval holds the true one in 95 of 100 such runs. "
    "Topics and a schema of its own (eosctl-bench-*) are taken away again. Without a database producing and reading "
    "are measured.",
    examples=(
        Example("eosctl bench --quick --profile lab", "A first look, a minute and a half."),
        Example("eosctl bench --only produce --plot costs.svg --yes", "The producer alone, drawn."),
        Example("eosctl bench --only outbox --cdc --profile lab --yes", "The relay beside Debezium."),
        Example("eosctl bench --yes -o json > monday.json", "To be held against another day: eosctl bench compare."),
    ),
)
