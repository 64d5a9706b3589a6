"""The audit of 2,000 topics on the embedded broker: process start, observation, rules and JSON together."""

import json
import time
import uuid

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import NewTopic
from fixtures.command import eosctl
from fixtures.lab import LIMIT_S, wait_until

from eosctl.lab import clients
from eosctl.lab.state import LabState

_TOPICS, _A_REQUEST, _GROUPS = 2_000, 250, 50
_LIMIT_S = 5.0


def test_two_thousand_topics_are_audited_in_five_seconds(lab: LabState) -> None:
    word = uuid.uuid4().hex[:8]
    names = [f"b-{word}-{number:04}" for number in range(_TOPICS)]
    admin = clients.librdkafka_admin(lab)
    try:
        for start in range(0, _TOPICS, _A_REQUEST):
            new = [NewTopic(name, 1, 1) for name in names[start : start + _A_REQUEST]]
            for made in admin.create_topics(new, operation_timeout=120, request_timeout=120).values():
                made.result(120)
        wait_until(lambda: len(set(names) & set(admin.list_topics(timeout=LIMIT_S).topics)) == _TOPICS, limit_s=60)
        for number in range(_GROUPS):
            _commit(lab, f"b-{word}-{number}", names[number * 40 : number * 40 + 40])
        taken = []
        for _ in range(3):
            began = time.monotonic()
            found = eosctl("doctor", "-o", "json", env={"EOSCTL_BOOTSTRAP_SERVER": lab.bootstrap_servers})
            taken.append(time.monotonic() - began)
            rows = json.loads(found.stdout)["data"]
            judged = {one["subject"] for one in rows if one["id"] == "EOS-K-101"}
            assert set(names) <= judged
            assert not [one for one in rows if one["status"] == "not checked"]
        print(f"doctor over {_TOPICS} topics and {_GROUPS} groups: best {min(taken):.1f} s, worst {max(taken):.1f} s")
        assert min(taken) < _LIMIT_S
    finally:
        for start in range(0, _TOPICS, _A_REQUEST):
            some = names[start : start + _A_REQUEST]
            for gone in admin.delete_topics(some, operation_timeout=120, request_timeout=120).values():
                gone.exception(120)


def _commit(lab: LabState, group: str, topics: list[str]) -> None:
    consumer = Consumer({"bootstrap.servers": lab.bootstrap_servers, "group.id": group})
    consumer.commit(offsets=[TopicPartition(name, 0, 0) for name in topics], asynchronous=False)
    consumer.close()
