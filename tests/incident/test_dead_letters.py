"""Dead letters from end to end on a real broker: found, read, replayed once, not again, deleted."""

import json
from collections.abc import Callable

import pytest
from confluent_kafka import Producer, TopicPartition
from fixtures.dead_letters import DeadLetters, result_of, spring
from fixtures.lab import LIMIT_S

from eosctl.cli.wiring import CliGateways
from eosctl.core.errors import UsageError
from eosctl.core.operation import Change, Query
from eosctl.domain.dlq.murmur2 import java_partition
from eosctl.lab import clients
from eosctl.operations import registry


def _write(
    dead_letters: DeadLetters, records: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]]
) -> None:
    producer = Producer(clients.librdkafka_settings(dead_letters.lab))
    for key, value, headers in records:
        producer.produce(dead_letters.dead, value, key, 0, headers=headers)
    assert producer.flush(LIMIT_S) == 0


def test_records_go_back_once_byte_for_byte_and_are_deleted_then(dead_letters: DeadLetters) -> None:
    topic = dead_letters.topic
    _write(dead_letters, [
        (b"k", b"\xff\x00", [*spring(topic, 2, 5), ("tenant", b"acme")]),
        (None, b"", spring(topic, 1, 6)),
        (b"k2", None, spring(topic, 0, 7)),
        (b"k", b"again", spring(topic, 2, 5)),
    ])  # fmt: skip
    causes = dead_letters.data("inspect", dead_letters.dead, "--group-by", "cause")
    assert causes == [{"value": "java.net.SocketTimeoutException", "records": 4}]
    result = result_of(dead_letters.replay())
    assert result["outcomes"] == {"replayed": 3, "skipped:run": 1}
    found = {one.partition.partition: (one.key, one.value, one.headers) for one in dead_letters.records()}
    count = ("eosctl-replay-count", b"1")
    assert found == {2: (b"k", b"\xff\x00", (("tenant", b"acme"), count)), 1: (None, b"", (count,)),
                     0: (b"k2", None, (count,))}  # fmt: skip
    again = json.loads(dead_letters.replay().stdout)
    assert again["data"]["plan"]["observed"]["expected"] == {"skipped:window": 4}
    assert again["data"]["steps"] == []
    purged = dead_letters.eosctl("purge", dead_letters.dead, "--replayed", "--yes")
    assert purged.returncode == 0, purged.stdout + purged.stderr
    assert dead_letters.data("inspect", dead_letters.dead) == []


def test_keys_go_where_javas_producer_puts_them_when_their_partition_is_gone(dead_letters: DeadLetters) -> None:
    keys = [b"", *(b"key-%d" % number for number in range(30))]
    _write(dead_letters, [(key, b"1", spring(dead_letters.topic, 9, at)) for at, key in enumerate(keys)])
    assert result_of(dead_letters.replay())["replayed"] == 31
    placed = {one.key: one.partition.partition for one in dead_letters.records()}
    assert placed == {key: java_partition(key, 3) for key in keys}


def test_a_record_that_comes_back_too_often_or_is_too_large_is_parked(dead_letters: DeadLetters) -> None:
    loop = [*spring(dead_letters.topic, 0, 1), ("eosctl-replay-count", b"3")]
    _write(dead_letters, [(b"a", b"1", loop), (b"a", b"2", spring(dead_letters.topic, 0, 2)),
                          (b"b", b"3", spring(dead_letters.topic, 0, 3)), (b"c", b"4", [])])  # fmt: skip
    done = dead_letters.replay()
    assert done.returncode == 3
    assert result_of(done)["outcomes"] == {"parked:max-replays": 1, "held:key": 1, "replayed": 1, "held:origin": 1}
    assert dead_letters.numbers() == {3: 1}
    assert dead_letters.numbers(f"{dead_letters.dead}.parked") == {1: 1}


def test_a_share_groups_pointer_is_filled_from_its_origin_or_held(dead_letters: DeadLetters) -> None:
    topic = dead_letters.topic
    producer = Producer(clients.librdkafka_settings(dead_letters.lab))
    for number in range(3):
        producer.produce(topic, b"body-%d" % number, b"key", 1, headers=[("tenant", b"acme")])
    assert producer.flush(LIMIT_S) == 0
    admin = clients.librdkafka_admin(dead_letters.lab)
    for deleted in admin.delete_records([TopicPartition(topic, 1, 1)]).values():
        deleted.result(LIMIT_S)
    _write(dead_letters, [(None, None, [("__dlq.errors.group", b"g"), *_pointer(name, offset)])
                          for name, offset in ((topic, 0), (topic, 2), (topic, 9), ("gone", 0))])  # fmt: skip
    result = result_of(dead_letters.replay())
    assert result["outcomes"] == {"held:lost_to_retention": 2, "replayed": 1, "held:origin": 1}
    again = dead_letters.records(start=3)
    assert [(one.partition.partition, one.key, one.value, one.headers) for one in again] == [
        (1, b"key", b"body-2", (("tenant", b"acme"), ("eosctl-replay-count", b"1")))]  # fmt: skip
    assert dead_letters.data("replay", dead_letters.dead, "--dry-run")["plan"]["observed"]["expected"] == {
        "held:lost_to_retention": 2, "skipped:window": 1, "held:origin": 1}  # fmt: skip


def _pointer(topic: str, offset: int) -> list[tuple[str, bytes | None]]:
    return [("__dlq.errors.topic", topic.encode()), ("__dlq.errors.partition", b"1"),
            ("__dlq.errors.offset", b"%d" % offset)]  # fmt: skip


