"""`check`: thresholds in, levels out. Each check looks for itself; one that can't be looked at is unknown, never ok."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eosctl.core.counts import counted
from eosctl.core.errors import EosctlError, Notice, Unreachable, UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import Params, param
from eosctl.core.report import Report, Section, column
from eosctl.domain.checks.levels import OFF, Level
from eosctl.domain.checks.measures import CheckResult, Judged, Round, judge, summary_words, unseen
from eosctl.domain.checks.wishes import Wish, wish_of, with_flags
from eosctl.operations.check_entries import CHECKS, ENTRIES, Entry
from eosctl.ports import Gateways

_NOT_NAMED = ("no_kafka", "no_database")


class CheckParams(Params):
    """Which checks, of whom, and from when on it is bad. What is given here goes before the profile's `checks`."""

    names: tuple[str, ...] = param(
        (), help="Checks to make [default: all that have something to look at]", positional=True, metavar="NAME",
        complete="check",
    )  # fmt: skip
    warning: tuple[str, ...] = param(
        (), help="NAME=VALUE: above it is a warning; repeatable; off for never", metavar="NAME=VALUE"
    )
    critical: tuple[str, ...] = param(
        (), help="NAME=VALUE: above it is critical; repeatable; off for never", metavar="NAME=VALUE"
    )
    group: tuple[str, ...] = param((), help="Only this group, or a pattern with * and ?; repeatable", complete="group")
    topic: tuple[str, ...] = param((), help="Only this topic; repeatable", complete="topic")
    dead_letter_topic: tuple[str, ...] = param(
        (), help="A dead-letter topic; repeatable [default: those named like one]", complete="topic"
    )
    slot: tuple[str, ...] = param((), help="Only this replication slot; repeatable", complete="slot")
    dedup_table: tuple[str, ...] = param(
        (), help="A mapping's name in the profile's tables.dedup, or a table; repeatable [default: every mapped one]"
    )
    outbox_table: tuple[str, ...] = param(
        (), help="A mapping's name in the profile's tables.outbox, or a table; repeatable [default: every mapped one]"
    )
    offsets_table: tuple[str, ...] = param(
        (), help="A mapping's name in the profile's tables.offsets, or a table; repeatable [default: every mapped one]"
    )


@dataclass(frozen=True)
class CheckRow:
    """A subject's value, in `unit`. `why` is the reason where a number does not tell it; `look` tells more."""

    check: str
    subject: str
    labels: Mapping[str, str] = field(metadata=column(hidden=True))
    level: Level
    value: int | None
    unit: str
    warning: int | None
    critical: int | None
    why: str
    look: str


@dataclass(frozen=True)
class _Shown:
    """A row as people read it."""

    check: str
    subject: str
    level: Level
    value: str
    limits: str = field(metadata=column("warning / critical"))
    look: str


@dataclass(frozen=True)
class CheckSeen:
    """What each source answered by its name, or why it did not; `servers` by name: None when it answered."""

    wish: Wish
    looks: Mapping[str, Any]
    servers: Mapping[str, Notice | None]
    left_out: Mapping[str, str]
    at: datetime
    took_ms: int


def observe(gateways: Gateways, params: CheckParams) -> CheckSeen:
    """Asks whether the servers are there, then looks: once a source, and no more at a server that is gone.

    Raises UsageError for a wish that can't be read, and when no server was named at all.
    """
    began, at = gateways.clock.monotonic_ms(), gateways.clock.now()
    wish = _wish(gateways, params)
    chosen = [one for one in ENTRIES if not wish.names or one.check.name in wish.names]
    servers, not_named = _servers(gateways, chosen)
    left_out: dict[str, str] = {}
    looks: dict[str, Any] = {}
    for entry in chosen:
        why = next((not_named[one].message for one in entry.check.needs if one in not_named), "")
        why = why or entry.missing(gateways, wish)
        if why:
            left_out[entry.check.name] = why
            continue
        name = entry.source.__name__
        if name not in looks:
            looks[name] = _look(gateways, wish, entry, servers)
    return CheckSeen(wish, looks, servers, left_out, at, gateways.clock.monotonic_ms() - began)


