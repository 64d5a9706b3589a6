"""Measurements on real servers: what `bench` asks for."""

from typing import Protocol

from eosctl.domain.bench.measuring import Bench, BenchWish


class BenchGateway(Protocol):
    """Works in topics and a schema of its own (`eosctl-bench-...`), never in anybody else's."""

    def measure(self, wish: BenchWish) -> Bench:
        """Measures in alternating rounds and takes away what it made. Raises OperationFailed, Unreachable."""

    def has_database(self) -> bool:
        """Whether a database was named."""
