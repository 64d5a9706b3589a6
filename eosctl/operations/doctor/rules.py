"""`doctor rules`: the catalogue of rules, as the reference page has it."""

from dataclasses import dataclass, field

from eosctl.core.counts import counted
from eosctl.core.errors import UsageError
from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report, column
from eosctl.domain.audit.rule import Area, Severity, known_ids
from eosctl.domain.audit.rules import RULES
from eosctl.ports import Gateways


class DoctorRulesParams(Params):
    """Which rules."""

    id: tuple[str, ...] = param((), help="Only these rules", positional=True, metavar="ID")
    area: Area | None = param(None, help="Only rules of this area")
    severity: Severity | None = param(None, help="Only rules of this severity")


@dataclass(frozen=True)
class RuleRow:
    """One rule. `mend` has {subject} where the name of what is audited goes."""

    id: str
    severity: Severity
    area: Area
    title: str
    why: str = field(metadata=column(wide=True))
    mend: str = field(metadata=column(wide=True))
    link: str = field(metadata=column(wide=True))


def observe(gateways: Gateways, params: DoctorRulesParams) -> tuple[RuleRow, ...]:
    """Every rule; nothing is asked."""
    return tuple(RuleRow(one.id, one.severity, one.area, one.title, one.why, one.mend, one.link) for one in RULES)


def report(rules: tuple[RuleRow, ...], params: DoctorRulesParams) -> Report:
    """The rules that are wanted. Raises UsageError (`unknown_rule`)."""
    wanted = known_ids(params.id, RULES)
    rows = tuple(
        one
        for one in rules
        if (not wanted or one.id in wanted)
        and params.area in (None, one.area)
        and params.severity in (None, one.severity)
    )
    if not rows:
        raise UsageError("no_such_rule", "No rule fits all of that.", hint="Leave one of the filters out.")
    return Report(rows, RuleRow, summary=f"{len(rows)} of {counted(len(rules), 'rule')}.")


OPERATION = Query(
    name="doctor.rules",
    summary="List the rules of the audit",
    params=DoctorRulesParams,
    result=RuleRow,
    observe=observe,
    report=report,
    details="An id keeps its meaning for ever: use it for --ignore, in baselines and in code scanning. `-o wide` and "
    "the other formats show why, mend and link too.",
    examples=(
        Example("eosctl doctor rules", "All of them, by id."),
        Example("eosctl doctor rules EOS-K-012 -o yaml", "One, with everything that it says."),
        Example("eosctl doctor rules --area clients --severity error", "What a client must not do."),
    ),
)
