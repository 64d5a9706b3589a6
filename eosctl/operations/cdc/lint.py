"""`cdc lint`: a connector's configuration against the table and the servers; with --fix, one that runs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eosctl.core.counts import counted
from eosctl.core.errors import EosctlError, Notice, UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import param
from eosctl.core.report import Report
from eosctl.domain.cdc_config import REFERENCE
from eosctl.domain.cdc_findings import Facts, Role, Severity
from eosctl.domain.cdc_lint import fixed, lint
from eosctl.domain.outbox import quoted
from eosctl.operations.outbox_table import OutboxParams, found_table, rows
from eosctl.ports import Gateways


class CdcLintParams(OutboxParams):
    """Which configuration."""

    file: str = param("", help="JSON for Connect (with or without `config`), or .properties", positional=True,
                      complete="file")  # fmt: skip
    connector: str = param("", help="A connector that runs, instead of a file")
    fix: bool = param(False, help="Print the mended configuration as JSON for Connect")


@dataclass(frozen=True)
class FindingRow:
    """One finding; `fixable`: --fix mends it."""

    severity: Severity
    rule: str
    key: str
    why: str
    mend: str
    fixable: bool


@dataclass(frozen=True)
class CdcLint:
    """The findings, and with --fix the mended configuration, secrets taken out."""

    name: str
    findings: tuple[FindingRow, ...]
    fixed: Mapping[str, str] | None = None


@dataclass(frozen=True)
class LintSeen:
    """The configuration and the facts; `unseen` says what could not be looked at."""

    config: Mapping[str, str]
    facts: Facts
    unseen: tuple[Notice, ...] = ()


def observe(gateways: Gateways, params: CdcLintParams) -> LintSeen:
    """Reads the configuration, the table, the server; Kafka's topics where Kafka answers."""
    if bool(params.file) == bool(params.connector):
        raise UsageError("which_config", "Name a file, or give --connector NAME; one of the two.",
                         hint="eosctl cdc lint outbox.json")  # fmt: skip
    config = dict(gateways.connect.config(params.connector)) if params.connector else read_file(Path(params.file))
    table = found_table(gateways, params.table)
    mapping, database = table.mapping, gateways.database
    name = {"name": quoted(mapping.table)}
    server = database.query("cdc_server")[0]
    publication = config.get("publication.name", "dbz_publication")
    published = database.query("cdc_publication", {**name, "publication": publication})
    use = database.query("cdc_table_use", name)[0]
    topics: frozenset[str] | None = None
    auto_create = True
    unseen: tuple[Notice, ...] = ()
    try:
        topics = frozenset(one.name for one in gateways.cluster.topics())
        auto_create = _auto_create(gateways)
    except EosctlError as error:
        unseen = (error.notice(),)
    facts = Facts(
        mapping=mapping,
        catalogue=table.catalogue,
        wal_level=str(server["wal_level"]),
        max_slot_wal_keep_size=str(server["max_slot_wal_keep_size"]),
        publication=dict(published[0]) if published else None,
        updates=int(use["updates"]),
        relays=int(use["relays"]),
        aggregate_types=tuple(str(one["kind"]) for one in rows(gateways, "cdc_aggregate_types", mapping)),
        topics=topics,
        auto_create=auto_create,
        role=_role(gateways, config.get("database.user", ""), name["name"]),
        database=str(server["database"]),
    )
    return LintSeen(config, facts, unseen)


def _role(gateways: Gateways, user: str, table: str) -> Role | None:
    if not user or REFERENCE.search(user):
        return None
    found = gateways.database.query("cdc_role", {"role": user, "name": table})
    return Role(**found[0]) if found else Role(exists=False, makes_publications=False)


