"""The BenchGateway: rounds of cells beside their plain twins; what was made for them is taken away again."""

from collections.abc import Mapping
from typing import Any

from eosctl.core.charts import curve_of
from eosctl.core.errors import EosctlError, OperationFailed, Unreachable
from eosctl.core.progress import Progress, Stop
from eosctl.domain.bench.measuring import Bench, BenchWish, NotMeasured, Spread
from eosctl.ports.connect import ConnectGateway
from eosctl.proof.bench.cells import Cells, Found
from eosctl.proof.bench.tidying import BenchServers


class LocalBench:
    """Measures from this machine the servers that were named."""

    def __init__(
        self,
        kafka: Mapping[str, Any],
        dsn: str,
        connect: ConnectGateway,
        *,
        has_database: bool,
        progress: Progress,
        stop: Stop,
    ) -> None:
        self._kafka, self._dsn, self._connect, self._has_database = kafka, dsn, connect, has_database
        self._progress, self._stop = progress, stop

    def has_database(self) -> bool:
        """Whether a database was named."""
        return self._has_database

    def measure(self, wish: BenchWish) -> Bench:
        """A warm-up, then the rounds; a stop is heeded between two cells, and what is whole by then counts."""
        servers = BenchServers(self._kafka, self._dsn)
        self._progress.begin("Measuring", wish.cells() * (wish.rounds + 1), unit="cells")
        found = Found()
        rounds, stopped = 0, False
        try:
            with Cells(servers, self._connect, wish, found) as cells:
                for number in range(wish.rounds + 1):
                    for cell in cells.round(swapped=bool(number % 2)):
                        if self._stop.requested():
                            stopped = True
                            break
                        cell()
                        self._progress.advance(1, "warm-up" if number == 0 else f"round {number} of {wish.rounds}")
                    if stopped:
                        break
                    found.close_round(warm_up=number == 0)
                    rounds = number
        except Exception as failure:
            left, error = servers.tidy(), as_error(failure)
            if error is None:
                raise
            if left:
                error.hint = f"{error.hint} Left behind, to be taken away by hand: {', '.join(left)}.".strip()
            raise error from failure
        finally:
            self._progress.end()
        return _bench(found, rounds=rounds, stopped=stopped, left=servers.tidy())


def _bench(found: Found, *, rounds: int, stopped: bool, left: tuple[str, ...]) -> Bench:
    spreads = tuple(Spread(name, curve_of(name, values).values) for name, values in found.latencies.items() if values)
    missed = tuple(NotMeasured(what, why) for what, why in found.not_measured.items())
    return Bench(found.observations(), spreads, missed, rounds, stopped, left)


def as_error(failure: Exception) -> EosctlError | None:
    """A server's or a file's error in our words; None for a defect of ours."""
    import psycopg
    from confluent_kafka import KafkaException

    if isinstance(failure, EosctlError):
        return failure
    if isinstance(failure, KafkaException):
        error = failure.args[0]
        return OperationFailed("not_measured", f"Kafka: {error.str()}.", why=f"It answered {error.name()}.",
                               hint="eosctl status. It needs topics, a group and ids eosctl-bench-*.")  # fmt: skip
    if isinstance(failure, psycopg.OperationalError):
        return Unreachable("database_unreachable", f"PostgreSQL: {str(failure).strip()}", hint="Check --dsn.")
    if isinstance(failure, (psycopg.Error, OSError)):
        return OperationFailed("not_measured", str(failure).strip(), hint="eosctl status")
    return None
