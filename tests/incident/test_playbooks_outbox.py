"""Playbooks around the database: recover-outbox on stuck rows and a dead slot, after-restore on a restored copy."""

import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
from fixtures.offsets import Offsets
from fixtures.outbox import Outbox, header
from fixtures.rehearsal import Rehearsal
from psycopg import conninfo, sql

from eosctl.core.errors import OperationFailed
from eosctl.lab.state import LabState

MakeRehearsal = Callable[..., Rehearsal]


def ids_in(outbox: Outbox) -> list[str]:
    """The events of the topic, each as often as it is there."""
    return sorted(header(one, "idempotency-key") for one in outbox.records())


def ids_of(outbox: Outbox) -> list[str]:
    """The events of the table."""
    return sorted(one for (one,) in outbox.sql("SELECT id::text FROM outbox"))


@pytest.fixture
def stuck(outbox: Outbox) -> Outbox:
    """Five events that used up their retries, two of them marked by somebody as if they were out."""
    outbox.make_topic()
    outbox.add(5, aggregates=5)
    outbox.sql("UPDATE outbox SET retry_count = 10, last_error = 'Broker: Topic authorization failed'")
    outbox.sql("UPDATE outbox SET published_at = now() WHERE aggregate_id IN ('1', '2')")
    return outbox


def test_events_that_used_up_their_retries_and_lost_ones_go_out_each_once(
    stuck: Outbox, rehearse: MakeRehearsal
) -> None:
    mended: list[str] = []
    ops = rehearse(stuck.dsn, skills={"Topic authorization failed": lambda: mended.append("acl")})
    outcome = ops.run("recover-outbox", topic=stuck.topic, grace="0s")
    assert outcome.status == "done", outcome.said
    assert mended == ["acl"]
    assert ids_in(stuck) == ids_of(stuck)
    assert stuck.pending() == 0
    assert rehearse(stuck.dsn).run("recover-outbox", topic=stuck.topic, grace="0s").status == "done"
    assert ids_in(stuck) == ids_of(stuck)


def test_nothing_is_retried_while_its_cause_is_not_mended(stuck: Outbox, rehearse: MakeRehearsal) -> None:
    with pytest.raises(OperationFailed, match="It was not done: Mend why 3 events fail"):
        rehearse(stuck.dsn).run("recover-outbox", topic=stuck.topic, grace="0s")
    assert (stuck.pending(), ids_in(stuck)) == (3, [])


@pytest.fixture
def dead_slot(outbox: Outbox) -> Iterator[str]:
    """A slot that nobody reads; events that no connector has sent."""
    outbox.make_topic()
    name = f"dead_{uuid.uuid4().hex[:8]}"
    outbox.sql("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", name)
    outbox.add(2, aggregates=2)
    yield name
    outbox.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s", name)


def test_a_dead_slot_is_dropped_by_a_person_and_what_it_lost_is_named(
    outbox: Outbox, dead_slot: str, rehearse: MakeRehearsal
) -> None:
    def drop() -> None:
        outbox.sql("SELECT pg_drop_replication_slot(%s)", dead_slot)

    ops = rehearse(outbox.dsn, skills={f"drop_replication_slot('{dead_slot}')": drop})
    outcome = ops.run("recover-outbox", topic=outbox.topic, slot=dead_slot, grace="0s")
    assert (outcome.status, outcome.said.split(":")[0]) == ("failed", "2 events never reached the topic")
    assert outbox.sql("SELECT 1 FROM pg_replication_slots WHERE slot_name = %s", dead_slot) == []


def test_a_dead_slot_that_nobody_mends_stops_the_run(outbox: Outbox, dead_slot: str, rehearse: MakeRehearsal) -> None:
    with pytest.raises(OperationFailed, match=f"It was not done: Nobody reads the slot {dead_slot}"):
        rehearse(outbox.dsn).run("recover-outbox", topic=outbox.topic, slot=dead_slot, grace="0s")


