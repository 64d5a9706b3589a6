"""A producer that its group gave up: its transaction is open with the group's offsets in it, and it writes on.

Fencing its transactional id makes its next write fail; its log then ends with `refused`.
"""

from collections.abc import Mapping

from eosctl.domain.lab import Incident
from eosctl.lab.incidents.parts import ensure_topic, produce, start_holder
from eosctl.lab.state import LabState

_INPUT_RECORDS = 20


def inject(state: LabState, options: Mapping[str, str]) -> Incident:
    """Starts it with transactional id `id` (ledger-writer-1), writing to `topic` (ledger) for `group` (ledger-service).

    The group reads `input` (transfers). `timeout_ms` (600000) is the transaction's.
    """
    topic, source = options.get("topic", "ledger"), options.get("input", "transfers")
    group, transactional_id = options.get("group", "ledger-service"), options.get("id", "ledger-writer-1")
    timeout_ms = options.get("timeout_ms", "600000")
    for one in (topic, source):
        ensure_topic(state, one)
    produce(state, source, _INPUT_RECORDS, partition=0, word="transfer")
    process = start_holder(
        state, "zombie", "--id", transactional_id, "--topic", topic, "--timeout-ms", timeout_ms,
        "--group", group, "--input", source, "--every-ms", "1000",
    )  # fmt: skip
    produce(state, topic, 5, partition=0, word="behind")
    return Incident(
        incident="zombie",
        lab=state.name,
        happened=f"{group} has no member any more, and its producer {transactional_id} writes on to {topic}:0.",
        look="eosctl producers zombies",
        mend=f"eosctl producers fence {transactional_id}",
        facts={
            "topic": topic,
            "group": group,
            "input": source,
            "transactional_id": transactional_id,
            "pid": str(process.pid),
            "log": str(state.path("logs", "zombie.log")),
        },
    )
