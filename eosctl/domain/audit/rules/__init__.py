"""The rules by what they judge, and the audit: every rule on every subject of its area."""

from eosctl.domain.audit.facts import Facts
from eosctl.domain.audit.rule import Area, Outcome, Rule, Status, judge
from eosctl.domain.audit.rules import brokers, consumers, dead_letters, groups, postgres, producers, tables, topics
from eosctl.domain.audit.rules.consumers import ClientSet

RULES: tuple[Rule, ...] = tuple(
    rule
    for module in (brokers, topics, producers, consumers, dead_letters, groups, tables, postgres)
    for rule in sorted(module.RULES, key=lambda one: one.id)
)
"""Every rule. An id keeps its meaning for ever; a rule that goes leaves its number unused."""


def audit(facts: Facts) -> tuple[Outcome, ...]:
    """What became of every rule on what was seen; a rule of an area that could not be looked at is not checked."""
    together = (ClientSet("client files", facts.clients),) if len(facts.clients) > 1 else ()
    subjects = {
        Area.BROKERS: facts.brokers,
        Area.CLUSTER: facts.clusters,
        Area.TOPICS: facts.topics,
        Area.CLIENTS: facts.clients,
        Area.CLIENT_SET: together,
        Area.GROUPS: facts.groups,
        Area.TABLES: facts.tables,
        Area.POSTGRES: facts.databases,
    }
    outcomes: list[Outcome] = []
    for area in Area:
        mine = [one for one in RULES if one.area is area]
        if area in facts.unseen:
            outcomes += [Outcome(one, Status.NOT_CHECKED, area.value, facts.unseen[area]) for one in mine]
        else:
            outcomes += judge(mine, subjects[area], facts)
    return tuple(outcomes)