class Backup:
    """A copy of a database as it is now, file by file, and the way back to it."""

    def __init__(self, lab: LabState, dsn: str) -> None:
        self._lab, self._name = lab, str(conninfo.conninfo_to_dict(dsn)["dbname"])
        self._copy = f"{self._name}_backup"
        self._make(self._copy, self._name)

    def restore(self) -> None:
        self._drop(self._name)
        self._make(self._name, self._copy)

    def drop(self) -> None:
        self._drop(self._copy)

    def _make(self, name: str, template: str) -> None:
        self._run("CREATE DATABASE {} TEMPLATE {}", name, template)

    def _drop(self, name: str) -> None:
        self._run("DROP DATABASE {} WITH (FORCE)", name)

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._lab.dsn, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture
def shop(lab: LabState, offsets: Offsets) -> Iterator[Outbox]:
    """An outbox in the database of the group's stored offsets, with two events that wait."""
    one = Outbox(lab, offsets.dsn)
    assert one.eosctl("init").code == 0
    one.make_topic()
    one.add(2)
    yield one
    one.end()


@pytest.fixture
def backup(lab: LabState, shop: Outbox) -> Iterator[Backup]:
    one = Backup(lab, shop.dsn)
    yield one
    one.drop()


def life_goes_on(offsets: Offsets, shop: Outbox) -> None:
    """The group reads to the end in both stores; the waiting events go out, and three more that are made now."""
    offsets.consume_by_table()
    offsets.commit({0: 10, 1: 10})
    shop.add(3)
    assert shop.eosctl("relay", "--drain").code == 0


def test_after_a_restore_the_group_goes_back_and_no_event_goes_out_twice(
    offsets: Offsets, shop: Outbox, backup: Backup, rehearse: MakeRehearsal
) -> None:
    life_goes_on(offsets, shop)
    backup.restore()
    assert (offsets.in_table(), shop.pending()) == ({0: 4, 1: 6}, 2)
    told: list[str] = []
    ops = rehearse(shop.dsn, skills={f"3 events of {shop.topic} have no row": lambda: told.append("teams")})
    outcome = ops.run("after-restore", group=offsets.group, outbox_topic=shop.topic, table_idle="0s")
    assert (outcome.status, told) == ("done", ["teams"])
    assert offsets.in_kafka() == {0: 4, 1: 6}
    assert offsets.consume_by_table() == {0: [4, 5, 6, 7, 8, 9], 1: [6, 7, 8, 9]}
    assert (shop.pending(), len(ids_in(shop)), len(set(ids_in(shop)))) == (0, 5, 5)


def test_without_the_playbook_events_go_out_twice_after_a_restore(
    offsets: Offsets, shop: Outbox, backup: Backup
) -> None:
    """The control: what after-restore keeps from happening does happen."""
    life_goes_on(offsets, shop)
    backup.restore()
    assert shop.eosctl("relay", "--drain").code == 0
    assert (len(ids_in(shop)), len(set(ids_in(shop)))) == (7, 5)
    assert (offsets.in_kafka(), offsets.in_table()) == ({0: 10, 1: 10}, {0: 4, 1: 6})


def test_a_group_without_stored_offsets_is_rewound_to_the_backup(
    offsets: Offsets, backup: Backup, rehearse: MakeRehearsal
) -> None:
    """Its dedup table was restored with the rest: it remembers what was processed before."""
    offsets.commit({0: 10, 1: 10})
    backup.restore()
    offsets.sql('CREATE TABLE processed (message_id text PRIMARY KEY, processed_at timestamptz NOT NULL, '
                'partition int, "offset" text)')  # fmt: skip
    offsets.sql("INSERT INTO processed VALUES ('m', '1970-01-01', 0, '0')")
    ops = rehearse(offsets.dsn, tables={"dedup": {"processed": {"table": "processed", "topics": [offsets.topic]}}})
    outcome = ops.run("after-restore", group=offsets.group, backup="1970-01-01T00:16:43Z", dedup="processed")
    assert outcome.status == "done", outcome.said
    assert offsets.in_kafka() == {0: 3, 1: 3}
