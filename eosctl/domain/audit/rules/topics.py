"""EOS-K-101 to 199: topics. Whether what was acknowledged stays, and stays as long as it may be asked for again."""

from collections.abc import Callable

from eosctl.core.counts import counted
from eosctl.core.durations import format_duration_ms
from eosctl.domain.audit.facts import Facts, TopicFacts
from eosctl.domain.audit.rule import Area, Rule, Severity
from eosctl.domain.audit.rules.links import TOPIC

_ALTER = (
    "kafka-configs.sh --bootstrap-server HOST:PORT --alter --entity-type topics --entity-name {subject} --add-config"
)


def _copies(count: int) -> Callable[[TopicFacts, Facts], str | None]:
    def check(topic: TopicFacts, facts: Facts) -> str | None:
        return f"replication factor {count}" if topic.replicas == count else None

    return check


def _acknowledged_by_one(topic: TopicFacts, facts: Facts) -> str | None:
    if topic.replicas < 2:
        return None
    value = topic.number("min.insync.replicas")
    return f"min.insync.replicas={value} of {counted(topic.replicas, 'replica')}" if value < 2 else None


def _needs_all(topic: TopicFacts, facts: Facts) -> str | None:
    if topic.replicas < 2:
        return None
    value = topic.number("min.insync.replicas")
    return f"min.insync.replicas={value} of {counted(topic.replicas, 'replica')}" if value >= topic.replicas else None


def _unclean(topic: TopicFacts, facts: Facts) -> str | None:
    return "unclean.leader.election.enable=true" if _true(topic.config("unclean.leader.election.enable")) else None


def _true(value: str) -> bool:
    return value.lower() == "true"


def _outlives_window(topic: TopicFacts, facts: Facts) -> str | None:
    if facts.dedup_window_ms is None or topic.topic.internal:
        return None
    if "delete" not in topic.config("cleanup.policy"):
        return None
    kept = topic.number("retention.ms")
    if 0 <= kept <= facts.dedup_window_ms:
        return None
    words = "without end" if kept < 0 else format_duration_ms(kept)
    return f"kept {words}, the deduplication window is {format_duration_ms(facts.dedup_window_ms)}"


def _append_time(topic: TopicFacts, facts: Facts) -> str | None:
    return "message.timestamp.type=LogAppendTime" if topic.config("message.timestamp.type") == "LogAppendTime" else None


def _compacted(fed: Callable[[TopicFacts], bool]) -> Callable[[TopicFacts, Facts], str | None]:
    def check(topic: TopicFacts, facts: Facts) -> str | None:
        policy = topic.config("cleanup.policy") if fed(topic) else ""
        return f"cleanup.policy={policy}" if "compact" in policy else None

    return check


def _short_dead_letters(topic: TopicFacts, facts: Facts) -> str | None:
    if not topic.dead_letters or "delete" not in topic.config("cleanup.policy"):
        return None
    kept = topic.number("retention.ms")
    return f"retention.ms={kept} ({format_duration_ms(kept)})" if 0 <= kept < 604_800_000 else None


def _offline(topic: TopicFacts, facts: Facts) -> str | None:
    gone = [str(one.partition) for one in topic.topic.partitions if one.leader < 0]
    return f"{len(gone)} without a leader: {', '.join(gone[:3])}" if gone else None


def _refusing(topic: TopicFacts, facts: Facts) -> str | None:
    led = [one for one in topic.topic.partitions if one.leader >= 0 and len(one.in_sync) < len(one.replicas)]
    if not led:
        return None
    least = topic.number("min.insync.replicas")
    few = [str(one.partition) for one in led if len(one.in_sync) < least]
    return f"{len(few)} with fewer in sync than {least}: {', '.join(few[:3])}" if few else None


def _positions_unsafe(topic: TopicFacts, facts: Facts) -> str | None:
    if not topic.topic.internal or topic.name not in ("__consumer_offsets", "__transaction_state"):
        return None
    policy = topic.config("cleanup.policy")
    return f"cleanup.policy={policy}" if policy != "compact" else None