def samples(seen: CheckSeen, params: CheckParams) -> Round:
    """Every check's result. One that was named and has nothing to look at is unknown; unnamed, it is left out."""
    results = []
    for entry in ENTRIES:
        name, limits = entry.check.name, seen.wish.limits_of(entry.check)
        if name in seen.left_out:
            if name in seen.wish.names:
                results.append(unseen(entry.check, limits, f"Nothing to look at: {seen.left_out[name].rstrip('.')}."))
        elif entry.source.__name__ in seen.looks and (not seen.wish.names or name in seen.wish.names):
            look = seen.looks[entry.source.__name__]
            found = look.message if isinstance(look, Notice) else ""
            results.append(
                unseen(entry.check, limits, found) if found else judge(entry.check, limits, entry.read(look, seen.wish))
            )
    servers = {name: notice is None for name, notice in seen.servers.items()}
    left_out = {name: why for name, why in seen.left_out.items() if name not in seen.wish.names}
    return Round(tuple(results), servers, seen.at, seen.took_ms, left_out)


def report(seen: CheckSeen, params: CheckParams) -> Report:
    """A row for each subject. Exit 3 for a warning or worse, else 5 when something could not be looked at."""
    found = samples(seen, params)
    rows = tuple(row for one in found.results for row in _rows(one))
    shown = [_for_people(one, row) for one in found.results for row in _worth_showing(one)]
    return Report(
        rows,
        CheckRow,
        exit_code=_EXIT_CODES[found.level],
        errors=_failures(seen, found),
        sections=(Section("Checks", shown, _Shown),),
        summary=_summary(found, hidden=len(rows) - len(shown)),
    )


_EXIT_CODES = {Level.OK: ExitCode.DONE, Level.WARNING: ExitCode.PROBLEM, Level.CRITICAL: ExitCode.PROBLEM,
               Level.UNKNOWN: ExitCode.PARTLY_DONE}  # fmt: skip


def _wish(gateways: Gateways, params: CheckParams) -> Wish:
    lists = {
        "names": params.names,
        "groups": params.group,
        "topics": params.topic,
        "dead_letter_topics": params.dead_letter_topic,
        "slots": params.slot,
        "dedup_tables": params.dedup_table,
        "outbox_tables": params.outbox_table,
        "offsets_tables": params.offsets_table,
    }
    wish = wish_of(gateways.profile.get("checks") or {}, CHECKS)
    return with_flags(wish, CHECKS, lists, warning=params.warning, critical=params.critical)


def _servers(gateways: Gateways, chosen: list[Entry]) -> tuple[dict[str, Notice | None], dict[str, EosctlError]]:
    """Which of the servers answer, and those that nobody named. Raises when the checks have none at all."""
    servers: dict[str, Notice | None] = {}
    not_named: dict[str, EosctlError] = {}
    for name in sorted({need for one in chosen for need in one.check.needs}, reverse=True):
        try:
            _ping(gateways, name)
            servers[name] = None
        except UsageError as error:
            if error.code not in _NOT_NAMED:
                raise
            not_named[name] = error
        except EosctlError as error:
            servers[name] = error.notice()
    if not servers and not_named:
        raise next(iter(not_named.values()))
    return servers, not_named


def _ping(gateways: Gateways, server: str) -> None:
    if server == "kafka":
        gateways.cluster.brokers()
    else:
        gateways.database.identity()


def _look(gateways: Gateways, wish: Wish, entry: Entry, servers: dict[str, Notice | None]) -> Any:
    """The source's answer, or the notice of why there is none."""
    for name in entry.check.needs:
        away = servers[name]
        if away is not None:
            return away
    try:
        return entry.source(gateways, wish)
    except Unreachable as error:
        name = "database" if error.code.startswith("database") else "kafka"
        servers[name] = error.notice()
        return error.notice()
    except EosctlError as error:
        return error.notice()


