"""EOS-K-001 to 029: brokers, alone and together. What transactions and positions rest on."""

from collections.abc import Callable

from eosctl.core.counts import counted
from eosctl.core.durations import format_duration_ms
from eosctl.domain.audit.apis import lacking
from eosctl.domain.audit.facts import BrokerFacts, ClusterFacts, Facts
from eosctl.domain.audit.rule import Area, NotSeen, Rule, Severity
from eosctl.domain.audit.rules.links import BROKER, KIP

_ALTER = "kafka-configs.sh --bootstrap-server HOST:PORT --alter --entity-type brokers --entity-default --add-config"
_MORE_REPLICAS = "kafka-reassign-partitions.sh --execute with three replicas for each partition of {topic}"
_DELIVERY_TIMEOUT_MS = 120_000


def _below(key: str, least: int) -> Callable[[BrokerFacts, Facts], str | None]:
    def check(broker: BrokerFacts, facts: Facts) -> str | None:
        value = broker.config(key)
        return f"{key}={value}" if int(value) < least else None

    return check


def _below_ms(key: str, least_ms: int) -> Callable[[BrokerFacts, Facts], str | None]:
    def check(broker: BrokerFacts, facts: Facts) -> str | None:
        value = int(broker.config(key))
        return f"{key}={value} ({format_duration_ms(value)})" if value < least_ms else None

    return check


def _is(key: str, bad: str) -> Callable[[BrokerFacts, Facts], str | None]:
    def check(broker: BrokerFacts, facts: Facts) -> str | None:
        return f"{key}={bad}" if broker.config(key).lower() == bad else None

    return check


def _log_min_isr_is_all(broker: BrokerFacts, facts: Facts) -> str | None:
    least = int(broker.config("transaction.state.log.min.isr"))
    copies = int(broker.config("transaction.state.log.replication.factor"))
    seen = f"transaction.state.log.min.isr={least} of {copies} replicas"
    return seen if copies > 1 and least >= copies else None


def _long_transactions(broker: BrokerFacts, facts: Facts) -> str | None:
    value = int(broker.config("transaction.max.timeout.ms"))
    return f"transaction.max.timeout.ms={value} ({format_duration_ms(value)})" if value > 900_000 else None


def _producer_forgotten(broker: BrokerFacts, facts: Facts) -> str | None:
    value = int(broker.config("producer.id.expiration.ms"))
    longest = max([_DELIVERY_TIMEOUT_MS, *(one for client in facts.clients if (one := _delivery_ms(client)))])
    if value >= longest:
        return None
    return f"producer.id.expiration.ms={value}, while a producer may send again for {format_duration_ms(longest)}"


def _delivery_ms(client: object) -> int:
    raw = getattr(client, "raw", lambda _: None)("delivery.timeout.ms")
    return int(raw.value) if raw and raw.value and raw.value.isdecimal() and int(raw.value) < 2**31 - 1 else 0


def _old_transactions(cluster: ClusterFacts, facts: Facts) -> str | None:
    if cluster.transaction_version is None:
        raise NotSeen(cluster.hidden or "The brokers do not tell their features.")
    return f"transaction.version={cluster.transaction_version}" if cluster.transaction_version < 2 else None


def _missing_apis(cluster: ClusterFacts, facts: Facts) -> str | None:
    if cluster.missing_apis is None:
        raise NotSeen(cluster.hidden or "The brokers do not tell their APIs.")
    return f"no {', '.join(cluster.missing_apis)}" if cluster.missing_apis else None


def _old_apis(cluster: ClusterFacts, facts: Facts) -> str | None:
    if cluster.api_versions is None:
        raise NotSeen(cluster.hidden or "The brokers do not tell their APIs.")
    words = [f"{one.name} of Kafka {one.since} ({one.commands})" for one in lacking(cluster.api_versions)]
    return f"no {'; no '.join(words)}" if words else None


def _differing(cluster: ClusterFacts, facts: Facts) -> str | None:
    if cluster.differing is None:
        raise NotSeen(cluster.hidden or "Not every broker tells its configuration.")
    words = [f"{key} is {' and '.join(values)}" for key, values in sorted(cluster.differing.items())]
    return "; ".join(words) or None


def _internal_few(cluster: ClusterFacts, facts: Facts) -> str | None:
    words = []
    for topic in cluster.internal:
        least = min((len(one.replicas) for one in topic.partitions), default=3)
        if least < 3:
            words.append(f"{topic.name} has {least}")
    return f"replicas: {', '.join(words)}" if words else None


