"""Relays that are killed at any moment: nothing is lost, a deduplicating consumer sees each event once and in order."""

import random
import subprocess
import sys
import threading

import pytest
from fixtures.lab import LIMIT_S, wait_until
from fixtures.outbox import Outbox, header, numbers_by_key

_PARTS = 20


@pytest.mark.parametrize(
    ("events", "kills"), [(2_000, 3), pytest.param(20_000, 20, marks=pytest.mark.slow)], ids=["reduced", "full"]
)
def test_killed_relays_lose_nothing_and_keep_each_aggregate_in_order(outbox: Outbox, events: int, kills: int) -> None:
    outbox.make_topic()
    chance = random.Random(7)
    writer = threading.Thread(target=_write, args=(outbox, events))
    writer.start()
    for _ in range(kills):
        relay, marked = outbox.start_relay("--batch", "100"), _marked(outbox)
        goal = marked + chance.randrange(1, 400)
        wait_until(lambda goal=goal: _marked(outbox) >= goal or _marked(outbox) == events)
        relay.kill()
        relay.wait()
    writer.join()
    killed_at = _marked(outbox)
    assert outbox.eosctl("relay", "--drain").code == 0
    assert outbox.pending() == 0
    found = outbox.records()
    assert _lost(outbox) == set(), "an event is lost"
    seen = numbers_by_key(found, distinct=True)
    assert sum(len(numbers) for numbers in seen.values()) == events
    assert all(numbers == sorted(numbers) for numbers in seen.values())
    compared = outbox.eosctl("reconcile", "--topic", outbox.topic, "--grace", "0s")
    assert (compared.code, compared.data["rows"], compared.data["published_and_there"]) == (0, events, events)
    assert compared.data["extra_copies"] == len(found) - events
    print(f"{kills} kills, {killed_at} marked by then, {len(found) - events} published again under the same id")


_MARKS_FIRST = """
import sys, psycopg
with psycopg.connect(sys.argv[1]) as connection:
    connection.execute("UPDATE outbox SET published_at = now() WHERE id IN "
                       "(SELECT id FROM outbox WHERE published_at IS NULL ORDER BY created_at LIMIT 100)")
print("marked", flush=True)
sys.stdin.read()
"""


def test_the_control_that_marks_before_it_publishes_is_caught(outbox: Outbox) -> None:
    """What a careless relay does: killed between the two, it has lost a batch, and the checks above must see it."""
    outbox.make_topic()
    _write(outbox, 400)
    careless = subprocess.Popen([sys.executable, "-c", _MARKS_FIRST, outbox.dsn], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    outbox.processes.append(careless)
    assert careless.stdout is not None
    assert careless.stdout.readline() == "marked\n"
    careless.kill()
    careless.wait(LIMIT_S)
    assert outbox.eosctl("relay", "--drain").code == 0
    lost = _lost(outbox)
    assert len(lost) == 100
    compared = outbox.eosctl("reconcile", "--topic", outbox.topic, "--grace", "0s")
    assert (compared.code, compared.data["lost"]) == (3, 100)
    assert {one["id"] for one in compared.data["oddities"]} == lost


def _lost(outbox: Outbox) -> set[str]:
    """Events of the table that no record carries."""
    arrived = {header(one, "idempotency-key") for one in outbox.records()}
    return {str(one[0]) for one in outbox.sql("SELECT id FROM outbox")} - arrived


def _write(outbox: Outbox, events: int) -> None:
    for part in range(_PARTS):
        count = events // _PARTS
        outbox.sql(
            "INSERT INTO outbox (aggregate_type, aggregate_id, event_type, payload) "
            "SELECT %s, (n %% 40)::text, 'created', jsonb_build_object('n', n) "
            "FROM generate_series(%s::int, %s::int) AS n ORDER BY n",
            outbox.kind,
            part * count + 1,
            (part + 1) * count,
        )


def _marked(outbox: Outbox) -> int:
    return int(outbox.sql("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL")[0][0])