def test_a_purge_of_what_was_not_replayed_is_refused(dead_letters: DeadLetters) -> None:
    dead_letters.write(3)
    refused = dead_letters.eosctl("purge", dead_letters.dead, "--before", "2100-01-01T00:00:00Z", "--yes")
    assert refused.returncode == 7
    assert json.loads(refused.stdout)["errors"][0]["code"] == "not_replayed"


def test_wrong_wishes_are_named(dead_letters: DeadLetters, gateways: CliGateways) -> None:
    dead_letters.write(1)
    dead = dead_letters.dead
    for name, wish, code in (
        ("dlq.replay", {"to": dead}, "target_is_source"),
        ("dlq.replay", {"to": "no-such-topic"}, "unknown_topic"),
        ("dlq.replay", {"topic": "no-such-dlt"}, "unknown_topic"),
        ("dlq.replay", {"ledger": dead}, "ledger_is_no_other_topic"),
        ("dlq.replay", {"to": f"{dead}.replayed"}, "ledger_is_no_other_topic"),
        ("dlq.replay", {"report": "sum.pdf"}, "bad_report"),
        ("dlq.replay", {"report": "/no/such/folder/sum.md"}, "no_folder"),
        ("dlq.replay", {"list_file": "/no/such/folder/list.jsonl"}, "list_not_written"),
        ("dlq.replay", {"shared": True, "dedup_window": "0s"}, "shared_needs_window"),
        ("dlq.replay", {"shared": True, "canary": 1}, "canary_and_group"),
        ("dlq.replay", {"shared": True, "canary": 1, "watch_group": "nobody"}, "group_not_reading"),
        ("dlq.replay", {"partition": (7,)}, "unknown_partition"),
        ("dlq.replay", {"offset_range": ("0:9-3",)}, "bad_offset_range"),
        ("dlq.replay", {"header": ("tenant",)}, "bad_header"),
        ("dlq.inspect", {"where": "attempts >"}, "bad_expression"),
        ("dlq.inspect", {"record": "0:99"}, "no_such_record"),
        ("dlq.inspect", {"record": "99"}, "bad_record"),
        ("dlq.purge", {}, "how_far"),
    ):
        operation = registry.find(name)
        assert isinstance(operation, (Change, Query))
        params = operation.params.model_validate({"topic": dead, **wish})
        with pytest.raises(UsageError) as caught:
            operation.observe(gateways, params)
        assert caught.value.code == code, wish


def test_a_limit_ends_the_run_and_the_next_one_goes_on_behind_it(dead_letters: DeadLetters) -> None:
    dead_letters.write(90)
    assert result_of(dead_letters.replay("--limit", "20"))["replayed"] == 20
    assert result_of(dead_letters.replay())["outcomes"] == {"replayed": 70, "skipped:window": 20}
    assert set(dead_letters.numbers().values()) == {1}


def test_too_large_records_are_parked_and_null_keys_held_where_the_target_is_compacted(
    dead_letters: DeadLetters, make_topic: Callable[..., str]
) -> None:
    small = make_topic(1, cleanup_policy="compact", max_message_bytes="1000")
    _write(dead_letters, [(b"a", b"x" * 2_000, []), (None, b"1", []), (b"b", b"2", []), (b"a", b"3", [])])
    done = dead_letters.replay("--to", small)
    assert done.returncode == 3, done.stdout + done.stderr
    assert result_of(done)["outcomes"] == {"parked:too-large": 1, "held:null-key": 1, "replayed": 1, "held:key": 1}
    assert [(one.key, one.value) for one in dead_letters.records(small)] == [(b"b", b"2")]
    (parked,) = dead_letters.records(f"{dead_letters.dead}.parked")
    assert (parked.key, parked.value) == (b"a", b"x" * 2_000)
    assert ("eosctl-parked-reason", b"parked:too-large") in parked.headers


def test_a_ledger_that_forgets_is_refused_or_told(dead_letters: DeadLetters, make_topic: Callable[..., str]) -> None:
    dead_letters.write(3)
    compacted, short = make_topic(1, cleanup_policy="compact"), make_topic(1, retention_ms="3600000")
    refused = dead_letters.replay("--ledger", compacted)
    assert (refused.returncode, json.loads(refused.stdout)["errors"][0]["code"]) == (2, "ledger_compacted")
    told = json.loads(dead_letters.replay("--ledger", short, "--dry-run").stdout)
    assert "ledger_shorter_than_window" in [one["code"] for one in told["warnings"]]
    assert dead_letters.numbers() == {}


def test_origins_that_are_met_on_the_way_are_replayed_too(
    dead_letters: DeadLetters, make_topic: Callable[..., str]
) -> None:
    """Without a scan only the first records are looked at; a target of small batches comes last of all."""
    other, small = make_topic(3), make_topic(1, max_message_bytes="20000")
    producer = Producer(clients.librdkafka_settings(dead_letters.lab))
    for number in range(5_400):
        origin = dead_letters.topic if number < 5_200 else other if number < 5_300 else small
        producer.produce(dead_letters.dead, b"%d" % number + b" " * 400, b"k-%d" % number, 0,
                         headers=spring(origin, 0, number))  # fmt: skip
    producer.produce(dead_letters.dead, b"9999", b"last", 0, headers=spring("no-such-topic", 0, 1))
    assert producer.flush(LIMIT_S) == 0
    done = dead_letters.replay("--no-scan")
    assert done.returncode == 3, done.stdout + done.stderr
    assert result_of(done)["outcomes"] == {"replayed": 5_400, "held:origin": 1}
    assert "origins_sampled" in [one["code"] for one in json.loads(done.stdout)["data"]["plan"]["warnings"]]
    for topic, numbers in ((other, range(5_200, 5_300)), (small, range(5_300, 5_400))):
        assert dead_letters.numbers(topic) == dict.fromkeys(numbers, 1)
