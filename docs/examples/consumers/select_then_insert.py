"""The textbook's deduplication: look whether the id is there, and if not, do the work and note the id. It is wrong.

Between the SELECT and the COMMIT of one instance another one looks too, finds nothing, and does the work as well.
"""

import json
import os
import signal

import psycopg
from confluent_kafka import Consumer, KafkaException, TopicPartition

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
                seen = database.execute("SELECT 1 FROM processed WHERE id = %s", (value["id"],)).fetchone()
                if not seen:
                    database.execute("INSERT INTO payments (id, amount) VALUES (%s, %s)", (value["id"], value["amount"]))
                    database.execute("INSERT INTO processed (id) VALUES (%s)", (value["id"],))
        offsets = {(one.topic(), one.partition()): one.offset() + 1 for one in messages}
        try:
            consumer.commit(offsets=[TopicPartition(*place, offset) for place, offset in offsets.items()],
                            asynchronous=False)  # fmt: skip
        except KafkaException:
            pass  # the partitions went to somebody else, who reads the messages again
consumer.close()
