"""The textbook's deduplication: look whether the id is there, and if not, do the work and note the id. It is wrong.

Between the SELECT and the COMMIT of one instance another one looks too, finds nothing, and does the work as well.
`--claim` does it right: one statement checks and notes, and the unique key lets one of two through.
"""

import contextlib
import json
import os
import signal
import sys

import psycopg
from confluent_kafka import Consumer, KafkaException, TopicPartition

LOOK = "SELECT 1 FROM processed WHERE id = %s"
NOTE = "INSERT INTO processed (id) VALUES (%s)"
CLAIM = "INSERT INTO claimed (id) VALUES (%s) ON CONFLICT DO NOTHING RETURNING id"
PAY = "INSERT INTO payments (id, amount) VALUES (%s, %s)"


def is_new(database, id):
    if "--claim" in sys.argv:
        return database.execute(CLAIM, (id,)).fetchone()
    if database.execute(LOOK, (id,)).fetchone():
        return False
    database.execute(NOTE, (id,))
    return True


stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))

consumer = Consumer(
    {
        "bootstrap.servers": os.environ["BOOTSTRAP_SERVERS"],
        "group.id": os.environ["GROUP"],
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
    }
)
consumer.subscribe([os.environ["INPUT_TOPIC"]])
with psycopg.connect(os.environ["DSN"], autocommit=True) as database:
    while not stopped:
        messages = [one for one in consumer.consume(20, 0.5) if one.error() is None]
        if not messages:
            continue
        with database.transaction():
            for one in messages:
                value = json.loads(one.value())
                if is_new(database, value["id"]):
                    database.execute(PAY, (value["id"], value["amount"]))
        offsets = {(one.topic(), one.partition()): one.offset() + 1 for one in messages}
        positions = [TopicPartition(*place, offset) for place, offset in offsets.items()]
        with contextlib.suppress(KafkaException):  # the partitions went to somebody else, who reads them again
            consumer.commit(offsets=positions, asynchronous=False)
consumer.close()
