"""How an audit is told: rows for scripts; for people each rule once, with its subjects, the why and the mend."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from eosctl.core.counts import counted
from eosctl.core.errors import Notice
from eosctl.core.exit_codes import ExitCode
from eosctl.core.report import Report, Section, column
from eosctl.domain.audit.rule import ORDER, Outcome, Severity, Status

_SHOWN = 10
_STATUSES = (Status.FOUND, Status.NOT_CHECKED, Status.IGNORED, Status.PASSED)


@dataclass(frozen=True)
class FindingRow:
    """A rule on a subject. `seen` is what was seen, or why it could not be checked; `line` is 0 without a file."""

    id: str
    severity: Severity
    status: Status
    subject: str
    seen: str
    title: str = field(metadata=column(wide=True))
    why: str = field(metadata=column(wide=True))
    mend: str = field(metadata=column(wide=True))
    link: str = field(metadata=column(wide=True))
    file: str = field(metadata=column(wide=True))
    line: int = field(metadata=column(wide=True))


def shown(
    outcomes: Sequence[Outcome], severe: Collection[Severity], notices: tuple[Notice, ...], *, everything: bool
) -> Report:
    """The report: found before not checked, errors before warnings; `everything` adds ignored and passed ones."""
    ordered = sorted(outcomes, key=_order)
    kept = [one for one in ordered if everything or one.status in (Status.FOUND, Status.NOT_CHECKED)]
    found = [one for one in ordered if one.status is Status.FOUND]
    unchecked = [one for one in ordered if one.status is Status.NOT_CHECKED]
    code = ExitCode.PARTLY_DONE if unchecked else ExitCode.DONE
    if any(one.rule.severity in severe for one in found):
        code = ExitCode.PROBLEM
    return Report(
        tuple(_row(one) for one in kept),
        FindingRow,
        exit_code=code,
        warnings=notices,
        sections=_sections(kept),
        text="" if not kept else None,
        summary=_summary(outcomes),
    )


def _order(one: Outcome) -> tuple[int, int, str, str]:
    return _STATUSES.index(one.status), ORDER.index(one.rule.severity), one.rule.id, one.subject


def _row(one: Outcome) -> FindingRow:
    rule = one.rule
    return FindingRow(rule.id, rule.severity, one.status, one.subject, one.seen, rule.title, rule.why, one.mend,
                      rule.link, one.file, one.line)  # fmt: skip


def _sections(outcomes: Sequence[Outcome]) -> tuple[Section, ...]:
    by_rule: dict[str, list[Outcome]] = {}
    for one in outcomes:
        if one.status is Status.FOUND:
            by_rule.setdefault(one.rule.id, []).append(one)
    sections = [_section(mine) for mine in by_rule.values()]
    for status, title in (
        (Status.NOT_CHECKED, "Not checked"),
        (Status.IGNORED, "Ignored"),
        (Status.PASSED, "Passed"),
    ):
        mine = [one for one in outcomes if one.status is status]
        if mine:
            sections.append(Section(title, _gathered(mine, status)))
    return tuple(sections)


def _section(mine: Sequence[Outcome]) -> Section:
    rule = mine[0].rule
    rows = [{"subject": _where(one), "seen": one.seen} for one in mine[:_SHOWN]]
    more = [f"- And {len(mine) - _SHOWN} more; -o json has all of them"] if len(mine) > _SHOWN else []
    mend = mine[0].mend if len(mine) == 1 else rule.mend.replace("{subject}", "SUBJECT")
    note = "\n".join(["", *more, f"- Why: {rule.why}"])
    verbatim = f"- Mend: {mend}\n- See: {rule.link}"
    return Section(f"{rule.severity} {rule.id}: {rule.title}", rows, note=note, verbatim=verbatim)


def _where(one: Outcome) -> str:
    """The subject, with the line in the way that editors follow: `producer.properties:4`."""
    if not one.line:
        return one.subject
    if one.file and one.subject.startswith(one.file):
        return f"{one.file}:{one.line}{one.subject.removeprefix(one.file)}"
    return f"{one.subject} in {one.file}:{one.line}"


def _gathered(mine: Sequence[Outcome], status: Status) -> list[dict[str, str]]:
    """One line a reason, or a rule: 2,000 topics whose configuration is hidden are one line."""
    lines: dict[str, list[Outcome]] = {}
    for one in mine:
        lines.setdefault(one.seen if status is Status.NOT_CHECKED else one.rule.id, []).append(one)
    if status is Status.NOT_CHECKED:
        return [{"why": reason, "subjects": _some([one.subject for one in those]),
                 "rules": ", ".join(sorted({one.rule.id for one in those}))}
                for reason, those in lines.items()]  # fmt: skip
    what = "not so" if status is Status.PASSED else "what"
    return [{"rule": rule, "subjects": _some([one.subject for one in those]), what: those[0].rule.title}
            for rule, those in sorted(lines.items())]  # fmt: skip


def _some(names: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(names))
    return distinct[0] if len(distinct) == 1 else f"{distinct[0]} and {len(distinct) - 1} more"


def _summary(outcomes: Sequence[Outcome]) -> str:
    words = []
    for severity in ORDER:
        count = sum(one.status is Status.FOUND and one.rule.severity is severity for one in outcomes)
        if count:
            words.append(f"{count} {severity.value}{'s' if count > 1 and severity is not Severity.INFO else ''}")
    checked = {one.rule.id for one in outcomes if one.status is not Status.NOT_CHECKED}
    unchecked = {one.rule.id for one in outcomes if one.status is Status.NOT_CHECKED}
    ignored = sum(one.status is Status.IGNORED for one in outcomes)
    parts = [f"{counted(len(checked), 'rule')} checked: {', '.join(words) or 'nothing found'}"]
    parts += [f"{len(unchecked)} not checked or not everywhere"] if unchecked else []
    parts += [f"{ignored} ignored"] if ignored else []
    return "; ".join(parts) + "."
