"""A process that dies between the two stores: what is true then is said, and the same command completes it."""

import os
import signal
import subprocess
import sys

from fixtures.counting_proxy import CountingProxy
from fixtures.lab import LIMIT_S
from fixtures.offsets import Offsets

RESET = ("--all-topics", "--store", "both", "--to-earliest", "--yes")


def test_a_kill_between_table_and_kafka_is_completed_by_the_same_command(
    offsets: Offsets, counting_proxy: CountingProxy
) -> None:
    command = [sys.executable, "-m", "eosctl", "offsets", "reset", offsets.group, *RESET]
    counting_proxy.withhold("OffsetCommit")
    through = {**os.environ, **offsets.env, "EOSCTL_BOOTSTRAP_SERVER": counting_proxy.address, "EOSCTL_TIMEOUT": "60s"}
    process = subprocess.Popen(command, env=through, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert counting_proxy.withheld.wait(3 * LIMIT_S)
    finally:
        process.send_signal(signal.SIGKILL)
        assert process.wait(LIMIT_S) == -signal.SIGKILL
    # the control: it died between the two, and left as it is it would stay wrong
    assert (offsets.in_table(), offsets.in_kafka()) == ({0: 0, 1: 0}, {0: 4, 1: 6})
    assert offsets.eosctl("offsets", "diff", offsets.group).code == 3
    [entry] = [one for one in offsets.eosctl("journal", "list").data if one["operation"] == "offsets.reset"
               and offsets.group in one["summary"]]  # fmt: skip
    assert entry["status"] == "interrupted"
    again = offsets.eosctl("offsets", "reset", offsets.group, *RESET)
    assert again.code == 0
    assert (offsets.in_table(), offsets.in_kafka()) == ({0: 0, 1: 0}, {0: 0, 1: 0})
    assert offsets.eosctl("offsets", "diff", offsets.group).code == 0
