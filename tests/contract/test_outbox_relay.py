"""The outbox on real servers: what is published, in which order, what a failure leaves behind, how it is mended."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka.admin import NewTopic
from fixtures.lab import LIMIT_S, wait_until
from fixtures.outbox import Outbox, header, numbers_by_key

from eosctl.adapters.gateways import LiveGateways
from eosctl.core.errors import Unreachable
from eosctl.core.progress import NeverStop, Silent
from eosctl.domain.lab import LabWish
from eosctl.domain.outbox import OutboxMapping
from eosctl.domain.outbox_events import OutgoingRecord
from eosctl.domain.outbox_relay import RelayWish
from eosctl.lab import clients, engine
from eosctl.lab.state import LabState
from eosctl.ports.publisher import Deliveries
from eosctl.runtime.relay import run_relay


def gateways_of(outbox: Outbox) -> LiveGateways:
    return LiveGateways(
        kafka={"bootstrap.servers": outbox.lab.bootstrap_servers},
        dsn=outbox.dsn,
        profile={},
        timeout_ms=10_000,
        progress=Silent(),
        stop=NeverStop(),
    )


def test_init_makes_the_table_once_and_a_second_run_has_nothing_to_do(outbox: Outbox) -> None:
    again = outbox.eosctl("init", "--notify")
    assert again.code == 0
    assert again.data["plan"]["steps"] == []
    status = outbox.eosctl("status").data
    assert (status["poll_index"], status["notify_trigger"], status["verdict"]) == (True, True, "ok")


def test_every_event_goes_out_once_with_key_headers_and_javas_partition(outbox: Outbox) -> None:
    from kafka.partitioner.default import murmur2

    outbox.make_topic()
    outbox.add(500, aggregates=20)
    assert outbox.eosctl("relay", "--drain").data["result"]["published"] == 500
    found = outbox.records()
    ids = {str(one[0]) for one in outbox.sql("SELECT id FROM outbox WHERE published_at IS NOT NULL")}
    assert len(found) == 500
    assert {header(one, "idempotency-key") for one in found} == ids
    assert {(header(one, "event-type"), header(one, "aggregate-type")) for one in found} == {("created", outbox.kind)}
    assert all(one.partition() == (murmur2(one.key()) & 0x7FFFFFFF) % 3 for one in found)
    assert all(numbers == sorted(numbers) for numbers in numbers_by_key(found).values())


def test_an_event_that_kafka_refuses_holds_back_its_aggregate_only(outbox: Outbox) -> None:
    outbox.make_topic(max_message_bytes="2000")
    outbox.add(100)
    outbox.sql("UPDATE outbox SET payload = jsonb_build_object('n', 15, 'text', repeat('x', 5000)) "
               "WHERE (payload ->> 'n')::int = 15")  # fmt: skip
    relayed = outbox.eosctl("relay", "--drain")
    assert (relayed.code, relayed.data["result"]["published"], relayed.data["result"]["failures"]) == (3, 91, 1)
    assert numbers_by_key(outbox.records())["5"] == [5]
    (failed,) = outbox.eosctl("list", "--failed").data
    assert failed["last_error"].startswith("MSG_SIZE_TOO_LARGE")
    assert failed["retry_count"] == 10
    status = outbox.eosctl("status")
    assert (status.code, status.errors) == (3, ("events_failed",))


def test_an_event_that_the_client_itself_refuses_holds_back_its_aggregate_only(outbox: Outbox) -> None:
    outbox.make_topic()
    outbox.add(40)
    outbox.sql("UPDATE outbox SET payload = jsonb_build_object('n', 15, 'text', repeat('x', 1500000)) "
               "WHERE (payload ->> 'n')::int = 15")  # fmt: skip
    relayed = outbox.eosctl("relay", "--drain")
    assert (relayed.code, relayed.data["result"]["published"], relayed.data["result"]["failures"]) == (3, 37, 1)
    assert numbers_by_key(outbox.records())["5"] == [5]
    outbox.sql("UPDATE outbox SET payload = jsonb_build_object('n', 15) WHERE (payload ->> 'n')::int = 15")
    assert outbox.eosctl("retry", "--all-failed").code == 0
    assert outbox.eosctl("relay", "--drain").code == 0
    assert numbers_by_key(outbox.records())["5"] == [5, 15, 25, 35]


def test_a_retry_lets_the_aggregate_go_on_in_order(outbox: Outbox) -> None:
    outbox.make_topic(max_message_bytes="2000")
    outbox.add(40)
    outbox.sql("UPDATE outbox SET payload = jsonb_build_object('n', 15, 'text', repeat('x', 5000)) "
               "WHERE (payload ->> 'n')::int = 15")  # fmt: skip
    outbox.eosctl("relay", "--drain")
    outbox.sql("UPDATE outbox SET payload = jsonb_build_object('n', 15) WHERE (payload ->> 'n')::int = 15")
    assert outbox.eosctl("retry", "--error", "MSG_SIZE").code == 0
    assert outbox.eosctl("relay", "--drain").code == 0
    assert numbers_by_key(outbox.records())["5"] == [5, 15, 25, 35]


def test_a_retry_behind_a_later_published_event_is_refused_unless_meant(outbox: Outbox) -> None:
    outbox.make_topic()
    outbox.add(20)
    outbox.eosctl("relay", "--drain")
    (event_id,) = outbox.sql("UPDATE outbox SET published_at = NULL, retry_count = 10, last_error = 'lost' "
                             "WHERE (payload ->> 'n')::int = 5 RETURNING id::text")[0]  # fmt: skip
    refused = outbox.eosctl("retry", event_id)
    assert (refused.code, refused.errors) == (7, ("out_of_order",))
    assert outbox.eosctl("retry", event_id, "--out-of-order").code == 0
    assert outbox.sql("SELECT retry_count, last_error FROM outbox WHERE id::text = %s", event_id) == [(0, None)]


def test_a_row_that_can_be_no_record_is_kept_with_its_error(outbox: Outbox, tmp_path: Path) -> None:
    outbox.make_topic()
    outbox.sql('CREATE TABLE "Ereignisse" (nr bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, art text, objekt text, '
               "typ text, inhalt text, am timestamptz DEFAULT clock_timestamp(), raus timestamptz, "
               "versuche int DEFAULT 0, fehler text)")  # fmt: skip
    columns = {"table": '"Ereignisse"', "id": "nr", "aggregate_type": "art", "aggregate_id": "objekt",
               "event_type": "typ", "payload": "inhalt", "created_at": "am", "published_at": "raus",
               "retry_count": "versuche", "last_error": "fehler", "max_retries": 3}  # fmt: skip
    env = outbox.map_tables(tmp_path, {"outbox": {"ereignisse": columns}})
    outbox.sql('INSERT INTO "Ereignisse" (art, objekt, typ, inhalt) VALUES (%s, \'1\', \'x\', \'{"n": 1}\'), '
               "(%s, '2', 'x', 'no json'), ('not a topic', '3', 'x', '{}')", outbox.kind, outbox.kind)  # fmt: skip
    relayed = outbox.eosctl("relay", "--drain", "--value", "envelope", env=env)
    assert (relayed.code, relayed.data["result"]["published"]) == (3, 1)
    (record,) = outbox.records()
    assert json.loads(record.value())["payload"] == {"n": 1}
    rows = outbox.sql("SELECT objekt, versuche, split_part(fehler, ':', 1) FROM \"Ereignisse\" ORDER BY nr")
    assert rows == [("1", 0, None), ("2", 3, "payload_not_json"), ("3", 3, "illegal_topic")]


def test_kafka_away_counts_against_no_event(outbox: Outbox) -> None:
    outbox.add(5)
    gateways = gateways_of(outbox)
    gateways.connection = gateways.connection.of({"bootstrap.servers": "127.0.0.1:1"})
    with pytest.raises(Unreachable):
        run_relay(gateways, OutboxMapping(), RelayWish(topic_template="{aggregate_type}-events", drain=True))
    assert outbox.sql("SELECT DISTINCT retry_count, last_error, published_at FROM outbox") == [(0, None, None)]


class DatabaseDiesAfterwards:
    """A publisher after whose first batch the relay's database sessions are gone."""

    def __init__(self, real: Any, outbox: Outbox) -> None:
        self.real, self.outbox, self.died = real, outbox, False

    def publish(self, records: list[OutgoingRecord]) -> Deliveries:
        done: Deliveries = self.real.publish(records)
        if not self.died:
            self.died = True
            self.outbox.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'eosctl' "
                            "AND datname = current_database()")  # fmt: skip
        return done

    def close(self) -> None:
        self.real.close()


