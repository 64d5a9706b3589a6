"""`doctor`: looks at everything exactly-once rests on, judges it by the rules, and tells what breaks it quietly."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from eosctl import __version__
from eosctl.core.errors import EosctlError, Notice, UsageError
from eosctl.core.operation import Action, Example
from eosctl.core.params import DurationMs, Params, param
from eosctl.core.report import Report
from eosctl.domain.audit.baseline import baseline_text, read_baseline
from eosctl.domain.audit.facts import Facts
from eosctl.domain.audit.naming import mapped_window_ms
from eosctl.domain.audit.rule import Area, Outcome, Severity, Status, known_ids
from eosctl.domain.audit.rules import RULES, audit
from eosctl.domain.audit.sarif import sarif
from eosctl.operations.doctor.files import client_files, ddl_files, read_text, write_text
from eosctl.operations.doctor.showing import FindingRow, shown
from eosctl.operations.doctor.watching_database import watch_postgres, watch_tables
from eosctl.operations.doctor.watching_kafka import watch_kafka
from eosctl.ports import Gateways

_KAFKA_AREAS = (Area.BROKERS, Area.CLUSTER, Area.TOPICS, Area.GROUPS)
_DATABASE_AREAS = (Area.TABLES, Area.POSTGRES)


class FailOn(StrEnum):
    """From which severity on the exit code is 3."""

    WARNING = "warning"
    ERROR = "error"


class DoctorParams(Params):
    """What to look at, what to pass over, where to write."""

    client_config: tuple[str, ...] = param(
        (),
        help="A client's configuration: .properties, librdkafka .conf, Spring application.yml, KafkaJS .js/.ts/.json, "
        "Kafka Streams, Connect's connectors and workers; KIND:FILE says whose it is; repeatable",
        metavar="[KIND:]FILE",
        complete="file",
    )
    ddl: tuple[Path, ...] = param(
        (), help="A file of CREATE TABLE statements, audited as tables; repeatable", metavar="FILE", complete="file"
    )
    group: tuple[str, ...] = param((), help="Only this group; repeatable", complete="group")
    topic: tuple[str, ...] = param((), help="Only this topic, and the groups on it; repeatable", complete="topic")
    table: tuple[str, ...] = param(
        (), help="Only this table; repeatable [default: those of the profile, and those whose columns tell]"
    )
    dedup_window: DurationMs | None = param(
        None, help="How long message ids are remembered [default: the profile's deduplication tables]"
    )
    offline: bool = param(False, help="Ask no server: files only, for CI")
    ignore: tuple[str, ...] = param((), help="Pass over this rule; repeatable", metavar="ID")
    baseline: Path | None = param(None, help="Pass over the findings of this file", complete="file")
    write_baseline: Path | None = param(None, help="Write what is found to this file, to be passed over later")
    fail_on: FailOn = param(FailOn.ERROR, help="From which severity on the exit code is 3")
    sarif: Path | None = param(None, help="Write SARIF 2.1.0 to this file, for code scanning")
    all: bool = param(False, help="Show what passed and what is ignored too")


@dataclass(frozen=True)
class DoctorSeen:
    """The facts, what is known already, and what should be said besides."""

    facts: Facts
    baseline: frozenset[str] = frozenset()
    notices: tuple[Notice, ...] = ()


def run(gateways: Gateways, params: DoctorParams) -> Report:
    """Observes, judges, writes the files that were asked for, and reports."""
    known_ids(params.ignore, RULES)
    seen = observe(gateways, params)
    outcomes = judged(seen, params)
    if params.sarif is not None:
        log = sarif(outcomes, RULES, __version__)
        write_text(params.sarif, json.dumps(log, indent=2, ensure_ascii=False) + "\n")
    if params.write_baseline is not None:
        write_text(params.write_baseline, baseline_text(outcomes))
    return report(seen, params)


def observe(gateways: Gateways, params: DoctorParams) -> DoctorSeen:
    """Looks at files first, for they are cheap to get wrong, then at the servers. Raises what a lone server raises."""
    if params.offline:
        _check_offline(params)
    baseline = read_baseline(read_text(params.baseline), str(params.baseline)) if params.baseline else frozenset()
    clients, notices = client_files(params.client_config)
    tables = ddl_files(params.ddl)
    window = params.dedup_window if params.dedup_window is not None else mapped_window_ms(gateways.profile)
    facts = Facts(clients=clients, tables=tables, dedup_window_ms=window)
    if params.offline:
        return DoctorSeen(facts, baseline, notices)
    with_servers, more = _servers(gateways, params, facts)
    return DoctorSeen(with_servers, baseline, (*notices, *more))


def judged(seen: DoctorSeen, params: DoctorParams) -> tuple[Outcome, ...]:
    """Every rule's outcome; what `--ignore` or the baseline knows is ignored."""
    found = []
    for one in audit(seen.facts):
        known = one.rule.id in params.ignore or one.fingerprint in seen.baseline
        found.append(replace(one, status=Status.IGNORED) if known and one.status is Status.FOUND else one)
    return tuple(one for one in found if not (one.status is Status.NOT_CHECKED and one.rule.id in params.ignore))


