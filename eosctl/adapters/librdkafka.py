"""The one confluent-kafka admin client of a command, opened when first needed."""

from collections.abc import Callable, Mapping
from concurrent.futures import wait
from functools import cached_property
from importlib import import_module
from typing import Any

from eosctl.adapters.connection import KafkaConnection
from eosctl.adapters.kafka_errors import diagnose, librdkafka_errors, probe, refusal
from eosctl.core.errors import EosctlError

_LOOK_S = 0.05


class ConfluentAdmin:
    """Holds an AdminClient; every wait has the time limit."""

    def __init__(self, connection: KafkaConnection, *, timeout_ms: int) -> None:
        self.connection = connection
        self.timeout_ms = timeout_ms
        self._seen: list[Any] = []

    @cached_property
    def api(self) -> Any:
        """The module `confluent_kafka.admin`."""
        return import_module("confluent_kafka.admin")

    @cached_property
    def client(self) -> Any:
        """The client; raises Unreachable when no bootstrap server accepts connections."""
        probe(self.connection, self.timeout_ms)
        with librdkafka_errors("Connect", "the cluster", self.connection):
            return self.api.AdminClient({**self.connection.librdkafka(), "log_level": 0, "error_cb": self._seen.append})

    @property
    def limit_s(self) -> float:
        """The time limit in seconds, as confluent-kafka takes it."""
        return self.timeout_ms / 1_000

    def ask(self, api: str, resource: str, question: Callable[[Any], Mapping[Any, Any]]) -> Mapping[Any, Any]:
        """The futures of one call, answered; a refusal is told as soon as it is certain, a time-out by its cause (TLS,
        SASL, network) where librdkafka knows it."""
        if "client" in self.__dict__:
            self.client.poll(0)
            self._seen.clear()  # what has happened to a client that lives long is no refusal of this question
        client = self.client
        try:
            with librdkafka_errors(api, resource, self.connection):
                futures = question(client)
                self._wait(futures)
                return futures
        except EosctlError as error:
            if error.code in ("kafka_timeout", "kafka_unreachable"):
                raise diagnose(self.connection, self.timeout_ms) or error from None
            raise

    def _wait(self, futures: Mapping[Any, Any]) -> None:
        """Until all are answered, which each is at its time limit at the latest."""
        while wait(futures.values(), timeout=_LOOK_S).not_done:
            self.client.poll(0)
            reason = refusal(self._seen, self.connection)
            if reason is not None:
                raise reason
