"""What the strategies cost: a row for each measure, what the textbook says of it, and what to do about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from eosctl.core.report import column
from eosctl.domain.bench.measuring import UNITS, Observation
from eosctl.domain.bench.ratios import Ratio, paired

FEW = 1.10
"""An overhead of 10 %: what the advice calls little."""

# "Cost, by the book" of Kafka's transactions: latencies and rates as ranges, and the broker's CPU.
_BOOK = {"p50": "5 to 15-25 ms", "p99": "20 to 50-80 ms", "throughput": "500K to 100-200K/s", "cpu": "x 1.15 to 1.25"}


@dataclass(frozen=True)
class CostRow:
    """One measure of a cell beside its twin: medians of the rounds, the ratio of the two, the textbook's words."""

    area: str
    what: str
    measure: str
    unit: str
    plain: float
    measured: float
    ratio: float
    low: float | None
    high: float | None
    book: str
    twin: str
    plain_rounds: tuple[float, ...] = field(metadata=column(hidden=True))
    measured_rounds: tuple[float, ...] = field(metadata=column(hidden=True))

    @property
    def slowdown(self) -> float:
        """How many times worse than the twin, whichever way the measure counts."""
        return 1 / self.ratio if self.measure == "throughput" else self.ratio


@dataclass(frozen=True)
class CostWords:
    """A row for people: values with their units."""

    what: str
    measure: str
    without: str
    with_it: str = field(metadata=column("with"))
    ratio: str
    interval: str = field(metadata=column("95 % interval"))


@dataclass(frozen=True)
class BookWords(CostWords):
    """The same beside what the textbook says."""

    book: str = field(metadata=column("by the book"))


def words_of(row: CostRow) -> CostWords:
    """The row in words; with the textbook's where it has some."""
    interval = "" if row.low is None or row.high is None else f"{row.low:g} to {row.high:g}"
    words = (row.what, _NAMES[row.measure], _amount(row.plain, row), _amount(row.measured, row), f"{row.ratio:g}",
             interval)  # fmt: skip
    return BookWords(*words, row.book) if row.book else CostWords(*words)


_NAMES = {"p50": "latency p50", "p99": "latency p99", "throughput": "throughput", "cpu": "broker CPU"}


def _amount(value: float, row: CostRow) -> str:
    return f"{value:,.0f} {row.unit}" if value >= 1_000 else f"{value:g} {row.unit}"


def rows_of(observations: Iterable[Observation]) -> tuple[CostRow, ...]:
    """A row each, in their order; those without a round are left out."""
    return tuple(_row(one) for one in observations if one.plain and one.measured)


def _row(seen: Observation) -> CostRow:
    ratio: Ratio = paired(seen.measured, seen.plain)
    return CostRow(
        area=seen.area,
        what=seen.what,
        measure=seen.measure,
        unit=UNITS[seen.measure],
        plain=rounded(median(seen.plain)),
        measured=rounded(median(seen.measured)),
        ratio=rounded(ratio.value),
        low=None if ratio.low is None else rounded(ratio.low),
        high=None if ratio.high is None else rounded(ratio.high),
        book=_BOOK[seen.measure] if seen.area == "produce" else "",
        twin=seen.twin,
        plain_rounds=tuple(map(rounded, seen.plain)),
        measured_rounds=tuple(map(rounded, seen.measured)),
    )


def rounded(value: float) -> float:
    """Three significant digits; whole numbers from a thousand on."""
    if value == 0:
        return 0.0
    return float(f"{value:.0f}") if abs(value) >= 1_000 else float(f"{value:.3g}")


def advice_of(rows: Sequence[CostRow]) -> tuple[str, ...]:
    """Sentences, each from its own rows; none where nothing was measured."""
    found = [_transaction_size(rows), _transaction_time(rows), _reading(rows), _consumer(rows), _outbox(rows)]
    return tuple(one for one in found if one)


def _transaction_size(rows: Sequence[CostRow]) -> str:
    sized = [one for one in rows if (one.area, one.measure) == ("produce", "throughput") and "record" in one.what]
    if not sized:
        return ""
    fit = next((one for one in sized if all(each.slowdown <= FEW for each in sized[sized.index(one) :])), None)
    if fit is None:
        best = min(sized, key=lambda one: one.slowdown)
        return (f"No transaction size that was measured keeps the loss of throughput under 10 %; least is lost with "
                f"{best.what} ({_loss(best)}). Let transactions grow by time, not by count.")  # fmt: skip
    return f"Transactions keep the loss of throughput under 10 % from {fit.what} on ({_loss(fit)}).{_doubt(fit)}"


def _transaction_time(rows: Sequence[CostRow]) -> str:
    timed, slow = (
        {one.what: one for one in rows if (one.area, one.measure) == ("produce", measure) and " ms " in one.what}
        for measure in ("throughput", "p50")
    )
    fit = next((what for what, one in timed.items() if one.slowdown <= FEW and what in slow), None)
    if fit is None:
        return ""
    records = timed[fit].measured * int(fit.partition(" ")[0].replace(",", "")) / 1_000
    return (f"Committed by time, {fit} keeps it under 10 % ({_loss(timed[fit])}): {records:,.0f} records at full "
            f"speed. Half of the records then wait longer than {slow[fit].measured:g} ms for the commit."
            f"{_doubt(timed[fit])}")  # fmt: skip


def _reading(rows: Sequence[CostRow]) -> str:
    found = [one for one in rows if one.area == "read" and one.measure == "p50"]
    if not found:
        return ""
    words = ", ".join(f"{one.plain:g} to {one.measured:g} ms with {one.what}" for one in found)
    return f"read_committed waits for the end of the transaction; the median end to end goes from {words}."


def _consumer(rows: Sequence[CostRow]) -> str:
    """What the smallest and the largest batch lose: a commit's cost hides the memory's in small ones."""
    found = [one for one in rows if (one.area, one.measure) == ("consume", "throughput")]
    if not found:
        return ""
    ways: dict[str, list[CostRow]] = {}
    for one in found:
        ways.setdefault(one.what.partition(",")[0], []).append(one)
    parts = [f"{way} {_loss(sized[0])} in {_batch(sized[0])} and {_loss(sized[-1])} in {_batch(sized[-1])}"
             for way, sized in ways.items()]  # fmt: skip
    fastest = max(found, key=lambda one: one.measured)
    return f"Remembering costs: {'; '.join(parts)}. The fastest was {fastest.what}: {fastest.measured:,.0f} records/s."


def _batch(row: CostRow) -> str:
    return row.what.partition(", ")[2]


def _outbox(rows: Sequence[CostRow]) -> str:
    found = {one.what: one for one in rows if (one.area, one.measure) == ("outbox", "p50") and "," not in one.what}
    if not found:
        return ""
    words = ", ".join(f"{what} {one.measured:g} ms" for what, one in found.items())
    plain = next(iter(found.values())).plain
    direct = f"sent after the commit, which a crash between the two loses, {plain:g} ms"
    return f"From commit to consumer, at the median: {words}; {direct}."


def _doubt(row: CostRow) -> str:
    """Said when the interval holds more than the 10 %."""
    if row.low is None or row.high is None or row.low >= 1 / FEW:
        return ""
    return f" This run can't rule out more (ratio {row.low:g} to {row.high:g}): give more --rounds."


def _loss(row: CostRow) -> str:
    lost = (1 - 1 / row.slowdown) * 100
    return f"{lost:.0f} % less" if lost >= 0.5 else "nothing lost that shows"
