"""The producer's side: an idempotent producer, and one with transactions, each through the same loops."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from eosctl.core.errors import OperationFailed
from eosctl.proof.servers import LIMIT_S

_SAMPLES = 200
"""Latencies that a flush or a transaction gives at most: taking the time of each record would itself cost time."""


@dataclass
class Sample:
    """What one loop saw."""

    latencies_ms: list[float] = field(default_factory=list)
    records: int = 0
    took_s: float = 0.0

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.took_s if self.took_s else 0.0


class Sender(Protocol):
    """One of the twins: it begins, sends, and ends what it began."""

    def begin(self, into: list[float]) -> None:
        """From now on latencies go there."""

    def send(self, value: bytes, *, timed: bool) -> None:
        """One record; `timed`: its latency is wanted."""

    def end(self) -> None:
        """Waits until all that was sent counts."""


class Plain:
    """Idempotent, acks=all: a record counts when the broker has answered for it."""

    def __init__(self, kafka: Mapping[str, Any], topic: str) -> None:
        from confluent_kafka import Producer

        self._producer, self._topic = Producer({**kafka, "enable.idempotence": True}), topic
        self._into: list[float] = []

    def begin(self, into: list[float]) -> None:
        """Nothing is begun."""
        self._into = into

    def send(self, value: bytes, *, timed: bool) -> None:
        """The delivery report takes the time."""
        if not timed:
            _produce(self._producer, self._topic, value)
            return
        began, into = time.perf_counter(), self._into

        def answered(error: Any, _: Any) -> None:
            if not error:
                into.append((time.perf_counter() - began) * 1_000)

        _produce(self._producer, self._topic, value, on_delivery=answered)

    def end(self) -> None:
        """Waits for every answer."""
        if self._producer.flush(LIMIT_S):
            raise OperationFailed("not_acknowledged", f"Records were not acknowledged within {LIMIT_S:.0f} s.",
                                  hint="eosctl status")  # fmt: skip


class Transactional:
    """A record counts when its transaction is committed: before that no read_committed consumer sees it."""

    def __init__(self, kafka: Mapping[str, Any], topic: str, transactional_id: str) -> None:
        from confluent_kafka import Producer

        self._producer, self._topic = Producer({**kafka, "transactional.id": transactional_id}), topic
        self._producer.init_transactions(LIMIT_S)
        self._into: list[float] = []
        self._began: list[float] = []
        self._is_open = False

    def begin(self, into: list[float]) -> None:
        """The transaction begins with its first record: an empty one would cost nothing."""
        self._into = into

    def send(self, value: bytes, *, timed: bool) -> None:
        """Its time runs until the commit."""
        if not self._is_open:
            self._producer.begin_transaction()
            self._is_open = True
        if timed:
            self._began.append(time.perf_counter())
        _produce(self._producer, self._topic, value)

    def end(self) -> None:
        """Commits; asks again while the answer may still come."""
        from confluent_kafka import KafkaException

        while self._is_open:
            try:
                self._producer.commit_transaction(LIMIT_S)
                self._is_open = False
            except KafkaException as failure:
                if not failure.args[0].retriable():
                    raise
        now = time.perf_counter()
        self._into += [(now - began) * 1_000 for began in self._began]
        self._began.clear()


def by_count(sender: Sender, records: int, value: bytes, duration_s: float) -> Sample:
    """So many records, then the end, again and again: each end is waited for."""
    sample, every = Sample(), max(1, records // _SAMPLES)
    began = time.perf_counter()
    while (sample.took_s < duration_s) or not sample.records:
        sender.begin(sample.latencies_ms)
        for number in range(records):
            sender.send(value, timed=number % every == 0)
        sender.end()
        sample.records += records
        sample.took_s = time.perf_counter() - began
    return sample


def by_time(sender: Sender, interval_s: float, value: bytes, duration_s: float) -> Sample:
    """As fast as it goes, with an end each interval: for throughput."""
    sample = Sample()
    began = time.perf_counter()
    while (sample.took_s < duration_s) or not sample.records:
        sender.begin(sample.latencies_ms)
        until = time.perf_counter() + interval_s
        while time.perf_counter() < until:
            for _ in range(10):
                sender.send(value, timed=False)
            sample.records += 10
        sender.end()
        sample.took_s = time.perf_counter() - began
    return sample


def paced(
    sender: Sender, interval_s: float, rate: int, duration_s: float, value: Callable[[], bytes], *, ends: bool = True
) -> Sample:
    """At a rate that leaves the producer time, with an end each interval: for latency. `ends`: only then it ends."""
    sample = Sample()
    began = time.perf_counter()
    next_end = began + interval_s
    sender.begin(sample.latencies_ms)
    while (now := time.perf_counter()) - began < max(duration_s, interval_s):
        due = int((now - began) * rate) + 1
        while sample.records < due:
            sender.send(value(), timed=True)
            sample.records += 1
        if ends and now >= next_end:
            sender.end()
            next_end = time.perf_counter() + interval_s
        time.sleep(1 / rate)
    sender.end()
    sample.took_s = time.perf_counter() - began
    return sample


def _produce(producer: Any, topic: str, value: bytes, **more: Any) -> None:
    while True:
        try:
            producer.produce(topic, value, **more)
            break
        except BufferError:
            producer.poll(0.05)
    producer.poll(0)
