"""The lab's Kafka: KRaft brokers in combined mode, formatted once, started from the jars."""

import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from eosctl.core.errors import OperationFailed
from eosctl.lab import security
from eosctl.lab.jars import class_path
from eosctl.lab.processes import log_tail, start, wait_for_port
from eosctl.lab.state import LabProcess, LabState

_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.awt.headless=true")
_LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


def new_cluster_id() -> str:
    """A cluster id as Kafka writes them (`Uuid.randomUuid`): never one that begins with a dash, as a flag does."""
    while True:
        made = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not made.startswith("-"):
            return made


def port_roles(brokers: int, *, secure: bool) -> tuple[str, ...]:
    """The ports that a lab of that shape needs."""
    kinds = ("client", "controller", *(("internal", "ssl") if secure else ()))
    return tuple(f"{kind}-{node}" for node in range(1, brokers + 1) for kind in kinds)


def format_brokers(state: LabState, passwords: Mapping[str, str], extra: Mapping[str, str]) -> None:
    """Writes each broker's configuration and formats its folder. Raises OperationFailed with Kafka's reason."""
    class_path()  # downloaded once, before the threads ask for it
    users = [
        word
        for user, password in passwords.items()
        for word in ("--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]")
    ]

    def format_one(node: int) -> None:
        file = state.path(f"broker-{node}.properties")
        security.write_properties(file, {**_properties(state, node), **extra})
        feature = f"transaction.version={state.transaction_version}"
        flags = ("-t", state.cluster_id, "-c", str(file), "--ignore-formatted", "--feature", feature)
        run_tool(state, "kafka.tools.StorageTool", "format", *flags, *users)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(format_one, range(1, state.brokers + 1)))


def start_broker(state: LabState, node: int) -> LabProcess:
    """Starts one broker; `wait_for_broker` waits for it."""
    command = [state.java, *_JVM, *_LOGGING, "-cp", class_path(),
               "kafka.Kafka", str(state.path(f"broker-{node}.properties"))]  # fmt: skip
    return start(f"broker-{node}", command, log=state.path("logs", f"broker-{node}.log"))


def wait_for_broker(state: LabState, process: LabProcess, node: int) -> None:
    """Waits until the broker's client port answers; raises OperationFailed with the end of its log."""
    wait_for_port(state.ports[f"client-{node}"], process, limit_s=60, log=state.path("logs", f"broker-{node}.log"))


def wait_for_cluster(state: LabState) -> None:
    """Waits until a real client sees every broker. Raises OperationFailed."""
    import time

    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": state.bootstrap_servers, **state.security, "log_level": 0})
    until = time.monotonic() + 60
    while True:
        try:
            if len(client.list_topics(timeout=5).brokers) == state.brokers:
                return
        except KafkaException:
            pass
        if time.monotonic() > until:
            raise OperationFailed("lab_not_started", "The brokers do not answer a client.",
                                  why=log_tail(state.path("logs", "broker-1.log")))  # fmt: skip
        time.sleep(0.05)


def run_tool(state: LabState, main_class: str, *args: str, limit_s: float = 120, check: bool = True) -> str:
    """Runs one of Kafka's own Java tools on the lab's jars; its output. Raises OperationFailed when `check`."""
    command = [state.java, "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
               *_LOGGING, "-cp", class_path(), main_class, *args]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
    if check and done.returncode:
        reason = " ".join((done.stderr or done.stdout).split()[-60:])
        raise OperationFailed("kafka_tool_failed", f"{main_class} ended with {done.returncode}.", why=reason)
    return done.stdout


def _properties(state: LabState, node: int) -> dict[str, str]:
    ports = state.ports
    replicas = min(3, state.brokers)
    voters = ",".join(f"{one}@127.0.0.1:{ports[f'controller-{one}']}" for one in range(1, state.brokers + 1))
    return {
        "process.roles": "broker,controller",
        "node.id": str(node),
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(state.path(f"kafka-{node}")),
        "num.partitions": "1",
        "offsets.topic.num.partitions": "10",
        "transaction.state.log.num.partitions": "10",
        "offsets.topic.replication.factor": str(replicas),
        "transaction.state.log.replication.factor": str(replicas),
        "transaction.state.log.min.isr": str(max(1, replicas - 1)),
        "share.coordinator.state.topic.replication.factor": str(replicas),
        "share.coordinator.state.topic.min.isr": str(max(1, replicas - 1)),
        "group.initial.rebalance.delay.ms": "0",
        "transaction.partition.verification.enable": "false" if state.transaction_version == 0 else "true",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "2000",
        **(_secure_listeners(state, node) if state.secure else _plain_listeners(ports, node)),
    }


def _plain_listeners(ports: Mapping[str, int], node: int) -> dict[str, str]:
    listeners = f"PLAINTEXT://127.0.0.1:{ports[f'client-{node}']},CONTROLLER://127.0.0.1:{ports[f'controller-{node}']}"
    return {
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
    }


def _secure_listeners(state: LabState, node: int) -> dict[str, str]:
    ports, folder = state.ports, state.path("security")
    names = {"CLIENT": "client", "CERT": "ssl", "INTERNAL": "internal", "CONTROLLER": "controller"}
    listeners = ",".join(f"{name}://127.0.0.1:{ports[f'{kind}-{node}']}" for name, kind in names.items())
    return {
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "CLIENT:SASL_SSL,CERT:SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "INTERNAL",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.client.scram-sha-512.sasl.jaas.config":
            "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker.keystore.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "listener.name.cert.ssl.client.auth": "required",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{security.ADMIN};User:ANONYMOUS;User:CN={security.CLIENT_NAME}",
    }  # fmt: skip


def kafka_folders(state: LabState) -> tuple[Path, ...]:
    """The brokers' data folders."""
    return tuple(state.path(f"kafka-{node}") for node in range(1, state.brokers + 1))
