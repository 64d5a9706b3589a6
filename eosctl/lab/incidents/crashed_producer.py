"""A producer that died by SIGKILL in the middle of a transaction: open until its time-out, then aborted by Kafka."""

import os
import signal
from collections.abc import Mapping

from eosctl.domain.lab import Incident
from eosctl.lab.incidents.parts import ensure_topic, produce, start_holder
from eosctl.lab.state import LabState


def inject(state: LabState, options: Mapping[str, str]) -> Incident:
    """Kills a process of transactional id `id` (invoicer-3) that holds a transaction with `timeout_ms` (600000)."""
    topic, transactional_id = options.get("topic", "invoices"), options.get("id", "invoicer-3")
    timeout_ms = options.get("timeout_ms", "600000")
    ensure_topic(state, topic)
    process = start_holder(
        state, "crashed-producer", "--id", transactional_id, "--topic", topic, "--timeout-ms", timeout_ms
    )
    os.kill(process.pid, signal.SIGKILL)
    produce(state, topic, 5, partition=0, word="behind")
    return Incident(
        incident="crashed-producer",
        lab=state.name,
        happened=f"{transactional_id} died with a transaction open on {topic}:0; it lasts up to {timeout_ms} ms.",
        look="eosctl txn blocked",
        mend=f"eosctl producers fence {transactional_id}",
        facts={"topic": topic, "transactional_id": transactional_id, "timeout_ms": timeout_ms},
    )