def test_a_database_that_dies_between_publish_and_mark_leads_to_the_same_ids_again(outbox: Outbox) -> None:
    outbox.make_topic()
    outbox.add(10, aggregates=2)
    gateways = gateways_of(outbox)
    gateways.publisher = DatabaseDiesAfterwards(gateways.publisher, outbox)
    wish = RelayWish(topic_template="{aggregate_type}-events", drain=True)
    with pytest.raises(Unreachable):
        run_relay(gateways, OutboxMapping(), wish)
    assert outbox.pending() == 10
    run_relay(gateways, OutboxMapping(), wish)
    assert outbox.pending() == 0
    found = outbox.records()
    assert len(found) == 20
    assert sorted(n for one in numbers_by_key(found, distinct=True).values() for n in one) == list(range(1, 11))
    compared = outbox.eosctl("reconcile", "--topic", outbox.topic, "--grace", "0s", "--timeout", "2s")
    assert (compared.code, compared.data["twice"], compared.data["lost"]) == (0, 10, 0)


def test_reconcile_names_what_is_lost_and_what_is_there_but_unmarked(outbox: Outbox) -> None:
    outbox.make_topic()
    outbox.add(20)
    outbox.eosctl("relay", "--drain")
    (unmarked,) = outbox.sql(
        "UPDATE outbox SET published_at = NULL WHERE (payload ->> 'n')::int = 20 RETURNING id::text"
    )[0]
    (lost,) = outbox.sql("INSERT INTO outbox (aggregate_type, aggregate_id, event_type, payload, published_at) "
                         "VALUES (%s, '1', 'created', '{}', now()) RETURNING id::text", outbox.kind)[0]  # fmt: skip
    compared = outbox.eosctl("reconcile", "--topic", outbox.topic, "--grace", "0s", "--timeout", "2s")
    assert compared.code == 3
    assert {(one["id"], one["finding"]) for one in compared.data["oddities"]} == {
        (lost, "published, not in the topic"),
        (unmarked, "in the topic, still pending"),
    }
    assert (compared.data["published_and_there"], compared.data["records"]) == (19, 20)


