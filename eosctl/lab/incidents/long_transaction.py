"""A producer that lives, did its writes, and does not commit: open longer than is healthy, its time-out far away."""

from collections.abc import Mapping

from eosctl.domain.lab import Incident
from eosctl.lab.incidents.parts import ensure_topic, produce, start_holder
from eosctl.lab.state import LabState

_NEVER_AGAIN_MS = "86400000"


def inject(state: LabState, options: Mapping[str, str]) -> Incident:
    """Holds one of `id` (report-builder-1) open on `topic` (reports) with `timeout_ms` (900000).

    `count` (20) plain records lie behind it.
    """
    topic, transactional_id = options.get("topic", "reports"), options.get("id", "report-builder-1")
    timeout_ms, behind = options.get("timeout_ms", "900000"), int(options.get("count", "20"))
    ensure_topic(state, topic)
    process = start_holder(
        state, "long-transaction", "--id", transactional_id, "--topic", topic, "--timeout-ms", timeout_ms,
        "--every-ms", _NEVER_AGAIN_MS,
    )  # fmt: skip
    produce(state, topic, behind, partition=0, word="behind")
    return Incident(
        incident="long-transaction",
        lab=state.name,
        happened=f"{transactional_id} holds a transaction open on {topic}:0 and lives.",
        look="eosctl txn blocked",
        mend=f"eosctl producers fence {transactional_id}",
        facts={
            "topic": topic,
            "transactional_id": transactional_id,
            "timeout_ms": timeout_ms,
            "pid": str(process.pid),
            "log": str(state.path("logs", "long-transaction.log")),
        },
    )
