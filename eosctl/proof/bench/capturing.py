"""From commit to consumer by change data capture: a Debezium connector in the Connect that was named, for a while."""

import random
import time

from eosctl.core.errors import EosctlError
from eosctl.domain.cdc_config import CdcWish
from eosctl.ports.connect import ConnectGateway
from eosctl.proof.bench.relaying import Events
from eosctl.proof.bench.tidying import BenchServers
from eosctl.proof.connector import Connector
from eosctl.proof.servers import LIMIT_S

TABLE = "outbox_cdc"
_START_LIMIT_S = 90.0
_POLL_INTERVAL_S = 0.5
_TABLE = f"""
    CREATE TABLE {TABLE} (id uuid PRIMARY KEY, aggregate_type varchar(100) NOT NULL,
                          aggregate_id varchar(255) NOT NULL, event_type varchar(100) NOT NULL,
                          payload jsonb NOT NULL, published_at timestamptz)
"""


class Debezium(Events):
    """A connector on a table of its own, with slot and publication: `BenchServers.tidy` takes them away."""

    def __init__(self, servers: BenchServers, connect: ConnectGateway, wish: CdcWish, dsn: str, name: str) -> None:
        import psycopg

        self._dice = random.Random(0)
        with psycopg.connect(dsn, autocommit=True, connect_timeout=20) as connection:
            connection.execute(_TABLE.encode())
        self._connector = Connector(servers, connect, wish, dsn, name=name, table=TABLE)
        super().__init__(servers.kafka, dsn, f"{name}-cdc", TABLE)
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
        return self._connector.last_words()
