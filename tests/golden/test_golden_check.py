"""How `check` reads: as a table and as data, as a Nagios line, and as Prometheus's text."""

import re

from fixtures.checks import everything, kafka_away
from fixtures.golden import Golden

from eosctl import __version__
from eosctl.adapters.prometheus import exposition
from eosctl.operations import check
from eosctl.operations.check import CheckParams, CheckSeen
from eosctl.render.nagios import nagios_line


def held(golden: Golden, case: str, seen: CheckSeen) -> None:
    """Every form of one look."""
    params = CheckParams()
    golden.report("check", case, check.report(seen, params))
    found = check.samples(seen, params)
    golden.text("check", f"{case}.nagios.txt", nagios_line(found))
    text = exposition(found).rstrip("\n")
    golden.text("check", f"{case}.prom.txt", re.sub(re.escape(__version__), "VERSION", text))


def test_everything_is_seen_and_much_is_wrong(golden: Golden) -> None:
    held(golden, "much-wrong", everything())


def test_a_broker_is_away_and_no_database_was_named(golden: Golden) -> None:
    held(golden, "kafka-away", kafka_away())