def report(seen: DoctorSeen, params: DoctorParams) -> Report:
    """Exit 3 for a finding of `--fail-on` or worse, 5 when a rule could not be checked, else 0."""
    severe = {Severity.ERROR} if params.fail_on is FailOn.ERROR else {Severity.ERROR, Severity.WARNING}
    return shown(judged(seen, params), severe, seen.notices, everything=params.all)


def _check_offline(params: DoctorParams) -> None:
    if params.group or params.topic or params.table:
        raise UsageError(
            "offline_with_server",
            "--offline asks no server, so --group, --topic and --table have nobody to ask.",
            hint="Leave them out, or leave --offline out. Tables of files come by --ddl.",
        )
    if not params.client_config and not params.ddl:
        raise UsageError(
            "nothing_to_audit",
            "--offline audits files, and none is named.",
            hint="Give --client-config FILE or --ddl FILE.",
        )


def _servers(gateways: Gateways, params: DoctorParams, facts: Facts) -> tuple[Facts, tuple[Notice, ...]]:
    """The facts with those of Kafka and of the database. A server that nobody named is passed over when there is
    anything else to audit; one that does not answer makes its areas not checked."""
    problems: dict[str, EosctlError] = {}
    facts = _look(lambda: _kafka(gateways, params, facts), facts, "kafka", problems)
    facts = _look(lambda: _database(gateways, params, facts), facts, "database", problems)
    seen_any = len(problems) < 2 or facts.clients or facts.tables
    if not seen_any:
        raise problems["kafka"] if problems["database"].code == "no_database" else _worse(problems)
    notices: list[Notice] = []
    unseen: dict[Area, str] = dict(facts.unseen)
    for name, areas in (("kafka", _KAFKA_AREAS), ("database", _DATABASE_AREAS)):
        error = problems.get(name)
        if error is None:
            continue
        if isinstance(error, UsageError):
            _check_not_asked(name, error, params)
            notices.append(Notice(error.code, f"{error.message} Its rules were passed over.", error.hint))
            continue
        notices.append(error.notice())
        unseen |= dict.fromkeys(areas if not (name == "database" and facts.tables) else (Area.POSTGRES,),
                                error.notice().message)  # fmt: skip
    return replace(facts, unseen=unseen), tuple(notices)


def _look(look: Callable[[], Facts], facts: Facts, name: str, problems: dict[str, EosctlError]) -> Facts:
    try:
        return look()
    except UsageError as error:
        if error.code not in ("no_kafka", "no_database"):
            raise
        problems[name] = error
    except EosctlError as error:
        problems[name] = error
    return facts


def _worse(problems: dict[str, EosctlError]) -> EosctlError:
    return max(problems.values(), key=lambda one: not isinstance(one, UsageError))


def _check_not_asked(name: str, error: UsageError, params: DoctorParams) -> None:
    """A server that nobody named is no error unless something of it was asked for."""
    if (name == "kafka" and (params.topic or params.group)) or (name == "database" and params.table):
        raise error


def _kafka(gateways: Gateways, params: DoctorParams, facts: Facts) -> Facts:
    seen = watch_kafka(gateways, params.topic, params.group)
    return replace(facts, brokers=seen.brokers, clusters=(seen.cluster,), topics=seen.topics, groups=seen.groups,
                   unseen={**facts.unseen, **seen.unseen})  # fmt: skip


def _database(gateways: Gateways, params: DoctorParams, facts: Facts) -> Facts:
    server = watch_postgres(gateways)
    tables = watch_tables(gateways, params.table)
    return replace(facts, databases=(server,), tables=(*facts.tables, *tables))


OPERATION = Action(
    name="doctor",
    summary="Audit brokers, topics, clients, groups, tables and PostgreSQL against exactly-once",
    params=DoctorParams,
    result=FindingRow,
    needs=("kafka", "database"),
    run=run,
    details="Reads only. Each finding has a stable id, what was seen, what is lost or doubled by it and when, the "
    "mend, and the vendor's page. A rule that could not be checked says so and never counts as passed. Exit code 3 "
    "for a finding of --fail-on or worse, 5 when something could not be checked. `eosctl doctor rules` lists the "
    "rules.",
    examples=(
        Example("eosctl doctor", "The cluster and the database of the current profile."),
        Example("eosctl doctor --client-config producer.properties --topic orders", "One client and its topic."),
        Example(
            "eosctl doctor --offline --client-config application.yml --ddl schema.sql --sarif doctor.sarif",
            "In CI: files only, for code scanning.",
        ),
        Example("eosctl doctor --baseline known.json --fail-on warning", "Only what is new, warnings count."),
    ),
)
