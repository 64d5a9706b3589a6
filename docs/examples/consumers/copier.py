"""Copies INPUT_TOPIC to OUTPUT_TOPIC in transactions: right as it is, wrong in two ways that people get wrong.

`--offsets consumer` commits offsets beside the transaction; `--isolation read_uncommitted` reads what was aborted.
"""

import argparse
import os
import signal

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

flags = argparse.ArgumentParser()
flags.add_argument("--offsets", choices=["transaction", "consumer"], default="transaction")
flags.add_argument("--isolation", default="read_committed")
flags = flags.parse_args()

stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))

servers = {"bootstrap.servers": os.environ["BOOTSTRAP_SERVERS"]}
consumer = Consumer(
    {
        **servers,
        "group.id": os.environ["GROUP"],
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": flags.isolation,
    }
)
producer = Producer({**servers, "transactional.id": f"{os.environ['GROUP']}-{os.environ['INSTANCE']}"})
producer.init_transactions(30)
consumer.subscribe([os.environ["INPUT_TOPIC"]])
while not stopped:
    messages = [one for one in consumer.consume(20, 0.5) if one.error() is None]
    if not messages:
        continue
    offsets = {(one.topic(), one.partition()): one.offset() + 1 for one in messages}
    positions = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
    producer.begin_transaction()
    for one in messages:
        producer.produce(os.environ["OUTPUT_TOPIC"], one.value(), one.key(), headers=one.headers())
    try:
        if flags.offsets == "transaction":
            producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata(), 30)
        producer.commit_transaction(30)
        if flags.offsets == "consumer":
            consumer.commit(offsets=positions, asynchronous=False)
    except KafkaException as failure:
        if not failure.args[0].txn_requires_abort():
            raise
        producer.abort_transaction(30)
        for one in consumer.committed(consumer.assignment(), timeout=30):
            consumer.seek(TopicPartition(one.topic, one.partition, max(one.offset, 0)))
consumer.close()
