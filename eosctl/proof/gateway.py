"""The VerifyGateway: trials side by side, each in a thread; their programs are processes."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from eosctl.core.errors import EosctlError, OperationFailed, Refused, Unreachable, UsageError
from eosctl.core.progress import Progress, Stop
from eosctl.domain.lab import LabSummary
from eosctl.domain.proof.faults import SERVER_KINDS, Fault
from eosctl.ports.connect import ConnectGateway
from eosctl.ports.lab import LabGateway
from eosctl.ports.verify import Observed, OwnTrial, Trial
from eosctl.proof.conduct import Conduct
from eosctl.proof.connector import require_logical
from eosctl.proof.own import OwnConduct
from eosctl.proof.servers import Servers

T = TypeVar("T")

_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
"""Hosts by which a lab's database can be named; its port is nobody else's there."""


class LocalProof:
    """Programs on this machine, against the servers that were named."""

    def __init__(
        self,
        kafka: Mapping[str, Any],
        dsn: str | None,
        *,
        progress: Progress,
        stop: Stop,
        lab: LabGateway | None = None,
        connect: ConnectGateway | None = None,
        consent: Callable[[str], None] | None = None,
    ) -> None:
        self._kafka, self._dsn, self._lab, self._consent = kafka, dsn, lab, consent
        self._connect = connect
        self._servers = Servers(kafka, dsn, self._break_server)
        self._progress, self._stop = progress, stop
        self._lock = threading.Lock()
        self._gave_up = False

    def requested(self) -> bool:
        """Whether the trials shall stop: somebody asked, or one of them has failed."""
        return self._gave_up or self._stop.requested()

    def consent(self, confirm: str) -> None:
        """Asks for a protected profile's name."""
        if self._consent is not None:
            self._consent(confirm)

    def require_lab(self) -> None:
        """Refuses to break servers that are not a lab's."""
        self._its_lab()

    def require_lab_database(self) -> None:
        """Refuses to break the lab's database when another one is written to."""
        if self._dsn is None:
            return
        dsn, ours = self._dsn, _host_and_port(self._its_lab()[1].dsn)
        host, port = self._told(lambda: _host_and_port(dsn))
        if host not in _THIS_MACHINE or port != ours[1]:
            raise Refused("not_a_lab", "Only a lab's database is broken.",
                          why="The database that was named is not that of the lab whose Kafka was named.",
                          hint="eosctl lab up, then --profile lab")  # fmt: skip

    def require_full_disk(self) -> None:
        """Asks the lab."""
        gateway, lab = self._its_lab()
        gateway.require_full_disk(lab.name)

    def require_capture(self) -> None:
        """Asks Connect for its connectors, and the database for its WAL level."""
        if self._connect is None:
            raise UsageError("no_connect", "No Kafka Connect was named.", hint="Set EOSCTL_CONNECT_URL.")
        self._connect.connectors()
        self._told(lambda: require_logical(self._servers.dsn))

    def _its_lab(self) -> tuple[LabGateway, LabSummary]:
        asked = str(self._kafka.get("bootstrap.servers", ""))
        for one in self._lab.labs() if self._lab is not None else ():
            if self._lab is not None and one.state == "up" and one.bootstrap_servers == asked:
                return self._lab, one
        raise Refused("not_a_lab", "Only a lab's servers are broken.",
                      why=f"{asked} is no running lab of this machine.",
                      hint="eosctl lab up, then --profile lab")  # fmt: skip

    def _break_server(self, fault: Fault) -> None:
        """In a thread of its own: a second Ctrl-C stops us at once, but not before the server is up again."""
        gateway, lab = self._its_lab()
        with ThreadPoolExecutor(1) as thread:
            if fault.kind == "disk-full":
                thread.submit(gateway.fill_disk, lab.name, fault.point).result()
            else:
                thread.submit(gateway.break_server, lab.name, fault.kind).result()

    def side_by_side(self, trials: Sequence[Trial]) -> tuple[Observed, ...]:
        """Runs them at the same time; one after the other where they would meet: relays have one lock in the database,
        and a broken server is everybody's. A failure ends all."""
        self._gave_up = False
        self._progress.begin(trials[0].made.strategy, sum(len(one.faults) for one in trials), unit="faults")
        try:
            meet = any(program.role == "relay" for one in trials for program in one.made.programs) or any(
                fault.kind in SERVER_KINDS for one in trials for fault in one.faults
            )
            with ThreadPoolExecutor(1 if meet else len(trials)) as threads:
                running = [threads.submit(self._run, one) for one in trials]
            failures = [one.exception() for one in running if one.exception() is not None]
            first = next((one for one in failures if getattr(one, "code", "") != "interrupted"), None)
            if failures:
                raise first or failures[0] or RuntimeError
            return tuple(one.result() for one in running)
        finally:
            self._servers.undo()  # a server has few replication slots, and the next round needs two again
            self._progress.end()

    def tidy(self) -> tuple[str, ...]:
        """Takes away topics, groups and schemas."""
        return self._servers.tidy()

    def own(self, trial: OwnTrial) -> Observed:
        """Runs the user's own program."""
        self._gave_up = False

        def begin(faults: int) -> Callable[[], None]:
            self._progress.end()
            self._progress.begin("your program", faults, unit="faults")
            return self._advance

        self._progress.begin("your program, undisturbed", unit="faults")
        try:
            return self._told(lambda: OwnConduct(trial, self._servers, self, begin).run())
        finally:
            self._progress.end()

    def _run(self, trial: Trial) -> Observed:
        return self._told(lambda: Conduct(trial, self._servers, self, self._advance, self._connect).run())

    def _told(self, run: Callable[[], T]) -> T:
        import psycopg
        from confluent_kafka import KafkaException

        try:
            return run()
        except EosctlError:
            self._gave_up = True
            raise
        except psycopg.OperationalError as error:
            self._gave_up = True
            raise Unreachable(
                "database_unreachable", f"PostgreSQL: {str(error).strip()}", hint="Check --dsn."
            ) from None
        except psycopg.Error as error:
            self._gave_up = True
            raise OperationFailed(
                "database_refused",
                f"PostgreSQL: {str(error).strip()}",
                hint="verify needs CREATE on the database; --cdc-user must be a role of it.",
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


def _host_and_port(dsn: str) -> tuple[str, str]:
    """As libpq takes them: PGHOST and PGPORT stand in for what is not named."""
    from psycopg import conninfo

    named = conninfo.conninfo_to_dict(dsn)
    return (
        str(named.get("host") or os.environ.get("PGHOST", "")),
        str(named.get("port") or os.environ.get("PGPORT", "5432")),
    )
