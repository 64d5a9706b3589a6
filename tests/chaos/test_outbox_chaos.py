"""Relays that are killed at any moment: nothing is lost, a deduplicating consumer sees each event once and in order."""

import random
import threading

from fixtures.lab import wait_until
from fixtures.outbox import Outbox, header, numbers_by_key

_EVENTS = 6_000
_KILLS = 6
_PARTS = 20


def test_killed_relays_lose_nothing_and_keep_each_aggregate_in_order(outbox: Outbox) -> None:
    outbox.make_topic()
    chance = random.Random(7)
    writer = threading.Thread(target=_write, args=(outbox,))
    writer.start()
    for _ in range(_KILLS):
        relay, marked = outbox.start_relay("--batch", "100"), _marked(outbox)
        goal = marked + chance.randrange(1, 400)
        wait_until(lambda goal=goal: _marked(outbox) >= goal or _all_marked(outbox))
        relay.kill()
        relay.wait()
    writer.join()
    killed_at = _marked(outbox)
    assert outbox.eosctl("relay", "--drain").code == 0
    found = outbox.records()
    ids = [str(one[0]) for one in outbox.sql("SELECT id FROM outbox")]
    assert len(ids) == _EVENTS
    assert outbox.pending() == 0
    assert set(ids) == {header(one, "idempotency-key") for one in found}, "an event is lost, or one came from nowhere"
    seen = numbers_by_key(found, distinct=True)
    assert sum(len(numbers) for numbers in seen.values()) == _EVENTS
    assert all(numbers == sorted(numbers) for numbers in seen.values())
    print(f"{_KILLS} kills, {killed_at} marked by then, {len(found) - _EVENTS} published again under the same id")


def _write(outbox: Outbox) -> None:
    for part in range(_PARTS):
        count = _EVENTS // _PARTS
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


def _all_marked(outbox: Outbox) -> bool:
    return _marked(outbox) == _EVENTS
