"""From commit to consumer by change data capture: a Debezium connector in the Connect that was named, for a while."""

import random
import time
from collections.abc import Mapping
from typing import Any

from eosctl.core.errors import EosctlError, OperationFailed
from eosctl.domain.bench.measuring import CdcWish
from eosctl.domain.cdc_config import ConnectorWish, as_config, choices, ident, publication_sql, quoted
from eosctl.domain.outbox import OutboxMapping
from eosctl.domain.tables import TableName
from eosctl.ports.connect import ConnectGateway
from eosctl.proof.bench.relaying import Events
from eosctl.proof.bench.tidying import BenchServers
from eosctl.proof.servers import LIMIT_S

TABLE = "outbox_cdc"
_START_LIMIT_S = 90.0
_DROP_LIMIT_S = 30.0
_POLL_INTERVAL_S = 0.5
_TABLE = """
    CREATE TABLE {} (id uuid PRIMARY KEY, aggregate_type varchar(100) NOT NULL, aggregate_id varchar(255) NOT NULL,
                     event_type varchar(100) NOT NULL, payload jsonb NOT NULL, published_at timestamptz)
"""


class Debezium(Events):
    """A connector on a table of its own, with slot and publication: `BenchServers.tidy` takes them away."""

    def __init__(self, servers: BenchServers, connect: ConnectGateway, wish: CdcWish, dsn: str, name: str) -> None:
        self._connect, self._name, self._dice = connect, name, random.Random(0)
        slot = name.replace("-", "_")
        table = TableName(TABLE, slot)
        _make(servers, dsn, table, slot, wish)
        super().__init__(servers.kafka, dsn, f"{name}-cdc", TABLE)
        place = self._database.info
        found = ConnectorWish(
            name=name, prefix=name, slot=slot, publication=slot, host=place.host, port=place.port,
            database=place.dbname, user=wish.user or place.user, password=wish.password,
        )  # fmt: skip
        mapping = OutboxMapping(table=table)
        servers.remember(f"replication slot {slot}", lambda: _drop_slot(dsn, slot))
        connect.make(name, as_config(choices(mapping, found)))
        servers.remember(f"connector {name}", lambda: connect.remove(name))
        servers.remember_topic(f"__debezium-heartbeat.{name}")
        try:
            for _ in range(2):  # the first may still come by the snapshot
                self.through_ms(_START_LIMIT_S)
        except EosctlError:
            self.close()
            raise

    def through_ms(self, limit_s: float = LIMIT_S) -> float:
        """At a random moment of the connector's beat (`poll.interval.ms`): an event that always follows right behind
        another one's arrival would meet always the same wait."""
        time.sleep(self._dice.uniform(0, _POLL_INTERVAL_S))
        return super().through_ms(limit_s)

    def last_words(self) -> str:
        """What Connect says of the connector."""
        parts = self._connect.status(self._name).parts
        return "; ".join(f"{one.state} {one.trace}".strip() for one in parts)


def _make(servers: BenchServers, dsn: str, table: TableName, slot: str, wish: CdcWish) -> None:
    import psycopg

    with psycopg.connect(dsn, autocommit=True, connect_timeout=20) as connection:
        level = connection.execute("SHOW wal_level").fetchone()
        if level != ("logical",):
            raise OperationFailed("wal_level", f"wal_level is {level[0] if level else 'unknown'}, not logical.")
        connection.execute(_TABLE.format(ident(table)).encode())
        connection.execute(publication_sql(table, slot, partitioned=False).encode())
        servers.remember(f"publication {slot}", lambda: _drop_publication(dsn, slot))
        if wish.user:
            connection.execute(f"GRANT USAGE ON SCHEMA {quoted(slot)} TO {quoted(wish.user)}".encode())
            connection.execute(f"GRANT SELECT ON {ident(table)} TO {quoted(wish.user)}".encode())


def _drop_publication(dsn: str, name: str) -> None:
    import psycopg

    with psycopg.connect(dsn, autocommit=True, connect_timeout=20) as connection:
        connection.execute(f"DROP PUBLICATION IF EXISTS {quoted(name)}".encode())


def _drop_slot(dsn: str, name: str) -> None:
    """The slot holds WAL as long as it is there: waits until its reader is gone, and drops it."""
    import psycopg

    until = time.monotonic() + _DROP_LIMIT_S
    with psycopg.connect(dsn, autocommit=True, connect_timeout=20) as connection:
        while True:
            found: Mapping[Any, Any] | Any = connection.execute(
                "SELECT active FROM pg_replication_slots WHERE slot_name = %s", (name,)
            ).fetchone()
            if found is None:
                return
            if not found[0]:
                connection.execute("SELECT pg_drop_replication_slot(%s)", (name,))
                return
            if time.monotonic() > until:
                raise OperationFailed("slot_active", f"Somebody still reads the slot {name}.")
            time.sleep(0.2)
