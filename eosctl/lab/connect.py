"""The lab's Kafka Connect: one distributed worker with Debezium, exactly-once source support switched on."""

import json
import time
import urllib.error
import urllib.request

from eosctl.core.errors import OperationFailed
from eosctl.lab import security
from eosctl.lab.jars import connect_class_path
from eosctl.lab.processes import is_running, log_tail, start
from eosctl.lab.state import LabProcess, LabState

ROLE = "connect"
_LIMIT_S = 90.0
_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.awt.headless=true")
_LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


def connect_url(state: LabState) -> str:
    """Where the worker's REST interface answers; "" for a lab without Connect."""
    port = state.ports.get(ROLE)
    return f"http://127.0.0.1:{port}" if port else ""


def start_connect(state: LabState) -> LabProcess:
    """Starts the worker; `wait_for_connect` waits for it. Raises OperationFailed when the jars can't be had."""
    file = state.path("connect.properties")
    security.write_properties(file, _properties(state))
    command = [state.java, *_JVM, *_LOGGING, "-cp", connect_class_path(),
               "org.apache.kafka.connect.cli.ConnectDistributed", str(file)]  # fmt: skip
    return start(ROLE, command, log=state.path("logs", "connect.log"))


def wait_for_connect(state: LabState, process: LabProcess) -> None:
    """Waits until the worker has joined its group and lists connectors. Raises OperationFailed with its log's end."""
    log = state.path("logs", "connect.log")
    until = time.monotonic() + _LIMIT_S
    while time.monotonic() < until:
        if _answers(state):
            return
        if not is_running(process):
            raise OperationFailed("lab_not_started", "Kafka Connect ended while it started.", why=log_tail(log),
                                  hint=f"The whole log is {log}.")  # fmt: skip
        time.sleep(0.1)
    raise OperationFailed("lab_not_started", f"Kafka Connect did not answer within {_LIMIT_S:.0f} s.",
                          why=log_tail(log), hint=f"See {log}.")  # fmt: skip


def _answers(state: LabState) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{connect_url(state)}/connectors", timeout=5) as answer:
            return isinstance(json.load(answer), list)
    except (OSError, ValueError, urllib.error.HTTPError):
        return False


def _properties(state: LabState) -> dict[str, str]:
    replicas = str(min(3, state.brokers))
    return {
        "bootstrap.servers": state.bootstrap_servers,
        "group.id": "eosctl-lab-connect",
        "listeners": connect_url(state),
        "key.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "config.storage.topic": "_connect-configs",
        "config.storage.replication.factor": replicas,
        "offset.storage.topic": "_connect-offsets",
        "offset.storage.replication.factor": replicas,
        "offset.storage.partitions": "5",
        "status.storage.topic": "_connect-status",
        "status.storage.replication.factor": replicas,
        "status.storage.partitions": "2",
        "offset.flush.interval.ms": "1000",
        "exactly.once.source.support": "enabled",
        "session.timeout.ms": "6000",
        "heartbeat.interval.ms": "1500",
        "scheduled.rebalance.max.delay.ms": "0",
        "plugin.discovery": "service_load",
        "config.providers": "env,file",
        "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
        "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
    }
