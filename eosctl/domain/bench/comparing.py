"""Two runs side by side: what is slower, by how much, and whether that is more than chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from eosctl.core.errors import UsageError
from eosctl.core.report import column
from eosctl.domain.bench.costs import rounded
from eosctl.domain.bench.ratios import unpaired

Verdict = Literal["worse", "better", "same", "only in one"]
_WANTED = ("area", "what", "measure", "measured_rounds", "ratio")


@dataclass(frozen=True)
class Compared:
    """One measure in both runs: its change is the later over the earlier, with an interval."""

    area: str
    what: str
    measure: str
    before: float | None
    after: float | None
    change: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    ratio_before: float | None = field(metadata=column(wide=True))
    ratio_after: float | None = field(metadata=column(wide=True))


def rows_in(text: Any, name: str) -> tuple[Mapping[str, Any], ...]:
    """The rows of a run, from the JSON of the command or of its report. Raises UsageError (`not_a_bench`)."""
    data = text.get("data", text) if isinstance(text, Mapping) else None
    data = data.get("result", data) if isinstance(data, Mapping) else None
    rows = data.get("rows") if isinstance(data, Mapping) else None
    fits = isinstance(rows, list) and rows and all(_is_row(one) for one in rows)
    if not fits:
        raise UsageError("not_a_bench", f"{name} is no measurement of eosctl bench.",
                         hint="Make it with: eosctl bench -o json > FILE, or --report FILE.json.")  # fmt: skip
    assert isinstance(rows, list)
    return tuple(rows)


def _is_row(one: Any) -> bool:
    if not isinstance(one, Mapping) or any(key not in one for key in _WANTED):
        return False
    rounds = one["measured_rounds"]
    return isinstance(rounds, list) and bool(rounds) and all(isinstance(each, (int, float)) for each in rounds)


def compared(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], *, tolerance: float
) -> tuple[Compared, ...]:
    """A row for each measure of either run. Worse or better: certain, and by more than the tolerance."""
    early, late = ({_key(one): one for one in side} for side in (before, after))
    return tuple(_compared(key, early.get(key), late.get(key), tolerance) for key in dict.fromkeys([*early, *late]))


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(row["area"]), str(row["what"]), str(row["measure"])


def _compared(
    key: tuple[str, str, str], early: Mapping[str, Any] | None, late: Mapping[str, Any] | None, tolerance: float
) -> Compared:
    if early is None or late is None:
        first, then = (None if one is None else float(one["measured"]) for one in (early, late))
        ratio, later = (None if one is None else float(one["ratio"]) for one in (early, late))
        return Compared(*key, first, then, None, None, None, "only in one", ratio, later)
    change = unpaired(late["measured_rounds"], early["measured_rounds"])
    worse = 1 / change.value if key[2] == "throughput" else change.value
    verdict: Verdict = "same"
    if change.is_certain and worse > 1 + tolerance:
        verdict = "worse"
    elif change.is_certain and worse < 1 / (1 + tolerance):
        verdict = "better"
    low, high = (None if one is None else rounded(one) for one in (change.low, change.high))
    return Compared(*key, float(early["measured"]), float(late["measured"]), rounded(change.value), low, high,
                    verdict, float(early["ratio"]), float(late["ratio"]))  # fmt: skip