def test_a_row_locked_by_another_poller_holds_back_its_aggregate(outbox: Outbox) -> None:
    outbox.make_topic()
    outbox.add(20)
    with psycopg.connect(outbox.dsn) as other:
        other.execute("SELECT FROM outbox WHERE (payload ->> 'n')::int = 3 FOR UPDATE")
        assert outbox.eosctl("relay", "--once").data["result"]["published"] == 18
        assert "3" not in numbers_by_key(outbox.records())
    assert outbox.eosctl("relay", "--drain").data["result"]["published"] == 2
    assert numbers_by_key(outbox.records())["3"] == [3, 13]


def test_relays_share_the_lanes_and_sigterm_ends_each_after_its_batch(outbox: Outbox) -> None:
    outbox.make_topic()
    relays = [outbox.start_relay("--batch", "50"), outbox.start_relay("--batch", "50")]
    lanes = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE locktype = 'advisory' " \
            "AND datname = current_database() AND objid < 64 GROUP BY pid"  # fmt: skip
    wait_until(lambda: outbox.sql(lanes) == [(32,), (32,)])
    outbox.add(2_000, aggregates=50)
    wait_until(lambda: outbox.pending() == 0)
    answers = []
    for relay in relays:
        relay.send_signal(signal.SIGTERM)
        answers.append(json.loads(relay.communicate(timeout=300)[0]))
    assert [one["exit_code"] for one in answers] == [0, 0]
    shares = [one["data"]["result"]["published"] for one in answers]
    assert sum(shares) == 2_000
    assert min(shares) > 0
    found = outbox.records()
    assert len(found) == 2_000
    assert all(numbers == sorted(numbers) for numbers in numbers_by_key(found).values())