def _internal_behind(cluster: ClusterFacts, facts: Facts) -> str | None:
    words = []
    for topic in cluster.internal:
        behind = sum(0 < len(one.in_sync) < len(one.replicas) for one in topic.partitions)
        if behind:
            words.append(f"{behind} of {counted(len(topic.partitions), 'partition')} of {topic.name}")
    return f"{', '.join(words)} under-replicated" if words else None


def _internal_offline(cluster: ClusterFacts, facts: Facts) -> str | None:
    words = []
    for topic in cluster.internal:
        offline = sum(one.leader < 0 for one in topic.partitions)
        if offline:
            words.append(f"{offline} of {counted(len(topic.partitions), 'partition')} of {topic.name}")
    return f"{', '.join(words)} without a leader" if words else None


RULES = (
    Rule("EOS-K-001", Area.BROKERS, Severity.ERROR, "The transaction log is configured with too few replicas",
         _below("transaction.state.log.replication.factor", 3),
         "When the brokers that hold it are lost, the coordinator forgets which transactions were decided: open ones "
         "hang, and zombies are no longer fenced.",
         "transaction.state.log.replication.factor=3 before the first transaction, else raise the existing topic: "
         + _MORE_REPLICAS.format(topic="__transaction_state"),
         BROKER + "transaction.state.log.replication.factor"),
    Rule("EOS-K-002", Area.BROKERS, Severity.ERROR, "A transaction's decision is safe on one replica only",
         _below("transaction.state.log.min.isr", 2),
         "A commit that only one broker has written is lost with that broker: the producer was told committed, the "
         "new coordinator aborts.",
         "transaction.state.log.min.isr=2 in every broker's configuration", BROKER + "transaction.state.log.min.isr"),
    Rule("EOS-K-003", Area.BROKERS, Severity.ERROR, "The offsets topic is configured with too few replicas",
         _below("offsets.topic.replication.factor", 3),
         "When the brokers that hold it are lost, groups lose their positions and start by auto.offset.reset: "
         "everything again, or a gap.",
         "offsets.topic.replication.factor=3 before the first group, else raise the existing topic: "
         + _MORE_REPLICAS.format(topic="__consumer_offsets"),
         BROKER + "offsets.topic.replication.factor"),
    Rule("EOS-K-004", Area.BROKERS, Severity.WARNING, "One broker down stops every transaction",
         _log_min_isr_is_all,
         "With as many required as there are replicas, no transaction can begin or end while a broker restarts; "
         "nothing is lost, everything waits.",
         "transaction.state.log.min.isr=2 with 3 replicas", BROKER + "transaction.state.log.min.isr"),
    Rule("EOS-K-005", Area.BROKERS, Severity.WARNING, "Transactions may stay open very long",
         _long_transactions,
         "A producer that dies leaves its transaction open until its timeout, and read_committed readers of those "
         "partitions stand still so long.",
         "transaction.max.timeout.ms=900000 in every broker's configuration",
         BROKER + "transaction.max.timeout.ms"),
    Rule("EOS-K-006", Area.BROKERS, Severity.WARNING, "Transactional ids are forgotten within a day",
         _below_ms("transactional.id.expiration.ms", 86_400_000),
         "After it the coordinator no longer knows the id's epoch: an idle producer fails (InvalidPidMapping), and an "
         "old instance that wakes up is not fenced.",
         "transactional.id.expiration.ms=604800000 (the default, 7 days) in every broker's configuration",
         BROKER + "transactional.id.expiration.ms"),
    Rule("EOS-K-007", Area.BROKERS, Severity.ERROR, "Producer ids expire while a producer still sends again",
         _producer_forgotten,
         "A retry that arrives after the leader forgot the producer's sequence numbers is stored a second time.",
         _ALTER + " producer.id.expiration.ms=86400000", BROKER + "producer.id.expiration.ms"),
    Rule("EOS-K-008", Area.BROKERS, Severity.ERROR, "Transactional writes are not verified",
         _is("transaction.partition.verification.enable", "false"),
         "A late batch, or a buggy client's, opens a transaction that no coordinator knows: it hangs, and "
         "read_committed readers stop there for good.",
         _ALTER + " transaction.partition.verification.enable=true",
         BROKER + "transaction.partition.verification.enable"),
    Rule("EOS-K-009", Area.BROKERS, Severity.ERROR, "A replica that is behind may become leader",
         _is("unclean.leader.election.enable", "true"),
         "Records that were acknowledged, markers and committed positions are cut off when such a replica takes over.",
         _ALTER + " unclean.leader.election.enable=false", BROKER + "unclean.leader.election.enable"),
    Rule("EOS-K-010", Area.BROKERS, Severity.INFO, "New topics acknowledge on one replica",
         _below("min.insync.replicas", 2),
         "acks=all means all replicas in sync, and that may be the leader alone: what it alone has is lost with it. "
         "Topics that set min.insync.replicas themselves are not concerned.",
         _ALTER + " min.insync.replicas=2", BROKER + "min.insync.replicas"),
    Rule("EOS-K-011", Area.BROKERS, Severity.INFO, "Topics are created by being named",
         _is("auto.create.topics.enable", "true"),
         "A mistyped topic or dead-letter topic appears with default replicas, and its records are waited for "
         "elsewhere.",
         "auto.create.topics.enable=false in every broker's configuration", BROKER + "auto.create.topics.enable"),
    Rule("EOS-K-012", Area.BROKERS, Severity.WARNING, "Positions of idle groups are forgotten early",
         _below("offsets.retention.minutes", 10_080),
         "A group that stands still longer starts by auto.offset.reset: it reads everything again, or skips what "
         "came meanwhile.",
         "offsets.retention.minutes=10080 or more, longer than the longest outage, in every broker's configuration",
         BROKER + "offsets.retention.minutes"),
    Rule("EOS-K-020", Area.CLUSTER, Severity.WARNING, "Transactions are of a version before 2",
         _old_transactions,
         "A batch that arrives after its transaction ended can hang a transaction, and a delayed EndTxn can end the "
         "producer's next one: records of an aborted transaction are committed (KIP-890, KAFKA-17754).",
         "kafka-features.sh upgrade --feature transaction.version=2 (brokers of 4.0 and newer)",
         KIP + "KIP-890:+Transactions+Server-Side+Defense"),
    Rule("EOS-K-021", Area.CLUSTER, Severity.WARNING, "A broker lacks APIs to find and end hanging transactions",
         _missing_apis,
         "When a transaction hangs, it can be neither found nor aborted from outside (KIP-664).",
         "Upgrade the brokers to Apache Kafka 3.0 or newer",
         KIP + "KIP-664:+Provide+tooling+to+detect+and+abort+hanging+transactions"),
    Rule("EOS-K-022", Area.CLUSTER, Severity.WARNING, "Brokers do not agree on their settings",
         _differing,
         "Which rule holds depends on who leads a partition; it changes when leaders move.",
         "Give every broker the same value", BROKER + "transaction.state.log.min.isr"),
    Rule("EOS-K-023", Area.CLUSTER, Severity.ERROR, "An internal topic has fewer than three replicas",
         _internal_few,
         "The setting holds for new topics only: this is what exists. Positions or decided transactions are lost "
         "with these brokers.",
         _MORE_REPLICAS.format(topic="the topic"), BROKER + "offsets.topic.replication.factor"),
    Rule("EOS-K-024", Area.CLUSTER, Severity.WARNING, "An internal topic is under-replicated",
         _internal_behind,
         "The next broker that is lost may take positions or decided transactions with it.",
         "Bring the missing broker back: kafka-topics.sh --describe --under-replicated-partitions",
         BROKER + "transaction.state.log.min.isr"),
    Rule("EOS-K-025", Area.CLUSTER, Severity.ERROR, "A partition of an internal topic is offline",
         _internal_offline,
         "Groups and transactional ids of that partition have no coordinator: nothing commits, open transactions "
         "stay open, and every list lacks them silently.",
         "Bring the broker that holds it back: kafka-topics.sh --describe --unavailable-partitions",
         BROKER + "transaction.state.log.replication.factor"),
    Rule("EOS-K-026", Area.CLUSTER, Severity.WARNING, "A broker is too old for some of eosctl's commands",
         _old_apis,
         "Those commands are refused here, so what they would find or mend stays: positions that lie, dead letters "
         "that are replayed without a transaction.",
         "Upgrade the brokers to Apache Kafka 2.6 or newer",
         KIP + "KIP-447:+Producer+scalability+for+exactly+once+semantics"),
)  # fmt: skip