def read_file(path: Path) -> dict[str, str]:
    """The keys of a configuration file. Raises UsageError (`config_not_read`, `bad_connector_config`)."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UsageError("config_not_read", f"{path} can't be read: {reason}.", hint="Check the path.") from None
    if text.lstrip()[:1] != "{":
        return _properties(path, text)
    try:
        data = json.loads(text)
    except ValueError as error:
        raise UsageError("bad_connector_config", f"{path} is not JSON: {error}.") from None
    if not isinstance(data, dict):
        data = {"config": None}
    inner = data.get("config", data)
    if not isinstance(inner, dict) or any(isinstance(one, (dict, list)) for one in inner.values()):
        raise UsageError("bad_connector_config", f"{path} holds no connector's configuration.",
                         why="Keys and values are wanted, alone or under `config`.")  # fmt: skip
    named = {"name": str(data["name"])} if "name" in data else {}
    return {**named, **{key: _word(value) for key, value in inner.items()}}


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _properties(path: Path, text: str) -> dict[str, str]:
    import javaproperties

    try:
        found = dict(javaproperties.loads(text))
    except ValueError as error:
        raise UsageError("bad_connector_config", f"{path} is no .properties file: {error}.") from None
    if "connector.class" not in found:
        raise UsageError("bad_connector_config", f"{path} names no connector.class.",
                         hint="Give a connector's JSON or .properties file.")  # fmt: skip
    return found


def _auto_create(gateways: Gateways) -> bool:
    answered = gateways.cluster.broker_configs([gateways.cluster.brokers()[0].node_id]).items
    entry = answered[0][1].get("auto.create.topics.enable") if answered else None
    return entry is None or entry.value != "false"


def report(seen: LintSeen, params: CdcLintParams) -> Report:
    """A row a finding; exit 3 when one is an error."""
    findings = lint(seen.config, seen.facts)
    shown = tuple(FindingRow(one.severity, one.rule, one.key, one.why, one.mend, bool(one.changes)) for one in findings)
    errors = sum(one.severity is Severity.ERROR for one in findings)
    name = seen.config.get("name", params.connector or Path(params.file).stem)
    code = ExitCode.PROBLEM if errors else ExitCode.DONE
    summary = f"{counted(errors, 'error')}, {counted(len(findings) - errors, 'warning')}."
    if not params.fix:
        return Report(CdcLint(name, shown), FindingRow, listing=shown, exit_code=code, warnings=seen.unseen,
                      text=_text(shown), summary=summary)  # fmt: skip
    mended = {key: value for key, value in fixed(seen.config, seen.facts).items() if key != "name"}
    left = lint(mended, seen.facts)
    still = tuple(Notice(one.rule, one.why, one.mend) for one in left)
    code = ExitCode.PROBLEM if any(one.severity is Severity.ERROR for one in left) else ExitCode.DONE
    text = json.dumps({"name": name, "config": mended}, indent=2, ensure_ascii=False)
    return Report(
        CdcLint(name, shown, mended),
        FindingRow,
        listing=shown,
        exit_code=code,
        warnings=(*seen.unseen, *still),
        text=text,
        summary=f"{summary} Mended: {len(findings) - len(left)}; left for a person: {len(left)}.",
    )


def _text(shown: tuple[FindingRow, ...]) -> str:
    """A block a finding: keys and SQL are too long for columns, and are meant to be copied."""
    return "\n".join(
        f"{one.severity:<8} {one.key or one.rule}\n         {one.why}\n         {one.mend}"
        f"{' (--fix does)' if one.fixable else ''}"
        for one in shown
    )


OPERATION = Query(
    name="cdc.lint",
    summary="Check a Debezium outbox configuration",
    params=CdcLintParams,
    result=CdcLint,
    needs=("database",),
    listing=False,
    observe=observe,
    report=report,
    details="Exit 3 when something would not run or would lose events. --fix prints the mended configuration and "
    "changes nothing; a secret in clear text becomes a reference.",
    examples=(
        Example("eosctl cdc lint outbox.json", "A file before it is sent to Connect."),
        Example("eosctl cdc lint --connector outbox", "A connector that runs."),
        Example("eosctl cdc lint old.json --fix > new.json", "An old configuration made to run."),
    ),
)
