"""The proxies of a program under test: one before Kafka, one before PostgreSQL where there is a database."""

from collections.abc import Mapping
from typing import Any

from eosctl.proof import kafka_wire, postgres_wire
from eosctl.proof.proxy import Proxy, Trap


class Wires:
    """`kafka` and `dsn` lead through the proxies. Raises Refused (`encrypted`) where a proxy could read nothing."""

    def __init__(self, kafka: Mapping[str, Any], dsn: str) -> None:
        self._kafka, servers = kafka_wire.proxied(kafka)
        self.kafka = {**kafka, "bootstrap.servers": servers}
        self._database: Proxy | None = None
        self.dsn = ""
        if dsn:
            try:
                self._database, self.dsn = postgres_wire.proxied(dsn)
            except BaseException:
                self._kafka.close()
                raise

    def arm(self, trap: Trap | None) -> None:
        """Sets the trap where its point passes; None takes it away."""
        for proxy in self._each():
            proxy.arm(trap)

    def cut(self, server: str) -> int:
        """Ends all connections to `kafka` or `database`; how many."""
        return self._one(server).cut()

    def slow(self, server: str, seconds: float) -> None:
        """Delays what is said to and by `kafka` or `database`."""
        self._one(server).slow(seconds)

    def passed(self) -> tuple[str, ...]:
        """The names of the points that were passed so far, without `before-` and `after-`."""
        names = {point.partition("-")[2] for proxy in self._each() for point in proxy.passed}
        return tuple(sorted(names))

    def unknown(self) -> str:
        """What a proxy could not read; "" for nothing."""
        return self._kafka.unknown

    def close(self) -> None:
        """Ends them."""
        for proxy in self._each():
            proxy.close()

    def _one(self, server: str) -> Proxy:
        return self._database if server == "database" and self._database is not None else self._kafka

    def _each(self) -> tuple[Proxy, ...]:
        return (self._kafka, self._database) if self._database is not None else (self._kafka,)
