"""`doctor` and `doctor rules` as they are printed, from a small system with something wrong in every part."""

from dataclasses import replace

from fixtures.audit import broker, client, cluster, group, postgres, slot, state, table, topic
from fixtures.golden import Golden

from eosctl.core.errors import Notice
from eosctl.domain.audit.facts import Facts
from eosctl.domain.audit.rule import Area
from eosctl.operations.doctor import audit, rules

HIDDEN = "DescribeConfigs is not allowed on Broker 2. It wants DescribeConfigs on the Topic or the Cluster."
WRONG = Facts(
    brokers=(broker({"transaction.state.log.min.isr": "1"}), replace(broker(), name="broker 2", hidden=HIDDEN)),
    clusters=(cluster(transaction_version=1, differing=None, hidden=HIDDEN),),
    topics=tuple(topic(f"orders-{number:02}", partition=state(replicas=1, in_sync=1)) for number in range(12)),
    clients=(client("# orders\nacks=1\nkey.serializer=x\n", "etc/producer.properties"),),
    groups=(group(committed=5, log_start=6),),
    tables=(table("CREATE TABLE shop.seen (message_id text NOT NULL, PRIMARY KEY (message_id))"),),
    databases=(postgres({"max_slot_wal_keep_size": "-1"}, slots=(slot(active=False),)),),
)
IGNORED = audit.DoctorParams(ignore=("EOS-K-101",))


def test_what_is_wrong(golden: Golden) -> None:
    golden.report("doctor", "wrong", audit.report(audit.DoctorSeen(WRONG), IGNORED))


def test_one_finding_on_many_topics(golden: Golden) -> None:
    golden.report("doctor", "many", audit.report(audit.DoctorSeen(Facts(topics=WRONG.topics)), audit.DoctorParams()))


def test_nothing_found(golden: Golden) -> None:
    sound = Facts(clients=(client("acks=all\nenable.idempotence=true"),))
    golden.report("doctor", "sound", audit.report(audit.DoctorSeen(sound), audit.DoctorParams()))
    golden.report("doctor", "sound-all", audit.report(audit.DoctorSeen(sound), audit.DoctorParams(all=True)))


def test_a_database_that_does_not_answer(golden: Golden) -> None:
    why = "The database can't be reached. Connection refused."
    seen = audit.DoctorSeen(Facts(unseen={Area.POSTGRES: why}), frozenset(), (Notice("database_unreachable", why),))
    golden.report("doctor", "silent", audit.report(seen, audit.DoctorParams()))


def test_the_rules(golden: Golden) -> None:
    for case, params in (
        ("one", rules.DoctorRulesParams(id=("EOS-K-012",))),
        ("area", rules.DoctorRulesParams(area=Area.GROUPS)),
    ):
        golden.report("doctor.rules", case, rules.report(rules.observe(None, params), params))  # type: ignore[arg-type]
