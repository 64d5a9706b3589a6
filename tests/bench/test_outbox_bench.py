"""The relay's rate beside a textbook loop and a bare loop, and its latency beside a poller: each pair in one run."""

import resource
import signal
import statistics
import threading
import time
from typing import Any

import psycopg
from confluent_kafka import Consumer, Producer
from fixtures.lab import LIMIT_S, wait_until
from fixtures.outbox import Outbox, header

_ROWS = 200_000
_TEXTBOOK_ROWS = 4_000


def _fill(outbox: Outbox, rows: int) -> None:
    outbox.sql("TRUNCATE outbox")
    outbox.add(rows, aggregates=5_000, text="x" * 150)
    outbox.sql("ANALYZE outbox")


def _send(producer: Producer, topic: str, row: tuple[Any, ...]) -> None:
    event_id, kind, aggregate, event_type, payload = row
    headers = [("event-type", event_type.encode()), ("aggregate-type", kind.encode()),
               ("idempotency-key", str(event_id).encode())]  # fmt: skip
    producer.produce(topic, payload.encode(), aggregate.encode(), headers=headers)


_SELECT = ("SELECT id, aggregate_type, aggregate_id, event_type, payload::text FROM outbox WHERE published_at IS NULL "
           "ORDER BY created_at LIMIT {} FOR UPDATE SKIP LOCKED")  # fmt: skip


def _bare_loop(outbox: Outbox) -> float:
    producer = Producer({"bootstrap.servers": outbox.lab.bootstrap_servers, "enable.idempotence": True})
    done, began = 0, time.monotonic()
    with psycopg.connect(outbox.dsn) as connection:
        while rows := connection.execute(_SELECT.format(1_000)).fetchall():
            for row in rows:
                _send(producer, outbox.topic, row)
            producer.flush()
            connection.execute("UPDATE outbox SET published_at = now() WHERE id = ANY(%s)", ([row[0] for row in rows],))
            connection.commit()
            done += len(rows)
    return done / (time.monotonic() - began)


def _textbook_loop(outbox: Outbox) -> float:
    producer = Producer({"bootstrap.servers": outbox.lab.bootstrap_servers, "enable.idempotence": True, "linger.ms": 0})
    done, began = 0, time.monotonic()
    with psycopg.connect(outbox.dsn) as connection:
        while rows := connection.execute(_SELECT.format(100)).fetchall():
            for row in rows:
                _send(producer, outbox.topic, row)
                producer.flush()
                connection.execute("UPDATE outbox SET published_at = now() WHERE id = %s", (row[0],))
            connection.commit()
            done += len(rows)
    return done / (time.monotonic() - began)


def _relay(outbox: Outbox) -> tuple[float, int]:
    """Events a second, process start not counted, and the peak memory in KiB of all relays so far."""
    process = outbox.start_relay("--drain")
    wait_until(lambda: outbox.sql("SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NOT NULL)")[0][0])
    already = outbox.sql("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL")[0][0]
    began = time.monotonic()
    assert process.wait(120) == 0
    rate = (_rows(outbox) - already) / (time.monotonic() - began)
    assert outbox.pending() == 0
    return rate, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def _rows(outbox: Outbox) -> int:
    return int(outbox.sql("SELECT count(*) FROM outbox")[0][0])


def test_the_relay_drains_three_times_faster_than_the_textbook_and_half_as_fast_as_a_bare_loop(outbox: Outbox) -> None:
    outbox.make_topic()
    _fill(outbox, _TEXTBOOK_ROWS)
    textbook = _textbook_loop(outbox)
    _fill(outbox, _ROWS // 10)
    _, small_kib = _relay(outbox)
    _fill(outbox, _ROWS)
    relay, large_kib = _relay(outbox)
    _fill(outbox, _ROWS)
    bare = _bare_loop(outbox)
    print(f"events/s: relay {relay:,.0f}, bare loop {bare:,.0f}, textbook {textbook:,.0f}; "
          f"memory {small_kib // 1024} MiB for 20,000 rows, {large_kib // 1024} MiB for 200,000")  # fmt: skip
    assert relay >= 3 * textbook
    assert relay >= 0.5 * bare
    assert large_kib < 1.25 * small_kib


def _latencies_ms(outbox: Outbox, *words: str) -> list[float]:
    """From the commit's return to the arrival at a consumer that waits, for 60 single events."""
    relay = outbox.start_relay(*words)
    consumer = Consumer({"bootstrap.servers": outbox.lab.bootstrap_servers, "group.id": outbox.kind + "".join(words),
                         "auto.offset.reset": "earliest", "fetch.wait.max.ms": 1_000})  # fmt: skip
    consumer.subscribe([outbox.topic])
    arrived: dict[str, float] = {}
    over = threading.Event()

    def consume() -> None:
        while not over.is_set():
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                arrived.setdefault(header(message, "idempotency-key"), time.monotonic())

    thread = threading.Thread(target=consume)
    thread.start()
    found: list[float] = []
    try:
        for number in range(62):
            outbox.add(1)
            committed = time.monotonic()
            (event_id,) = outbox.sql("SELECT id::text FROM outbox ORDER BY created_at DESC LIMIT 1")[0]
            wait_until(lambda event_id=event_id: event_id in arrived, limit_s=LIMIT_S)
            if number > 1:
                found.append((arrived[event_id] - committed) * 1_000)
    finally:
        over.set()
        thread.join()
        consumer.close()
        relay.send_signal(signal.SIGTERM)
        relay.communicate(timeout=LIMIT_S)
    return found


def test_notify_publishes_within_20_ms_at_the_median_beside_polling(outbox: Outbox) -> None:
    outbox.make_topic()
    notified = statistics.median(_latencies_ms(outbox, "--poll", "100ms"))
    outbox.sql("DROP TRIGGER outbox_notify ON outbox")
    polled = statistics.median(_latencies_ms(outbox, "--poll", "101ms"))
    print(f"commit to consumer, median: NOTIFY {notified:.1f} ms, polling every 100 ms {polled:.1f} ms")
    assert notified < 20
    assert notified < polled
