"""From commit to consumer: an event through the outbox and its relay, and one that is simply sent after the commit."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eosctl.core.errors import OperationFailed
from eosctl.proof.programs import end
from eosctl.proof.servers import LIMIT_S, PARTITIONS

_INSERT = """
    INSERT INTO {} (id, aggregate_type, aggregate_id, event_type, payload, published_at)
    VALUES (%s, %s, %s, 'bench', '{{}}', %s)
"""
_START_LIMIT_S = 60.0


class Events:
    """Single events of one kind: a table that they are written to, a topic where a waiting consumer sees them come."""

    def __init__(self, kafka: Mapping[str, Any], dsn: str, kind: str, table: str) -> None:
        import psycopg
        from confluent_kafka import Consumer, TopicPartition
        from psycopg import sql

        self._topic, self._kind = f"{kind}-events", kind
        self._insert = sql.SQL(_INSERT).format(sql.Identifier(table))
        self._database: Any = psycopg.connect(dsn, autocommit=True, connect_timeout=20)
        self._consumer = Consumer({**kafka, "group.id": kind, "enable.auto.commit": False})
        self._consumer.assign([TopicPartition(self._topic, one, 0) for one in range(PARTITIONS)])

    def through_ms(self, limit_s: float = LIMIT_S) -> float:
        """From the commit of one event to its arrival. Raises OperationFailed (`not_relayed`)."""
        name = str(uuid.uuid4())
        self._database.execute(self._insert, (name, self._kind, name, None))
        return self.arrival_ms(name, time.perf_counter(), limit_s)

    def arrival_ms(self, name: str, began: float, limit_s: float) -> float:
        """How long after the beginning the event with this key arrives."""
        while time.perf_counter() - began < limit_s:
            message = self._consumer.poll(0.1)
            if message is None or message.error() is not None:
                continue
            if dict(message.headers() or []).get("idempotency-key") == name.encode():
                return (time.perf_counter() - began) * 1_000
        raise OperationFailed("not_relayed", f"An event did not arrive within {limit_s:.0f} s.", why=self.last_words(),
                              hint="See eosctl outbox status and eosctl status.")  # fmt: skip

    def last_words(self) -> str:
        """What the one who should have sent it says."""
        return ""

    def close(self) -> None:
        """Ends consumer and connection."""
        self._consumer.close()
        self._database.close()


class Relay(Events):
    """A real `eosctl outbox relay` on a table of its own."""

    def __init__(self, kafka: Mapping[str, Any], dsn: str, kind: str, folder: Path) -> None:
        from confluent_kafka import Producer

        self._environment, self._log = _environment(kafka, dsn, folder), folder / "relay.log"
        self._run("outbox", "init", "--notify", "--yes")
        super().__init__(kafka, dsn, kind, "outbox")
        self._producer = Producer({**kafka, "enable.idempotence": True})
        self._process = self._start()
        try:
            self.through_ms(_START_LIMIT_S)  # the relay's start is not what is measured
        except OperationFailed:
            self.close()
            raise

    def sent_ms(self) -> float:
        """One event that is sent after the same commit: lost when the process dies between the two."""
        name = str(uuid.uuid4())
        self._database.execute(self._insert, (name, self._kind, name, datetime.now(UTC)))
        began = time.perf_counter()
        self._producer.produce(self._topic, b"{}", name, headers=[("idempotency-key", name.encode())])
        self._producer.flush(LIMIT_S)
        return self.arrival_ms(name, began, LIMIT_S)

    def close(self) -> None:
        """Ends the relay too."""
        end(self._process)
        super().close()

    def last_words(self) -> str:
        """The end of the relay's output."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-600:].strip()

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "eosctl", "outbox", "relay", "--yes", "-o", "json"], env=self._environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def _run(self, *words: str) -> None:
        with self._log.open("ab") as log:
            done = subprocess.run([sys.executable, "-m", "eosctl", *words, "-o", "json"], env=self._environment,
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False,
                                  timeout=_START_LIMIT_S)  # fmt: skip
        if done.returncode:
            raise OperationFailed("not_prepared", "The measurement's outbox can't be made.", why=self.last_words(),
                                  hint="bench needs CREATE on the database.")  # fmt: skip


def _environment(kafka: Mapping[str, Any], dsn: str, folder: Path) -> dict[str, str]:
    """The same servers, and a home of its own: the user's journal and profiles are left alone."""
    properties = folder / "kafka.properties"
    properties.touch(mode=0o600)
    lines = [f"{key}={value}\n" for key, value in kafka.items() if isinstance(value, (str, int, float))]
    properties.write_text("".join(lines), encoding="utf-8")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("EOSCTL_", "PG"))}
    homes = {f"XDG_{one}_HOME": str(folder / one.lower()) for one in ("DATA", "CONFIG", "STATE")}
    return {**kept, **homes, "EOSCTL_KAFKA_CONFIG": str(properties), "EOSCTL_DSN": dsn, "EOSCTL_QUIET": "1"}