def test_a_topic_that_does_not_exist_is_the_events_error_and_counted(outbox: Outbox, home: None) -> None:
    lab, _ = engine.up("test-notopics", LabWish(broker_settings={"auto.create.topics.enable": "false"}))
    try:
        outbox.add(3, aggregates=1)
        env = {"EOSCTL_BOOTSTRAP_SERVER": lab.bootstrap_servers}
        relayed = outbox.eosctl("relay", "--once", env=env)
        assert (relayed.code, relayed.data["result"]["failures"]) == (3, 1)
        rows = outbox.sql("SELECT retry_count, last_error FROM outbox ORDER BY created_at")
        assert rows[0][0] == 1
        assert "UNKNOWN_TOPIC" in rows[0][1]
        assert rows[1:] == [(0, None), (0, None)]
        _broker_stands_still_and_goes_on(outbox, lab, env)
    finally:
        engine.down("test-notopics", purge=True)


def _broker_stands_still_and_goes_on(outbox: Outbox, lab: LabState, env: dict[str, str]) -> None:
    """A relay in service waits for a broker that does not answer; nothing is counted against the events."""
    admin = clients.librdkafka_admin(lab)
    admin.create_topics([NewTopic(outbox.topic, 1, 1)])[outbox.topic].result(LIMIT_S)
    relay = outbox.start_relay("--timeout", "2s", env=env)
    wait_until(lambda: outbox.pending() == 0)
    broker = next(one for one in lab.processes if one.role.startswith(("kafka", "broker")))
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        outbox.add(3, aggregates=3)
        answer = outbox.eosctl("relay", "--once", "--timeout", "2s", env=env)
        assert answer.code in (0, 6)  # 0 when the other relay holds all lanes or rows
        assert outbox.pending() == 3
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    wait_until(lambda: outbox.pending() == 0, limit_s=60)
    assert outbox.sql("SELECT max(retry_count), max(last_error) FROM outbox WHERE retry_count = 0") == [(0, None)]
    assert outbox.sql("SELECT count(*) FROM outbox WHERE retry_count > 0") == [(1,)]
    relay.send_signal(signal.SIGTERM)
    assert json.loads(relay.communicate(timeout=LIMIT_S)[0])["data"]["result"]["published"] == 6


WRONG = (
    (("status", "--table", "nowhere"), "unknown_table"),
    (("status", "--table", "a.b.c"), "bad_table_name"),
    (("status", "--window", "soon"), "bad_parameter"),
    (("list", "--pending", "--failed"), "bad_parameter"),
    (("list", "--limit", "0"), "bad_parameter"),
    (("retry",), "which_events"),
    (("retry", "nonsense"), "bad_event_id"),
    (("retry", "00000000-0000-0000-0000-000000000000"), "unknown_event"),
    (("retry", "--error", "("), "bad_parameter"),
    (("relay", "--once", "--drain"), "bad_parameter"),
    (("relay", "--batch", "0"), "bad_parameter"),
    (("relay", "--topic", "{nonsense}-events"), "bad_topic_template"),
    (("purge",), "bad_parameter"),
    (("purge", "--older-than", "0s"), "bad_ttl"),
    (("purge", "--older-than", "7d", "--until", "late"), "bad_until"),
    (("reconcile", "--topic", "nowhere-at-all"), "unknown_topic"),
    (("reconcile", "--topic", "x", "--since", "yesterday"), "bad_parameter"),
    (
        ("reconcile", "--topic", "x", "--until", "2020-01-01T00:00:00Z", "--since", "2021-01-01T00:00:00Z"),
        "bad_parameter",
    ),
)


def test_wrong_input_is_said_in_a_sentence(outbox: Outbox) -> None:
    for words, error in WRONG:
        answer = outbox.eosctl(*words)
        assert (answer.code, answer.errors) == (2, (error,)), words
        assert "Traceback" not in answer.stderr
