"""The VerifyGateway: trials side by side, each in a thread; their programs are processes."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from eosctl.core.errors import EosctlError, OperationFailed, Unreachable
from eosctl.core.progress import Progress, Stop
from eosctl.ports.verify import Observed, Trial
from eosctl.proof.conduct import Conduct
from eosctl.proof.servers import Servers


class LocalProof:
    """Programs on this machine, against the servers that were named."""

    def __init__(self, kafka: Mapping[str, Any], dsn: str, *, progress: Progress, stop: Stop) -> None:
        self._servers = Servers(kafka, dsn)
        self._progress, self._stop = progress, stop
        self._lock = threading.Lock()
        self._gave_up = False

    def requested(self) -> bool:
        """Whether the trials shall stop: somebody asked, or one of them has failed."""
        return self._gave_up or self._stop.requested()

    def side_by_side(self, trials: Sequence[Trial]) -> tuple[Observed, ...]:
        """Runs them at the same time, relays one after the other (their lock is the database's); a failure ends all."""
        self._gave_up = False
        self._progress.begin(trials[0].made.strategy, sum(len(one.faults) for one in trials), unit="faults")
        try:
            relays = any(program.role == "relay" for one in trials for program in one.made.programs)
            with ThreadPoolExecutor(1 if relays else len(trials)) as threads:
                running = [threads.submit(self._run, one) for one in trials]
            failures = [one.exception() for one in running if one.exception() is not None]
            first = next((one for one in failures if getattr(one, "code", "") != "interrupted"), None)
            if failures:
                raise first or failures[0] or RuntimeError
            return tuple(one.result() for one in running)
        finally:
            self._progress.end()

    def tidy(self) -> tuple[str, ...]:
        """Takes away topics, groups and schemas."""
        return self._servers.tidy()

    def _run(self, trial: Trial) -> Observed:
        import psycopg
        from confluent_kafka import KafkaException

        try:
            return Conduct(trial, self._servers, self, self._advance).run()
        except EosctlError:
            self._gave_up = True
            raise
        except psycopg.OperationalError as error:
            self._gave_up = True
            raise Unreachable(
                "database_unreachable", f"PostgreSQL: {str(error).strip()}", hint="Check --dsn."
            ) from None
        except KafkaException as error:
            self._gave_up = True
            raise Unreachable("kafka_unreachable", f"Kafka: {error.args[0].str()}.", hint="eosctl status") from None
        except OSError as error:
            self._gave_up = True
            raise OperationFailed("not_run", f"A program can't be run: {error}.", hint="Check the disk.") from None

    def _advance(self) -> None:
        with self._lock:
            self._progress.advance()
