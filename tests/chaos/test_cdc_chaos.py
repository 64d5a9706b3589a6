"""Connect killed in the middle, twice: every event arrives once, in its aggregate's commit order."""

import json
import random
from dataclasses import dataclass, field

import psycopg
import pytest
from fixtures.cdc import INSERT, Cdc, in_order
from fixtures.outbox import header

_WRITERS, _EVENTS_EACH, _AGGREGATES = 10, 2, 7


@dataclass
class Written:
    """What was committed: ids, and each aggregate's numbers in the order of their commits."""

    ids: set[str] = field(default_factory=set)
    numbers: dict[str, list[int]] = field(default_factory=dict)
    next_number: int = 0


def write(cdc: Cdc, rounds: int, written: Written) -> None:
    """Ten transactions are open at once in every round, and end in another order than they began."""
    order = random.Random(rounds)
    connections = [psycopg.connect(cdc.dsn) for _ in range(_WRITERS)]
    try:
        for _ in range(rounds):
            made: dict[int, list[tuple[str, str, int]]] = {}
            for _ in range(_EVENTS_EACH):
                for writer, connection in enumerate(connections):
                    number, key = written.next_number, f"a{written.next_number % _AGGREGATES}"
                    row = connection.execute(INSERT, (cdc.kind, key, json.dumps({"n": number}))).fetchone()
                    assert row is not None
                    made.setdefault(writer, []).append((str(row[0]), key, number))
                    written.next_number += 1
            for writer in order.sample(range(_WRITERS), _WRITERS):
                connections[writer].commit()
                for event_id, key, number in made[writer]:
                    written.ids.add(event_id)
                    written.numbers.setdefault(key, []).append(number)
    finally:
        for connection in connections:
            connection.close()


def check(cdc: Cdc, written: Written) -> None:
    """Each event once with its headers, each aggregate in commit order."""
    records = cdc.wait_for_records(len(written.ids))
    assert len(records) == len(written.ids)
    assert {header(one, "idempotency-key") for one in records} == written.ids
    assert {(header(one, "event-type"), header(one, "aggregate-type")) for one in records} == {("created", cdc.kind)}
    assert in_order(records) == written.numbers


def test_a_thousand_events_arrive_once_in_commit_order_though_connect_is_killed_twice(cdc: Cdc) -> None:
    written = Written()
    config = cdc.generated("--exactly-once")
    cdc.run(config)
    for _ in range(2):
        before = len(written.ids)
        write(cdc, 15, written)
        cdc.wait_for_records(before + 1)
        cdc.worker.kill()
        write(cdc, 10, written)
        cdc.worker.start()
    assert len(written.ids) == 1_000
    assert any(numbers != sorted(numbers) for numbers in written.numbers.values()), "commits overtook each other"
    check(cdc, written)
    # The control: a connector that has forgotten where it was sends everything again, and the check must see it.
    cdc.run({**config, "topic.prefix": "again", "slot.name": f"{config['slot.name'][:50]}_again",
             "predicates.isOutbox.pattern": config["predicates.isOutbox.pattern"].replace(
                 config["topic.prefix"].replace("-", "\\-"), "again")}, f"{cdc.connector}-again")  # fmt: skip
    cdc.wait_for_records(1_001)
    with pytest.raises(AssertionError):
        check(cdc, written)
