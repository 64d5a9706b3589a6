"""The one confluent-kafka admin client of a command, opened when first needed."""

from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from typing import Any

from eosctl.adapters.connection import KafkaConnection
from eosctl.adapters.kafka_errors import diagnose, librdkafka_errors, probe
from eosctl.core.errors import EosctlError


class ConfluentAdmin:
    """Holds an AdminClient; every wait has the time limit."""

    def __init__(self, connection: KafkaConnection, *, timeout_ms: int) -> None:
        self.connection = connection
        self.timeout_ms = timeout_ms

    @cached_property
    def api(self) -> Any:
        """The module `confluent_kafka.admin`."""
        return import_module("confluent_kafka.admin")

    @cached_property
    def client(self) -> Any:
        """The client; raises Unreachable when no bootstrap server accepts connections."""
        probe(self.connection, self.timeout_ms)
        with librdkafka_errors("Connect", "the cluster", self.connection):
            return self.api.AdminClient({**self.connection.librdkafka(), "log_level": 0, "error_cb": lambda _: None})

    @property
    def limit_s(self) -> float:
        """The time limit in seconds, as confluent-kafka takes it."""
        return self.timeout_ms / 1_000

    def ask(self, api: str, resource: str, question: Callable[[Any], Any]) -> Any:
        """The answer of one call; a time-out is told by its cause (TLS, SASL, network) where librdkafka knows it."""
        try:
            with librdkafka_errors(api, resource, self.connection):
                return question(self.client)
        except EosctlError as error:
            if error.code in ("kafka_timeout", "kafka_unreachable"):
                raise diagnose(self.connection, self.timeout_ms) or error from None
            raise
