"""A Debezium connector for a while, in the Connect that was named, with a slot and a publication of its own."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from eosctl.core.errors import EosctlError, OperationFailed
from eosctl.domain.cdc_config import CdcWish, ConnectorWish, as_config, choices, ident, publication_sql, quoted
from eosctl.domain.connect import ConnectorStatus
from eosctl.domain.outbox import OutboxMapping
from eosctl.domain.tables import TableName
from eosctl.ports.connect import ConnectGateway
from eosctl.proof.servers import Servers

_DROP_LIMIT_S = 30.0
_LATE_SLOT_S = 3.0
_MAKE_LIMIT_S = 60.0
_STILL_LIMIT_S = 150.0
_LOOK_EVERY_S = 0.5
_RESTARTS = 5
_RESTART_EVERY_S = 3.0
_NOT_YET = ("unknown_connector", "connect_rebalancing", "connect_unreachable", "connect_timeout")
_OF_THIS_PLACE = (
    "database.hostname", "database.port", "database.user", "database.password", "database.dbname", "topic.prefix",
    "slot.name", "publication.name", "table.include.list", "predicates.isOutbox.pattern",
)  # fmt: skip


class Connector:
    """Reads one table of the schema that has its name; `Servers.tidy` takes connector, slot and publication away."""

    def __init__(
        self,
        servers: Servers,
        connect: ConnectGateway,
        wish: CdcWish,
        dsn: str,
        *,
        name: str,
        table: str,
        template: str = "",
    ) -> None:
        """`template` is a connector.json: of it is taken what does not name this place."""
        self._connect, self._name = connect, name
        slot = name.replace("-", "_")
        found = TableName(table, slot)
        made = as_config(choices(OutboxMapping(table=found), _publish(servers, dsn, found, name, wish)))
        config = {**json.loads(template)["config"], **{key: made[key] for key in _OF_THIS_PLACE}} if template else made
        servers.remember(f"replication slot {slot}", lambda: _drop_slot(dsn, slot))
        servers.remember(f"connector {name}", lambda: _remove(connect, name))
        servers.remember_topic(f"__debezium-heartbeat.{name}")
        _make(connect, name, config)

    def last_words(self) -> str:
        """What Connect says of the connector."""
        return _words(self._connect.status(self._name))

    def wait_until_running(self, pass_time: Callable[[float], None]) -> None:
        """Until its task runs. Raises as `wait`."""
        self.wait(self._runs, lambda: 0, pass_time)

    def wait(self, done: Callable[[], bool], position: Callable[[], int], pass_time: Callable[[float], None]) -> None:
        """Until `done`. What has failed is started again, as whoever runs a Connect does; but not for ever.

        Raises OperationFailed (`connector_failed`, `stands_still`), and what `pass_time` raises.
        """
        stood, moved, restarts, again = -1, time.monotonic(), 0, 0.0
        while not done():
            now, status = position(), self._status()
            if now != stood:
                stood, moved = now, time.monotonic()
            if status is not None and status.failed and time.monotonic() > again:
                restarts, again = restarts + 1, time.monotonic() + _RESTART_EVERY_S
                if restarts > _RESTARTS:
                    raise OperationFailed("connector_failed", f"Debezium failed {restarts} times.", why=_words(status),
                                          hint="See the Connect worker's log.")  # fmt: skip
                self._restart()
            if time.monotonic() - moved > _STILL_LIMIT_S:
                raise OperationFailed("stands_still", f"Debezium brought nothing more for {_STILL_LIMIT_S:.0f} s.",
                                      why=_words(status), hint="See the Connect worker's log.")  # fmt: skip
            pass_time(_LOOK_EVERY_S)

    def _runs(self) -> bool:
        status = self._status()
        return status is not None and len(status.parts) > 1 and all(one.state == "RUNNING" for one in status.parts)

    def _restart(self) -> None:
        try:
            self._connect.restart_failed(self._name)
        except EosctlError as error:
            if error.code not in _NOT_YET:
                raise

    def _status(self) -> ConnectorStatus | None:
        """None while Connect is away or rebalances, and before it has heard of the connector."""
        try:
            return self._connect.status(self._name)
        except EosctlError as error:
            if error.code not in _NOT_YET:
                raise
            return None


def with_publication(schema: str, template: str, name: str) -> str:
    """The tables' statements with a publication of that name: a database has each name once, whatever the schema."""
    return schema.replace(json.loads(template)["config"]["publication.name"], name.replace("-", "_"))


