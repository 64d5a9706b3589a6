"""A replication slot is dropped while Debezium is away: `outbox reconcile` names the events that never went out."""

from fixtures.cdc import CONNECT_LIMIT_S, Cdc
from fixtures.lab import wait_until


def test_reconcile_names_what_a_dropped_slot_has_lost(cdc: Cdc) -> None:
    config = cdc.generated("--snapshot", "no_data")
    cdc.run(config)
    cdc.add(1, 2, 3)
    cdc.wait_for_records(3)
    whole = cdc.eosctl("outbox", "reconcile", "--topic", cdc.topic, "--cdc", "--grace", "0s")
    assert (whole.code, whole.data["published_and_there"], whole.data["lost"]) == (0, 3, 0)
    wait_until(lambda: cdc.worker.ask("GET", f"/connectors/{cdc.connector}/offsets")["offsets"],
               limit_s=CONNECT_LIMIT_S)  # fmt: skip
    cdc.worker.ask("PUT", f"/connectors/{cdc.connector}/stop")
    cdc.wait_for_slot(config["slot.name"], active=False)
    cdc.sql("SELECT pg_drop_replication_slot(%s)", config["slot.name"])
    cdc.add(4, 5)
    status = cdc.eosctl("cdc", "status", cdc.connector)
    assert (status.code, status.errors[0]) == (3, "slot_missing")
    gap = cdc.eosctl("outbox", "reconcile", "--topic", cdc.topic, "--cdc", "--grace", "0s")
    assert (gap.code, gap.errors, gap.data["published_and_there"], gap.data["lost"]) == (3, ("events_lost",), 3, 2)
    missing = cdc.sql("SELECT id::text FROM outbox WHERE (payload ->> 'n')::int IN (4, 5)")
    assert {one["id"] for one in gap.data["oddities"]} == {event_id for (event_id,) in missing}
