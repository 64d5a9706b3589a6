"""The flags that every purge takes, and what they ask the engine for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eosctl.core.charts import Line, LineChart
from eosctl.core.documents import REPORTS, Document, require_file
from eosctl.core.errors import UsageError
from eosctl.core.params import DurationMs, Params, param
from eosctl.core.plan import Plan
from eosctl.domain.pace import PROGRESS, rate_line
from eosctl.domain.purging import PurgeWish, until_time
from eosctl.ports import Gateways


class PurgeParams(Params):
    """How a purge goes about it."""

    older_than: DurationMs = param(help="Delete what is older than this, by the server's clock", examples=("7d",))
    batch_size: int = param(10_000, help="At most so many rows in one transaction", ge=1, le=1_000_000)
    target_batch_ms: int = param(200, help="A batch that takes longer shrinks the next ones", ge=1, le=60_000)
    rate: int = param(0, help="At most so many rows a second; 0: no limit", ge=0)
    pause: DurationMs = param(0, help="Rest so long after each batch", ge=0)
    max_rows: int = param(0, help="Delete at most so many rows; 0: no limit", ge=0)
    until: str | None = param(
        None, help="End at this time of day of this machine's clock", metavar="HH:MM", examples=("06:30",)
    )
    max_replica_lag: DurationMs = param(10_000, help="Wait while a replica is further behind; 0ms: do not look", ge=0)
    max_wait: DurationMs = param(600_000, help="Wait at most so long for replicas and older transactions", ge=0)
    statement_timeout: DurationMs = param(10_000, help="Cancel a batch after this; it comes again smaller", ge=10)
    lock_timeout: DurationMs = param(1_000, help="Wait at most so long for a lock", ge=1)
    report: Path | None = param(
        None, help="Write what was done, with a chart of the rate, to FILE.(md|json|html)", complete="file"
    )


def wish_of(gateways: Gateways, params: PurgeParams) -> PurgeWish:
    """The flags as the engine reads them. Raises UsageError (`bad_ttl`, `bad_until`, `bad_report`, `no_folder`)."""
    require_file(params.report, REPORTS)
    if params.older_than <= 0:
        raise UsageError("bad_ttl", "--older-than must be longer than nothing.", hint="For example --older-than 7d.")
    local = gateways.clock.now().astimezone()
    return PurgeWish(
        age_ms=params.older_than,
        batch_size=params.batch_size,
        target_batch_ms=params.target_batch_ms,
        rate_per_s=params.rate,
        pause_ms=params.pause,
        max_rows=params.max_rows,
        until=until_time(params.until, local) if params.until else None,
        max_replica_lag_ms=params.max_replica_lag,
        max_wait_ms=params.max_wait,
        statement_timeout_ms=params.statement_timeout,
        lock_timeout_ms=params.lock_timeout,
    )


def purge_documents(
    plan: Plan, result: Any, words: str, purged: Sequence[tuple[str, Mapping[str, Any]]]
) -> tuple[Document, ...]:
    """The report that --report asked for: the sum, and rows a second of each table over time."""
    if not plan.params.get("report"):
        return ()
    lines: list[Line] = [rate_line(name, after.get(PROGRESS, ())) for name, after in purged]
    chart = LineChart("Rate of the purge", "seconds from the start", "rows a second", tuple(lines))
    path = Path(str(plan.params["report"]))
    return (Document(path, plan.summary, words, charts=(chart,) if lines else (), data=result),)
