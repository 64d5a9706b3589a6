"""The reader's side: two consumers of one topic at the same time, one of each isolation level."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from eosctl.core.errors import OperationFailed
from eosctl.domain.bench.measuring import PACE_PER_S
from eosctl.proof.bench.producing import Transactional, paced
from eosctl.proof.servers import LIMIT_S, PARTITIONS

_WARM_S = 0.1


class Readers:
    """A `read_uncommitted` and a `read_committed` consumer that note how old each record is when it arrives."""

    def __init__(self, kafka: Mapping[str, Any], topic: str) -> None:
        self._threads: list[threading.Thread] = []
        self._ages: dict[str, list[float]] = {"read_uncommitted": [], "read_committed": []}
        self._over, self._ready = threading.Event(), threading.Barrier(3)
        self._failures: list[BaseException] = []
        for isolation in self._ages:
            thread = threading.Thread(target=self._read, args=(kafka, topic, isolation), daemon=True)
            self._threads.append(thread)
            thread.start()
        try:
            self._ready.wait(LIMIT_S)
        except threading.BrokenBarrierError:
            self.close()
            raise self._not_read() from None

    def ages_ms(self, sender: Transactional, interval_s: float, duration_s: float) -> tuple[list[float], list[float]]:
        """Ages at arrival for each isolation level, of the same records. Raises OperationFailed (`not_read`)."""
        for ages in self._ages.values():
            ages.clear()
        sent = paced(sender, interval_s, PACE_PER_S, duration_s, lambda: str(time.perf_counter_ns()).encode())
        until = time.monotonic() + LIMIT_S
        while any(len(ages) < sent.records for ages in self._ages.values()):
            if self._failures or time.monotonic() > until:
                raise self._not_read()
            time.sleep(0.01)
        return list(self._ages["read_uncommitted"]), list(self._ages["read_committed"])

    def _not_read(self) -> OperationFailed:
        why = str(self._failures[0]) if self._failures else f"It waited {LIMIT_S:.0f} s."
        return OperationFailed("not_read", "A consumer did not get all records of the measurement.", why=why,
                               hint="See eosctl txn blocked: something may hold the topic.")  # fmt: skip

    def close(self) -> None:
        """Ends both."""
        self._over.set()
        for one in self._threads:
            one.join(LIMIT_S)

    def _read(self, kafka: Mapping[str, Any], topic: str, isolation: str) -> None:
        from confluent_kafka import OFFSET_END, Consumer, TopicPartition

        ages = self._ages[isolation]
        consumer = Consumer({**kafka, "group.id": topic, "isolation.level": isolation, "enable.auto.commit": False})
        try:
            places = []
            for partition in range(PARTITIONS):
                _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=LIMIT_S)
                places.append(TopicPartition(topic, partition, end if end >= 0 else OFFSET_END))
            consumer.assign(places)
            consumer.poll(_WARM_S)
            self._ready.wait(LIMIT_S)
            while not self._over.is_set():
                for message in _polled(consumer):
                    ages.append((time.perf_counter_ns() - int(message.value())) / 1_000_000)
        except Exception as failure:  # noqa: BLE001  told by the one who waits
            self._failures.append(failure)
            self._ready.abort()
        finally:
            consumer.close()


def _polled(consumer: Any) -> list[Any]:
    """One record as soon as it is there: `consume` would wait for more of them."""
    message = consumer.poll(0.1)
    return [message] if message is not None and message.error() is None else []
