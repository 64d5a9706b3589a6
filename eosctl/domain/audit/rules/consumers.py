"""EOS-K-230 to 259: what consumers are told, and what clients are told together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eosctl.domain.audit.clients import Client, Kind
from eosctl.domain.audit.clients.defaults import CONSUMER, LIBRDKAFKA, PRODUCER
from eosctl.domain.audit.facts import Facts
from eosctl.domain.audit.rule import Area, NotConcerned, NotSeen, Rule, Seen, Severity
from eosctl.domain.audit.rules.producers import seen, writes

Check = Callable[[Client, Facts], "Seen | str | None"]


@dataclass(frozen=True)
class ClientSet:
    """All clients of the files that were given."""

    name: str
    clients: Sequence[Client]


def _consumer(check: Check) -> Check:
    def concerned(client: Client, facts: Facts) -> "Seen | str | None":
        if not client.roles & {"consumer"}:
            raise NotConcerned
        return check(client, facts)

    return concerned


@_consumer
def _reads_uncommitted(client: Client, facts: Facts) -> Seen | None:
    value = client.value("isolation.level")
    return seen(value) if value.text == "read_uncommitted" else None


@_consumer
def _commits_by_time(client: Client, facts: Facts) -> Seen | None:
    value = client.value("enable.auto.commit")
    return seen(value) if value.text == "true" else None


@_consumer
def _commits_before_work(client: Client, facts: Facts) -> Seen | None:
    if client.kind is not Kind.LIBRDKAFKA:
        return None
    commit, store = client.value("enable.auto.commit"), client.value("enable.auto.offset.store")
    if commit.text != "true" or store.text != "true":
        return None
    return Seen(f"{commit}; {store}", commit.line or store.line)


@_consumer
def _commits_outside(client: Client, facts: Facts) -> Seen | None:
    if not client.is_set("transactional.id"):
        return None
    value = client.value("enable.auto.commit")
    return seen(value) if value.text == "true" else None


@_consumer
def _starts_at_the_end(client: Client, facts: Facts) -> Seen | None:
    value = client.value("auto.offset.reset")
    return seen(value) if value.text == "latest" else None


def _shared_ids(together: ClientSet, facts: Facts) -> str | None:
    users: dict[str, list[str]] = {}
    for one in together.clients:
        given = one.raw("transactional.id")
        if given is not None and given.value:
            users.setdefault(given.value, []).append(one.file)
    words = [f"{name!r} in {', '.join(sorted(set(files)))}" for name, files in users.items() if len(set(files)) > 1]
    return "; ".join(words) or None


def _mixed_partitioners(together: ClientSet, facts: Facts) -> str | None:
    found: dict[str, list[str]] = {}
    for one in together.clients:
        if writes(one):
            try:
                text = one.value("partitioner").text
            except NotSeen:
                continue
            found.setdefault("murmur2" if text == "murmur2_random" else text, []).append(one.name)
    if len(found) < 2:
        return None
    return "; ".join(f"{name}: {', '.join(files)}" for name, files in sorted(found.items()))


RULES = (
    Rule("EOS-K-230", Area.CLIENTS, Severity.WARNING, "The consumer reads what was never committed",
         _reads_uncommitted,
         "Records of aborted and of open transactions are processed: an aborted attempt and its repeat are both seen, "
         "which is twice.",
         "isolation.level=read_committed (KafkaJS: readUncommitted: false)", CONSUMER + "isolation.level"),
    Rule("EOS-K-231", Area.CLIENTS, Severity.WARNING, "Positions are committed by time, not by effect",
         _commits_by_time,
         "A crash after the effect and before the next commit processes again; a crash after the commit and before "
         "the effect, as with work handed to other threads, loses the record.",
         "enable.auto.commit=false, and commit when the effect is safe (KafkaJS: autoCommit: false)",
         CONSUMER + "enable.auto.commit"),
    Rule("EOS-K-232", Area.CLIENTS, Severity.ERROR, "Positions are committed before the work is done",
         _commits_before_work,
         "librdkafka stores the position when it hands the record over, and commits it in the background: a crash "
         "in the middle of the work loses the record.",
         "enable.auto.offset.store=false and store the offset after the work, or enable.auto.commit=false", LIBRDKAFKA),
    Rule("EOS-K-233", Area.CLIENTS, Severity.ERROR, "Positions are committed outside the transaction",
         _commits_outside,
         "The position moves although the transaction aborts: its records are lost. Or it lags and they are "
         "processed twice.",
         "enable.auto.commit=false, and sendOffsetsToTransaction", CONSUMER + "enable.auto.commit"),
    Rule("EOS-K-234", Area.CLIENTS, Severity.WARNING, "Without a position the consumer starts at the end",
         _starts_at_the_end,
         "When the position expires, or a partition is added, what came before the first poll is skipped: lost.",
         "auto.offset.reset=earliest with deduplication, or none to be told (KafkaJS: fromBeginning: true)",
         CONSUMER + "auto.offset.reset"),
    Rule("EOS-K-250", Area.CLIENT_SET, Severity.ERROR, "Two clients have one transactional id", _shared_ids,
         "Each start fences the other: transactions abort in turn, and neither gets anywhere.",
         "Give each its own transactional.id", PRODUCER + "transactional.id"),
    Rule("EOS-K-251", Area.CLIENT_SET, Severity.WARNING, "Clients place keys by different partitioners",
         _mixed_partitioners,
         "Records of one key from different clients land in different partitions: their order is lost, and so is the "
         "memory of a consumer that deduplicates by partition.",
         "partitioner=murmur2_random for librdkafka, the default for Java and KafkaJS", LIBRDKAFKA),
)  # fmt: skip
