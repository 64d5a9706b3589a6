"""Dead letters by Spring's own DeadLetterPublishingRecoverer: a Groovy script drives its jar on the lab's Java."""

import subprocess
from pathlib import Path

from fixtures.dead_letters import DeadLetters, result_of
from fixtures.lab import LIMIT_S

from eosctl.lab import jars

_SCRIPT = Path(__file__).parents[1] / "fixtures" / "frameworks" / "spring_dead_letters.groovy"
COORDINATES = "+".join([
    "org.springframework.kafka:spring-kafka:4.0.0", "org.apache.groovy:groovy:5.0.2",
    f"org.apache.kafka:kafka-clients:{jars.KAFKA}", "org.slf4j:slf4j-simple:2.0.17",
])  # fmt: skip


def _write_by_spring(dead_letters: DeadLetters) -> None:
    command = [dead_letters.lab.java, "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
               "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", jars.resolved(COORDINATES),
               "groovy.ui.GroovyMain", str(_SCRIPT), dead_letters.lab.bootstrap_servers,
               dead_letters.topic, dead_letters.dead, "orders-service"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=6 * LIMIT_S, check=False)
    assert done.returncode == 0, done.stdout[-1_000:] + done.stderr[-2_000:]


def test_springs_own_dead_letters_are_read_and_replayed(dead_letters: DeadLetters) -> None:
    _write_by_spring(dead_letters)
    topic = dead_letters.topic
    rows = sorted(dead_letters.data("inspect", dead_letters.dead), key=lambda one: one["origin_offset"])
    assert [(one["framework"], one["origin_topic"], one["origin_partition"], one["origin_offset"], one["origin_group"],
             one["cause_class"], one["message"], one["unreadable"]) for one in rows] == [
        ("spring", topic, 0, 0, None, "java.lang.RuntimeException", "plain", []),
        ("spring", topic, 2, 70, "orders-service", "java.net.SocketTimeoutException",
         "Listener failed; Read timed out", []),
        ("spring", topic, 2, 71, "orders-service", "java.lang.IllegalArgumentException",
         "Listener failed; second", []),
        ("spring", topic, 1, 4_000_000_000, "orders-service", "java.lang.IllegalStateException",
         "Listener failed; conflict", []),
    ]  # fmt: skip
    assert [one["origin_timestamp"][:10] for one in rows] == ["2026-11-18"] * 3 + ["2027-01-03"]
    assert result_of(dead_letters.replay())["outcomes"] == {"replayed": 4}
    tenant, count = ("tenant", b"acme"), ("eosctl-replay-count", b"1")
    assert sorted((one.partition.partition, one.key or b"", one.value, one.headers)
                  for one in dead_letters.records()) == [
        (0, b"customer-2", None, (tenant, count)),
        (1, b"", b"\xff\x00", (count,)),
        (2, b"customer-1", b'{"order": 1}', (tenant, count)),
        (2, b"customer-3", b"again", (tenant, count)),
    ]  # fmt: skip
    assert dead_letters.data("replay", dead_letters.dead, "--dry-run")["plan"]["observed"]["expected"] == {
        "skipped:window": 4}  # fmt: skip
