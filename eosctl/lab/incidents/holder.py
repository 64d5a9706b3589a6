"""A process that holds a transaction open and goes on writing: `python -m eosctl.lab.incidents.holder`.

It says `open`, then `wrote N` for each record that the broker acknowledged, then `refused: REASON` and ends.
"""

import argparse
import os
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Parses and runs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--id", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--timeout-ms", type=int, default=600_000)
    parser.add_argument("--group", default="")
    parser.add_argument("--input", default="")
    parser.add_argument("--every-ms", type=int, default=500)
    hold(parser.parse_args())


def hold(wish: argparse.Namespace) -> None:
    """Opens the transaction, leaves the group when it was in one, writes until it is refused."""
    from confluent_kafka import KafkaException, Producer

    producer = Producer({**_settings(), "transactional.id": wish.id, "transaction.timeout.ms": wish.timeout_ms,
                         "message.timeout.ms": min(wish.timeout_ms, 5_000)})  # fmt: skip
    producer.init_transactions(30)
    producer.begin_transaction()
    _write(producer, wish.topic, 0)
    if wish.group:
        _take_part_and_leave(producer, wish)
    print(f"open {wish.id}", flush=True)
    number = 0
    try:
        while True:
            time.sleep(wish.every_ms / 1_000)
            number += 1
            _write(producer, wish.topic, number)
            print(f"wrote {number}", flush=True)
    except (KafkaException, RuntimeError, SystemError) as error:
        # A fatal error and a delivery report in one flush come as SystemError: the client's own is its cause.
        print(f"refused: {error.__cause__ or error}", flush=True)


def _write(producer: Any, topic: str, number: int) -> None:
    """One record, acknowledged; raises KafkaException with the broker's refusal."""
    from confluent_kafka import KafkaException

    failed: list[Any] = []
    producer.produce(topic, key="zombie", value=f'{{"zombie": {number}}}', partition=0,
                     on_delivery=lambda error, _: failed.append(error) if error else None)  # fmt: skip
    left = producer.flush(6)
    if failed:
        raise KafkaException(failed[0])
    if left:
        raise RuntimeError("not delivered in time")


def _take_part_and_leave(producer: Any, wish: argparse.Namespace) -> None:
    """Reads as a member of the group, puts its offsets into the transaction, and leaves the group without ending it."""
    from confluent_kafka import Consumer

    consumer = Consumer(
        {**_settings(), "group.id": wish.group, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([wish.input])
    until = time.monotonic() + 30
    while consumer.poll(1) is None:
        if time.monotonic() > until:
            raise RuntimeError(f"{wish.input} gave nothing to read")
    positions = [one for one in consumer.position(consumer.assignment()) if one.offset >= 0]
    producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata(), 30)
    consumer.close()


def _settings() -> dict[str, Any]:
    settings: dict[str, Any] = {"bootstrap.servers": os.environ["EOSCTL_LAB_SERVERS"], "log_level": 0}
    file = os.environ.get("EOSCTL_LAB_PROPERTIES")
    if file:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
        settings |= dict(line.split("=", 1) for line in lines if "=" in line)
        settings["bootstrap.servers"] = os.environ["EOSCTL_LAB_SERVERS"]
    return settings


if __name__ == "__main__":
    main()
