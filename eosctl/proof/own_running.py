"""Keeps the instances of the user's own program running, each behind proxies of its own, whatever ends them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eosctl.core.errors import OperationFailed, Refused
from eosctl.domain.proof.faults import BATCH
from eosctl.proof.effects import Reader
from eosctl.proof.own_places import Places
from eosctl.proof.own_programs import OwnPrograms
from eosctl.proof.servers import Servers
from eosctl.proof.wires import Wires

_AGAIN_S = 0.5
_FAILURES_IN_A_ROW = 6


class Running:
    """`wires` are the proxies by instance: none where what the program says is encrypted."""

    def __init__(self, command: str, instances: int, places: Places, servers: Servers, folder: Path) -> None:
        self.programs = OwnPrograms(command, folder / "log.txt")
        self.wires: dict[int, Wires] = {}
        self.restarts = 0
        self._places, self._kafka, self._folder = places, servers.kafka, folder
        self._wanted = set(range(1, instances + 1))
        self._started: dict[int, float] = {}
        self._failures, self._failed_at = 0, -1

    def keep(self, reader: Reader) -> bool:
        """Starts what does not run; whether something had ended by itself. Raises OperationFailed (`program_failed`)
        when it ends again and again and nothing moves."""
        ended = False
        for instance in sorted(self._wanted):
            if self.programs.is_started(instance):
                code = self.programs.ended(instance)
                if code is None:
                    continue
                self._ended_by_itself(instance, code, reader)
                ended = True
            if time.monotonic() - self._started.get(instance, 0.0) > _AGAIN_S:
                self._started[instance] = time.monotonic()
                self.programs.start(instance, self._environment(instance))
        return ended

    def forgive(self) -> None:
        """To give up after such a fault is the program's right."""
        self._failures = 0

    def count(self) -> int:
        """How many instances there shall be."""
        return len(self._wanted)

    def alive(self, instance: int) -> int | None:
        """That instance, or another one when it does not run."""
        running = [one for one in self._wanted if self.programs.is_started(one)]
        return instance if instance in running else next(iter(running), None)

    @contextmanager
    def another(self) -> Iterator[None]:
        """One instance more, for a while."""
        extra = max(self._wanted) + 1
        self._wanted.add(extra)
        try:
            yield
        finally:
            self._wanted.discard(extra)
            self.programs.end(extra)

    def passed(self) -> tuple[str, ...]:
        """Commits and sends that any instance was seen to make."""
        return tuple(sorted({point for one in self.wires.values() for point in one.passed()}))

    def end(self) -> None:
        """Asks all to end."""
        for instance in sorted(self._wanted):
            self.programs.end(instance)

    def close(self) -> None:
        """Kills what still runs, and ends the proxies."""
        self.programs.kill_all()
        for one in self.wires.values():
            one.close()

    def _environment(self, instance: int) -> dict[str, str]:
        """What the program is told; through proxies of its own where what it says can be read."""
        places, kafka, dsn = self._places, self._kafka, self._places.dsn
        if instance not in self.wires:
            try:
                self.wires[instance] = Wires(kafka, dsn)
            except Refused as refused:
                if refused.code != "encrypted":
                    raise
        if instance in self.wires:
            kafka, dsn = self.wires[instance].kafka, self.wires[instance].dsn
        file = self._folder / f"kafka-{instance}.properties"
        file.touch(mode=0o600)
        file.write_text("".join(f"{key}={value}\n" for key, value in kafka.items() if key != "log_level"))
        return {
            "BOOTSTRAP_SERVERS": str(kafka["bootstrap.servers"]), "KAFKA_PROPERTIES_FILE": str(file),
            "INPUT_TOPIC": places.input, "OUTPUT_TOPIC": places.output, "GROUP": places.group, "BATCH": str(BATCH),
            **_database_variables(dsn),
        }  # fmt: skip

    def _ended_by_itself(self, instance: int, code: int, reader: Reader) -> None:
        self.programs.forget(instance)
        self.restarts += 1
        if code == 0:
            return
        position = reader.position()
        self._failures = self._failures + 1 if position == self._failed_at else 1
        self._failed_at = position
        if self._failures >= _FAILURES_IN_A_ROW:
            raise OperationFailed("program_failed", f"Your program ended with {code} again and again.",
                                  why=self.programs.log(),
                                  hint="Does it read BOOTSTRAP_SERVERS, INPUT_TOPIC and GROUP?")  # fmt: skip


def _database_variables(dsn: str) -> dict[str, str]:
    """DSN, and libpq's own variables for a program that takes those."""
    if not dsn:
        return {}
    from psycopg import conninfo

    given = {key: str(value) for key, value in conninfo.conninfo_to_dict(dsn).items() if value not in (None, "")}
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE", "password": "PGPASSWORD",
             "options": "PGOPTIONS", "sslmode": "PGSSLMODE"}  # fmt: skip
    return {"DSN": dsn, **{name: given[key] for key, name in names.items() if key in given}}