def _rows(one: CheckResult) -> list[CheckRow]:
    rows = [_row(one, each) for each in one.measures]
    if one.why:
        rows.append(_row(one, Judged((), None, Level.UNKNOWN, one.why)))
    return rows


def _worth_showing(one: CheckResult) -> list[CheckRow]:
    """What is not well, or else the highest."""
    rows = _rows(one)
    return [row for row in rows if row.level is not Level.OK] or rows[:1]


def _for_people(one: CheckResult, row: CheckRow) -> _Shown:
    words = one.check.unit.words
    limits = " / ".join(words(limit) if limit is not None else OFF for limit in (row.warning, row.critical))
    value = words(row.value) if row.value is not None else ""
    return _Shown(row.check, row.subject, row.level, value, limits, row.why or row.look)


def _row(one: CheckResult, each: Judged) -> CheckRow:
    labels = dict(zip(one.check.labels, each.subject, strict=False))
    return CheckRow(
        check=one.check.name,
        subject=" ".join(part for part in each.subject if part),
        labels=labels,
        level=each.level,
        value=each.value,
        unit=one.check.unit.value,
        warning=one.limits.warning,
        critical=one.limits.critical,
        why=each.why,
        look="" if each.level is Level.OK or not labels else _command(one.check.look, labels),
    )


def _command(look: str, labels: Mapping[str, str]) -> str:
    """The command that tells more, with the subject in the place of its capitals."""
    filled = {label.upper(): shlex.quote(value) for label, value in labels.items()}
    return " ".join(filled.get(word, word) for word in look.split())


def _failures(seen: CheckSeen, found: Round) -> tuple[Notice, ...]:
    """Each reason once: a server that is away first, then what else could not be looked at."""
    away = [one for one in seen.servers.values() if one is not None]
    told = {one.message for one in away}
    others = [Notice("check_unknown", f"{one.check.name}: {one.why}") for one in found.results
              if one.why and one.why not in told]  # fmt: skip
    return tuple(dict.fromkeys((*away, *others)))


def _summary(found: Round, *, hidden: int) -> str:
    words = summary_words(found.results) + "."
    if hidden:
        words += f" {counted(hidden, 'more value is', 'more values are')} ok."
    reasons: dict[str, list[str]] = {}
    for name, why in found.left_out.items():
        reasons.setdefault(why.rstrip("."), []).append(name)
    left = "; ".join(f"{', '.join(names)} ({why})" for why, names in reasons.items())
    return f"{words} Left out: {left}." if left else words


OPERATION = Query(
    name="check",
    summary="Thresholds in, exit code out: for monitoring",
    params=CheckParams,
    result=CheckRow,
    needs=("kafka", "database"),
    observe=observe,
    report=report,
    samples=samples,
    details="Checks: " + ", ".join(CHECKS) + ". What can't be looked at is unknown, never ok: exit code 3 for a "
    "warning or worse, 5 when something is unknown. Limits and subjects come from the profile's checks section and "
    "from flags. A check without anything to look at is left out, unless it is named. --nagios prints one line and "
    "ends as Nagios wants (0 ok, 1 warning, 2 critical, 3 unknown); --prometheus FILE writes for the node exporter's "
    "textfile collector, in one go; --serve is an exporter that looks every --every.",
    examples=(
        Example("eosctl check", "Everything, with the usual limits."),
        Example(
            "eosctl check transaction-age group-lag --group 'orders-*' --critical transaction-age=5m",
            "Two checks, some groups, a narrower limit.",
        ),
        Example("eosctl check --nagios", "A Nagios or Icinga plugin: one line, performance data."),
        Example("eosctl check --prometheus /var/lib/node_exporter/eosctl.prom", "From cron, for the node exporter."),
        Example("eosctl check --serve :9642 --every 30s", "An exporter that Prometheus scrapes."),
    ),
)
