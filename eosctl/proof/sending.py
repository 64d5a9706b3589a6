"""Sends a trial's messages: acknowledged ones, which are counted, and aborted ones, which nobody may ever see."""

import json
import time
import uuid
from collections.abc import Iterable, Mapping
from string import Template
from typing import Any

from eosctl.core.errors import OperationFailed
from eosctl.domain.proof.counting import ABORTED, message
from eosctl.proof.servers import LIMIT_S

_ACKNOWLEDGED_S = 120.0
_TRANSACTION_MS = 60_000
_MARKED_S = 10.0


class Sender:
    """Sends to one topic. `template` is a message's text with ${id}, ${key}, ${number}, ${amount}, ${version}."""

    def __init__(
        self, kafka: Mapping[str, Any], topic: str, *, prefix: str = "m", keyed_by_id: bool = False, template: str = ""
    ) -> None:
        self._kafka, self._topic, self._prefix = kafka, topic, prefix
        self._keyed_by_id, self._template = keyed_by_id, Template(template)
        self._idempotent: Any = None

    def send(self, numbers: Iterable[int]) -> None:
        """Sends these messages and waits until all are acknowledged. Raises OperationFailed (`not_prepared`)."""
        failures: list[str] = []
        if self._idempotent is None:
            self._idempotent = self._producer({})  # it gets its producer id half a second later: one serves all waves
        producer = self._idempotent

        def answered(error: Any, _: Any) -> None:
            if error:
                failures.append(str(error))

        for number in numbers:
            self._produce(producer, message(number, self._prefix), answered)
        if producer.flush(_ACKNOWLEDGED_S) or failures:
            raise OperationFailed("not_prepared", f"The messages were not acknowledged: {failures[:1]}.",
                                  hint="eosctl status")  # fmt: skip

    def send_aborted(self, numbers: Iterable[int]) -> None:
        """Sends messages in a transaction and aborts it: only `read_uncommitted` sees them.

        What is sent next lies behind the markers: a consumer's position never passes one that is its partition's last.
        """
        producer = self._producer(
            {"transactional.id": f"{self._topic}-aborted-{uuid.uuid4().hex[:6]}",
             "transaction.timeout.ms": _TRANSACTION_MS}
        )  # fmt: skip
        producer.init_transactions(_TRANSACTION_MS / 1_000)
        producer.begin_transaction()
        for number in numbers:
            sent = message(number, self._prefix)
            self._produce(producer, {**sent, "id": f"{ABORTED}{sent['id']}"}, None)
        if producer.flush(_ACKNOWLEDGED_S):
            raise OperationFailed("not_prepared", "The messages to abort were not acknowledged.", hint="eosctl status")
        producer.abort_transaction(_TRANSACTION_MS / 1_000)
        self._wait_for_markers()

    def _wait_for_markers(self) -> None:
        """The coordinator answers before they are written. Not for ever: somebody else's transaction may be open."""
        from confluent_kafka import IsolationLevel, TopicPartition
        from confluent_kafka import admin as kafka_admin

        spec: Any = kafka_admin.OffsetSpec  # type: ignore[attr-defined]  # public, but not in its __all__
        admin = kafka_admin.AdminClient({**self._kafka})
        partitions = admin.list_topics(self._topic, timeout=LIMIT_S).topics[self._topic].partitions
        asked = {TopicPartition(self._topic, one): spec.latest() for one in partitions}

        def ends(level: Any) -> list[int]:
            answers = admin.list_offsets(asked, isolation_level=level, request_timeout=LIMIT_S)
            return [answers[one].result(LIMIT_S).offset for one in asked]

        until = time.monotonic() + _MARKED_S
        while ends(IsolationLevel.READ_COMMITTED) != ends(IsolationLevel.READ_UNCOMMITTED):
            if time.monotonic() > until:
                return
            time.sleep(0.02)

    def _producer(self, settings: Mapping[str, Any]) -> Any:
        from confluent_kafka import Producer

        return Producer({**self._kafka, "partitioner": "murmur2_random", "enable.idempotence": True, **settings})

    def _produce(self, producer: Any, value: Mapping[str, Any], answered: Any) -> None:
        key = value["id"] if self._keyed_by_id else value["account"]
        headers = [("message-id", value["id"].encode()), ("idempotency-key", f"key-{value['id']}".encode())]
        text = json.dumps(value)
        if self._template.template:
            number = value["amount"] - 1
            text = self._template.safe_substitute({**value, "key": key, "number": number})
        until = time.monotonic() + _ACKNOWLEDGED_S
        while True:
            try:
                producer.produce(self._topic, text, key, headers=headers, on_delivery=answered)
                return
            except BufferError:
                producer.poll(0.1)
                if time.monotonic() > until:
                    raise OperationFailed("not_prepared", "The messages were not acknowledged.",
                                          hint="eosctl status") from None  # fmt: skip