RULES = (
    Rule("EOS-K-101", Area.TOPICS, Severity.ERROR, "The topic has one replica", _copies(1),
         "When its broker's disk is lost, every record is: also those that were committed.",
         "kafka-reassign-partitions.sh --execute with three replicas for each partition of {subject}",
         "https://kafka.apache.org/42/configuration/broker-configs/#brokerconfigs_default.replication.factor"),
    Rule("EOS-K-102", Area.TOPICS, Severity.WARNING, "The topic has two replicas", _copies(2),
         "Either one broker down stops writes (min.insync.replicas=2), or acknowledged records are on one broker "
         "only (=1).",
         "kafka-reassign-partitions.sh --execute with three replicas for each partition of {subject}",
         "https://kafka.apache.org/42/configuration/broker-configs/#brokerconfigs_default.replication.factor"),
    Rule("EOS-K-103", Area.TOPICS, Severity.ERROR, "Records are acknowledged by one replica", _acknowledged_by_one,
         "While the others are behind, acks=all is satisfied by the leader alone: what it alone has is lost with it, "
         "though the producer was told it is safe.",
         _ALTER + " min.insync.replicas=2", TOPIC + "min.insync.replicas"),
    Rule("EOS-K-104", Area.TOPICS, Severity.WARNING, "One broker down stops writes", _needs_all,
         "Every write with acks=all is refused while any replica is behind; transactions abort and are tried again.",
         _ALTER + " min.insync.replicas=2 with three replicas", TOPIC + "min.insync.replicas"),
    Rule("EOS-K-105", Area.TOPICS, Severity.ERROR, "A replica that is behind may become leader", _unclean,
         "Acknowledged records and transaction markers are cut off; consumers that were further on see other records "
         "at the same offsets.",
         _ALTER + " unclean.leader.election.enable=false", TOPIC + "unclean.leader.election.enable"),
    Rule("EOS-K-106", Area.TOPICS, Severity.WARNING, "Records outlive the memory of what was processed",
         _outlives_window,
         "A reset or replay brings records that the deduplication table has forgotten: they are processed a second "
         "time.",
         "Keep message ids longer than the topic keeps records: eosctl dedup window",
         TOPIC + "retention.ms"),
    Rule("EOS-K-107", Area.TOPICS, Severity.INFO, "Timestamps are those of arrival", _append_time,
         "A replayed record gets the time of the replay: windows by event time and resets by time see another "
         "moment.",
         _ALTER + " message.timestamp.type=CreateTime", TOPIC + "message.timestamp.type"),
    Rule("EOS-K-108", Area.TOPICS, Severity.ERROR, "A dead-letter topic is compacted",
         _compacted(lambda one: one.dead_letters),
         "Of several dead letters with one key only the last is kept, and records without a key are refused: the "
         "others can't be replayed.",
         _ALTER + " cleanup.policy=delete", TOPIC + "cleanup.policy"),
    Rule("EOS-K-109", Area.TOPICS, Severity.WARNING, "A topic that an outbox feeds is compacted",
         _compacted(lambda one: one.outbox),
         "Events are keyed by aggregate: compaction keeps the last event of each and drops those before it, so a "
         "consumer that starts again never sees them.",
         _ALTER + " cleanup.policy=delete", TOPIC + "cleanup.policy"),
    Rule("EOS-K-110", Area.TOPICS, Severity.WARNING, "Dead letters are kept less than a week", _short_dead_letters,
         "What nobody looks at in time is deleted, and then it is lost.",
         _ALTER + " retention.ms=2592000000", TOPIC + "retention.ms"),
    Rule("EOS-K-111", Area.TOPICS, Severity.ERROR, "Partitions are offline", _offline,
         "Nobody can read or write them; a transaction that touches one can't end.",
         "Bring the broker that holds it back: kafka-topics.sh --describe --topic {subject}",
         TOPIC + "unclean.leader.election.enable"),
    Rule("EOS-K-112", Area.TOPICS, Severity.ERROR, "Partitions refuse writes", _refusing,
         "Fewer replicas are in sync than min.insync.replicas wants: acks=all is refused until they are back.",
         "Bring the broker back: kafka-topics.sh --describe --under-min-isr-partitions",
         TOPIC + "min.insync.replicas"),
    Rule("EOS-K-113", Area.TOPICS, Severity.ERROR, "Positions or transactions are deleted by age", _positions_unsafe,
         "A compacted topic by design: with delete, positions and transactional ids vanish with their segments.",
         _ALTER + " cleanup.policy=compact", TOPIC + "cleanup.policy"),
)  # fmt: skip