def require_logical(dsn: str) -> None:
    """Raises OperationFailed (`wal_level`) where no slot can be read."""
    import psycopg

    with psycopg.connect(dsn, autocommit=True, connect_timeout=20) as connection:
        level = connection.execute("SHOW wal_level").fetchone()
    if level != ("logical",):
        raise OperationFailed("wal_level", f"wal_level is {level[0] if level else 'unknown'}, not logical.",
                              why="Debezium reads a logical replication slot.",
                              hint="Set wal_level = logical, or: eosctl lab up --cdc.")  # fmt: skip


def _words(status: ConnectorStatus | None) -> str:
    parts = status.parts if status is not None else ()
    return "; ".join(f"{one.state} {one.trace}".strip() for one in parts)


def _publish(servers: Servers, dsn: str, table: TableName, name: str, wish: CdcWish) -> ConnectorWish:
    """Makes the publication where there is none yet, lets Debezium's role read the table; how both are found."""
    import psycopg

    slot = name.replace("-", "_")
    servers.remember(f"publication {slot}", lambda: _drop_publication(dsn, slot))
    require_logical(dsn)
    with psycopg.connect(dsn, autocommit=True, connect_timeout=20) as connection:
        place = connection.info
        if connection.execute("SELECT FROM pg_publication WHERE pubname = %s", (slot,)).fetchone() is None:
            connection.execute(publication_sql(table, slot, partitioned=False).encode())
        if wish.user:
            connection.execute(f"GRANT USAGE ON SCHEMA {quoted(slot)} TO {quoted(wish.user)}".encode())
            connection.execute(f"GRANT SELECT ON {ident(table)} TO {quoted(wish.user)}".encode())
        return ConnectorWish(
            name=name, prefix=name, slot=slot, publication=slot, host=place.host, port=place.port,
            database=place.dbname, user=wish.user or place.user, password=wish.password,
        )  # fmt: skip


def _make(connect: ConnectGateway, name: str, config: Mapping[str, str]) -> None:
    """Again while Connect rebalances: it does so for the connector that was made just before."""
    until = time.monotonic() + _MAKE_LIMIT_S
    while True:
        try:
            connect.make(name, config)
            return
        except EosctlError as error:
            if error.code not in _NOT_YET or time.monotonic() > until:
                raise
        time.sleep(_LOOK_EVERY_S)


def _remove(connect: ConnectGateway, name: str) -> None:
    """It may never have come to be."""
    if name in connect.connectors():
        connect.remove(name)


def _drop_publication(dsn: str, name: str) -> None:
    import psycopg

    with psycopg.connect(dsn, autocommit=True, connect_timeout=20) as connection:
        connection.execute(f"DROP PUBLICATION IF EXISTS {quoted(name)}".encode())


def _drop_slot(dsn: str, name: str) -> None:
    """The slot holds WAL as long as it is there: waits until its reader is gone, and drops it.

    A task that was ended while it started may still be making it: one that is not there is looked for again.
    """
    import psycopg

    began = time.monotonic()
    with psycopg.connect(dsn, autocommit=True, connect_timeout=20) as connection:
        while True:
            found: Mapping[Any, Any] | Any = connection.execute(
                "SELECT active FROM pg_replication_slots WHERE slot_name = %s", (name,)
            ).fetchone()
            waited = time.monotonic() - began
            if found is None and waited > _LATE_SLOT_S:
                return
            if found is not None and not found[0]:
                connection.execute("SELECT pg_drop_replication_slot(%s)", (name,))
                return
            if waited > _DROP_LIMIT_S:
                raise OperationFailed("slot_active", f"Somebody still reads the slot {name}.")
            time.sleep(0.2)
