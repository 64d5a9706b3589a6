"""`bench compare`: two measurements side by side, and what has become worse beyond chance."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eosctl.core.counts import counted
from eosctl.core.errors import UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report
from eosctl.domain.bench.comparing import Compared, compared, rows_in
from eosctl.ports import Gateways


class BenchCompareParams(Params):
    """Which two."""

    before: Path = param(help="JSON of the earlier run", positional=True, complete="file", metavar="BEFORE.json")
    after: Path = param(help="JSON of the later run", positional=True, complete="file", metavar="AFTER.json")
    tolerance: int = param(10, help="So many per cent are not worth a word", ge=0, le=1_000)
    all: bool = param(False, help="Also what is the same")


@dataclass(frozen=True)
class BothRuns:
    """The rows of both files."""

    before: tuple[Mapping[str, Any], ...]
    after: tuple[Mapping[str, Any], ...]


def observe(gateways: Gateways, params: BenchCompareParams) -> BothRuns:
    """Reads both. Raises UsageError (`not_read`, `not_a_bench`)."""
    return BothRuns(*(rows_in(_json(path), str(path)) for path in (params.before, params.after)))


def report(seen: BothRuns, params: BenchCompareParams) -> Report:
    """A row for each measure that changed; exit 3 when one is worse."""
    rows = compared(seen.before, seen.after, tolerance=params.tolerance / 100)
    counts = Counter(one.verdict for one in rows)
    shown = tuple(one for one in rows if params.all or one.verdict != "same")
    words = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ("worse", "better", "same", "only in one")
                      if counts[verdict] or verdict != "only in one")  # fmt: skip
    return Report(
        shown,
        Compared,
        exit_code=ExitCode.PROBLEM if counts["worse"] else ExitCode.DONE,
        summary=f"Of {counted(len(rows), 'measure')}: {words}.",
    )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError("not_read", f"{path} can't be read: {error.strerror}.", hint="Check the path.") from None
    except ValueError as error:
        raise UsageError(
            "not_a_bench", f"{path} is not JSON: {error}.", hint="Make it with: eosctl bench -o json."
        ) from None


OPERATION = Query(
    name="bench.compare",
    summary="Hold two measurements against each other",
    params=BenchCompareParams,
    result=Compared,
    observe=observe,
    report=report,
    details="A change is the later run over the earlier one, its interval by Welch's test on the rounds of both. Worse "
    "or better is what leaves the tolerance and is more than chance; exit 3 when something is worse. Hold runs of the "
    "same flags against each other, on machines that do nothing else.",
    examples=(
        Example("eosctl bench compare monday.json tuesday.json", "What changed?"),
        Example(
            "eosctl bench compare before.json after.json --tolerance 20 -o json", "For a pipeline: exit 3 is worse."
        ),
    ),
)
