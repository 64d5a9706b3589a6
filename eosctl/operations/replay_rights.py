"""Which rights a replay lacks, found before its first record moves."""

from collections.abc import Mapping

from eosctl.core.errors import OperationFailed
from eosctl.domain.dlq.replaying import ReplayRules
from eosctl.ports import Gateways


def check_rights(
    gateways: Gateways, rules: ReplayRules, missing_topics: Mapping[str, tuple[int, Mapping[str, str]]], *, shared: bool
) -> None:
    """Raises OperationFailed (`acl_missing`) that names every right at once.

    `missing_topics` are those that the replay makes: partitions and configuration by name. That a transactional id may
    be written nobody tells before InitProducerId, which fences: only that it may be described is looked at here.
    """
    wanted: dict[str, tuple[str, ...]] = dict.fromkeys(rules.targets, ("Write",))
    wanted[rules.source] = ("Read",)
    wanted[rules.parked] = ("Write",)
    wanted[rules.ledger] = ("Read", "Write")
    lacking: list[str] = []
    for topic, allowed in gateways.rights.of_topics(wanted).items():
        lacking += [f"{one} on Topic {topic!r}" for one in wanted[topic] if allowed is not None and one not in allowed]
    group = gateways.rights.of_group(rules.job)
    if group is not None and "Read" not in group:
        lacking.append(f"Read on Group {rules.job!r}")
    one_id = f"{rules.job}-member" if shared else rules.job
    if not gateways.rights.may_describe_id(one_id):
        lacking.append(f"Write on TransactionalId {rules.job!r}" + (" and all that begin with it" if shared else ""))
    for topic, (partitions, configs) in missing_topics.items():
        error = gateways.rights.creation(topic, partitions=partitions, configs=configs)
        if error is not None and error.code == "acl_missing":
            lacking.append(f"Create on Topic {topic!r}")
        elif error is not None and not lacking:
            raise error
    if lacking:
        raise OperationFailed("acl_missing", "This user may not do what the replay needs.",
                              why=f"It lacks {', '.join(lacking)}.",
                              hint="Ask for these ACLs (kafka-acls.sh --add), then run it again.")  # fmt: skip
