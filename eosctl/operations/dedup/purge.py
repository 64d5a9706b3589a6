"""`dedup purge`: deletes old entries in batches, or drops whole expired days, without hurting anyone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eosctl.core.counts import counted
from eosctl.core.durations import format_duration_ms
from eosctl.core.errors import Notice, OperationFailed, Refused, UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import param
from eosctl.core.plan import Plan, Step
from eosctl.core.report import Report
from eosctl.domain.dedup import DedupKind, require_time
from eosctl.domain.dedup_window import needed_words, too_short, written_up
from eosctl.domain.outbox import quoted
from eosctl.domain.purging import PurgeTarget, PurgeWish
from eosctl.domain.steps.dedup import DropExpiredPartition, PurgeRows, VacuumTable
from eosctl.domain.tables import TableName
from eosctl.operations.dedup_paths import SeenPaths, TopicsWish, memory_of, seen_paths
from eosctl.operations.dedup_table import DedupParams, DedupTable, found_table, partitions_of
from eosctl.operations.purging import PurgeParams, purge_documents, wish_of
from eosctl.ports import Gateways

COUNT_AT_MOST = 1_000_000


class DedupPurgeParams(PurgeParams, DedupParams):
    """What to delete, and how."""

    topic: tuple[str, ...] = param((), help="A topic that feeds the table [default: the mapping's]", complete="topic")
    group: str | None = param(None, help="The consumer group [default: the mapping's]", complete="group")
    dead_letter_topic: tuple[str, ...] = param(
        (), help="A dead-letter topic [default: the mapping's, else those found by name]", complete="topic"
    )
    accept_duplicates: bool = param(False, help="Purge although records can come again that are then processed twice")
    exact: bool = param(False, help="Count all expired entries for the plan, however many there are")
    vacuum: bool = param(False, help="VACUUM (ANALYZE) the table afterwards")


@dataclass(frozen=True)
class ExpiredPart:
    """A table or partition with expired entries. `drop` when all of it is expired and its day is over."""

    table: TableName
    rows: int
    newest_at: datetime | None
    drop: bool


@dataclass(frozen=True)
class PurgeSnapshot:
    """The table, its rights, what is expired, and the ways in which records come again."""

    table: DedupTable
    wish: PurgeWish
    rights: Mapping[str, Any]
    parts: tuple[ExpiredPart, ...]
    paths: SeenPaths


@dataclass(frozen=True)
class PurgeResult:
    """What was done. `deleted` counts rows of batches; a dropped partition's rows are not among them.

    `left`: entries older than the cutoff are still there. `ended_by` is done, max_rows, until, stopped, or "" (error).
    """

    table: str
    deleted: int
    batches: int
    partitions_dropped: int
    slowest_batch_ms: int
    timeouts: int
    waited_ms: int
    took_ms: int
    ended_by: str
    left: bool


def observe(gateways: Gateways, params: DedupPurgeParams) -> PurgeSnapshot:
    """Refuses early what can't be purged; counts what is expired; looks how records can come again."""
    wish = wish_of(gateways, params)
    table = found_table(gateways, params.table)
    _require_purgeable(table)
    rights = gateways.database.query("dedup_rights", {"name": quoted(table.mapping.table)})[0]
    _require_rights(table, rights)
    paths = seen_paths(
        gateways,
        table.mapping,
        TopicsWish(params.topic, params.dead_letter_topic, params.group),
        memory_of(gateways, table, params.older_than),
    )
    if table.catalogue.kind == "partitioned":
        return PurgeSnapshot(table, wish, rights, _expired_partitions(gateways, table, wish, rights["now"]), paths)
    limit = None if params.exact else COUNT_AT_MOST + 1
    return PurgeSnapshot(table, wish, rights, (_expired(gateways, table, table.mapping.table, wish, limit),), paths)


def plan(snapshot: PurgeSnapshot, params: DedupPurgeParams) -> Plan:
    """The steps. Raises Refused (`ttl_too_short`, `topics_not_seen`) for an age below a known path, or when topics that
    are named could not be looked at, unless --accept-duplicates."""
    table, mapping = snapshot.table.mapping.table, snapshot.table.mapping
    _require_seen_topics(snapshot, params)
    warnings = [*_window_notices(snapshot, params), *snapshot.paths.notices]
    dropped = [one for one in snapshot.parts if one.drop]
    if dropped and not snapshot.rights["owns"]:
        raise OperationFailed(
            "db_privilege",
            f"{snapshot.rights['user']} does not own {table}.",
            why="Only a table's owner may detach and drop its partitions.",
            hint="Use the owner, or GRANT its role.",
        )
    steps: list[Step] = [
        DropExpiredPartition(
            mapping=mapping,
            partition=one.table,
            age_ms=snapshot.wish.age_ms,
            rows=one.rows,
            expects_newest_at=one.newest_at,
            lock_timeout_ms=snapshot.wish.lock_timeout_ms,
        )
        for one in dropped
    ]
    steps += [_purge_step(snapshot, one, params) for one in snapshot.parts if not one.drop and one.rows]
    if params.vacuum:
        steps.append(VacuumTable(table=table))
    elif any(isinstance(one, PurgeRows) for one in steps):
        warnings.append(
            Notice("space_is_reused", "Deleted rows leave room that new ones reuse; the file does not shrink.",
                   "Autovacuum frees it; --vacuum does it at once.")
        )  # fmt: skip
    age = format_duration_ms(snapshot.wish.age_ms)
    summary = f"Purge entries of {table} older than {age}"
    return Plan(operation="dedup.purge", summary=summary, steps=tuple(steps), warnings=tuple(warnings))


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """The tallies added up; exit 130 when it was stopped."""
    purged = [one.after for one in receipts if isinstance(one.step, PurgeRows)]
    dropped = sum(isinstance(one.step, DropExpiredPartition) and one.status == "done" for one in receipts)
    ends = [str(one.get("ended_by", "done")) for one in purged]
    result = PurgeResult(
        table=plan.summary.removeprefix("Purge entries of ").partition(" older than ")[0],
        deleted=sum(one.get("deleted", 0) for one in purged),
        batches=sum(one.get("batches", 0) for one in purged),
        partitions_dropped=dropped,
        slowest_batch_ms=max((one.get("slowest_batch_ms", 0) for one in purged), default=0),
        timeouts=sum(one.get("timeouts", 0) for one in purged),
        waited_ms=sum(one.get("waited_ms", 0) for one in purged),
        took_ms=sum(one.get("took_ms", 0) for one in purged),
        ended_by=next((one for one in ends if one != "done"), "done"),
        left=any(one.get("left", one.get("ended_by") == "") for one in purged),
    )
    entries, batches = counted(result.deleted, "entry", "entries"), counted(result.batches, "batch", "batches")
    words = [f"Deleted {entries} in {batches}."] if purged else []
    words += [f"Dropped {counted(dropped, 'partition')}."] if dropped else []
    words += [f"{_ENDED[result.ended_by]} Run it again to go on."] if result.left and result.ended_by in _ENDED else []
    code = ExitCode.INTERRUPTED if result.ended_by == "stopped" else ExitCode.DONE
    said = " ".join(words)
    rates = [(str(one.step.target.table), one.after) for one in receipts if isinstance(one.step, PurgeRows)]
    documents = purge_documents(plan, result, said, rates)
    return Report(result, PurgeResult, exit_code=code, summary=said, documents=documents)


_ENDED = {"stopped": "Stopped.", "until": "The time is over.", "max_rows": "The limit is reached."}


def _require_purgeable(table: DedupTable) -> None:
    mapping, catalogue = table.mapping, table.catalogue
    if mapping.kind is DedupKind.BUSINESS:
        raise Refused(
            "business_table",
            f"{mapping.table} is a business table: its rows are not only a memory.",
            why=f"{mapping.message_id} is a key on rows that mean something themselves.",
            hint="Map it with kind: messages only if its rows may be deleted.",
        )
    if catalogue.kind not in ("table", "partitioned"):
        raise UsageError("not_a_table", f"{mapping.table} is a {catalogue.kind}.", hint="Name the table itself.")
    column = require_time(catalogue, mapping)
    if not catalogue.leading_index(column):
        raise Refused(
            "no_time_index",
            f"No index begins with {mapping.table}.{column}.",
            why="Each batch would read the whole table.",
            hint=f"Make it: CREATE INDEX CONCURRENTLY ON {quoted(mapping.table)} ({quoted(TableName(column))});",
        )


def _require_rights(table: DedupTable, rights: Mapping[str, Any]) -> None:
    if rights["replica"] or rights["read_only"]:
        why = "It is a replica." if rights["replica"] else "default_transaction_read_only is on."
        raise OperationFailed("db_read_only", "The database is read-only.", why=why, hint="Connect to the primary.")
    if not (rights["may_delete"] and rights["may_select"]):
        what = "DELETE" if rights["may_select"] else "SELECT"
        raise OperationFailed(
            "db_privilege",
            f"{rights['user']} has no {what} privilege on {table.mapping.table}.",
            hint=f"GRANT SELECT, DELETE ON {quoted(table.mapping.table)} TO {rights['user']};",
        )


def _expired(gateways: Gateways, table: DedupTable, part: TableName, wish: PurgeWish, limit: int | None) -> ExpiredPart:
    start = gateways.database.query("purge_start", {"age_ms": wish.age_ms})[0]
    names = {**table.mapping.identifiers(), "table": part.parts}
    args = {"first": None, "until": start["cutoff"], "limit": limit}
    found = gateways.database.query("dedup_count_between", args, identifiers=names)[0]
    return ExpiredPart(part, found["rows"], None, drop=False)


def _expired_partitions(
    gateways: Gateways, table: DedupTable, wish: PurgeWish, now: datetime
) -> tuple[ExpiredPart, ...]:
    """Days that are over and wholly expired; the default partition, or any that is no day, by its rows."""
    found = []
    for one in partitions_of(gateways, table.mapping.table):
        if one.until is None:
            found.append(_expired(gateways, table, one.table, wish, COUNT_AT_MOST + 1))
            continue
        if one.until > now:
            continue
        names = {**table.mapping.identifiers(), "table": one.table.parts}
        args = {"name": quoted(one.table), "cutoff": None, "age_ms": wish.age_ms}
        age = gateways.database.query("dedup_partition_age", args, identifiers=names)[0]
        if age["expired"] and (now - one.until).total_seconds() * 1_000 >= wish.age_ms:
            found.append(ExpiredPart(one.table, age["rows"], age["newest_at"], drop=True))
    return tuple(found)


def _purge_step(snapshot: PurgeSnapshot, part: ExpiredPart, params: DedupPurgeParams) -> PurgeRows:
    column = str(snapshot.table.mapping.processed_at)
    exactly = params.exact or part.rows <= COUNT_AT_MOST
    return PurgeRows(
        target=PurgeTarget(table=part.table, time_column=column),
        wish=snapshot.wish,
        expired_rows=part.rows if exactly else COUNT_AT_MOST,
        exactly=exactly,
    )


def _require_seen_topics(snapshot: PurgeSnapshot, params: DedupPurgeParams) -> None:
    """Raises Refused when topics feed the table, as somebody said, and nobody could see how long they keep records."""
    mapping = snapshot.table.mapping
    named = (params.topic, params.group, params.dead_letter_topic,
             mapping.topics, mapping.group, mapping.dead_letter_topics)  # fmt: skip
    if any(named) and snapshot.paths.notices and not params.accept_duplicates:
        first = snapshot.paths.notices[0]
        raise Refused(
            "topics_not_seen",
            f"How long the topics of {mapping.table} keep records is not known.",
            why=first.message,
            hint=f"{first.hint} Without looking: --accept-duplicates.".strip(),
        )


def _window_notices(snapshot: PurgeSnapshot, params: DedupPurgeParams) -> tuple[Notice, ...]:
    """What comes again and is then processed twice. Raises Refused unless that was accepted."""
    short = too_short([one.path for one in snapshot.paths.judged], params.older_than)
    if not short:
        return _unseen_notices(snapshot, params)
    counts = {one.path: one.records_twice for one in snapshot.paths.judged}
    age = format_duration_ms(params.older_than)
    longest = short[0]
    phrases = []
    for path in short:
        count = counts[path]
        records = "an unknown number of records" if count is None else f"{counted(count, 'record')} now in it"
        where = f" of {path.topic}" if path.topic else ""
        phrases.append(f"a {path.kind}{where} needs entries {needed_words(path)} ({records})")
    why = f"{'; '.join(phrases)}."
    why = why[0].upper() + why[1:]
    if not params.accept_duplicates:
        hint = "--accept-duplicates does it all the same."
        if longest.needed_ms is not None:
            hint = f"Give --older-than {written_up(longest.needed_ms)} or more; {hint}"
        raise Refused(
            "ttl_too_short",
            f"Records older than {age} can come again, and would be processed twice.",
            why=why,
            hint=hint,
        )
    return (Notice("duplicates_accepted", f"What comes again after {age} is processed twice: {why}"),)


def _unseen_notices(snapshot: PurgeSnapshot, params: DedupPurgeParams) -> tuple[Notice, ...]:
    """Ways that nobody could look at: they refuse nothing, and are not kept quiet either."""
    unseen = [one.path for one in snapshot.paths.judged if not one.path.known]
    if not unseen:
        return ()
    age = format_duration_ms(params.older_than)
    kinds = " and ".join(dict.fromkeys(str(one.kind) for one in unseen))
    return (
        Notice(
            "paths_not_seen",
            f"Whether a {kinds} can bring records older than {age} was not looked at: no topic is known for it.",
            "Give --topic, --group or --dead-letter-topic, or map the topics in the profile.",
        ),
    )


OPERATION = Change(
    name="dedup.purge",
    summary="Delete old entries in batches, each a transaction of its own, without hurting anyone",
    params=DedupPurgeParams,
    result=PurgeResult,
    needs=("database",),
    listing=False,
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="The server's clock decides what is old. A batch that takes longer than --target-batch-ms shrinks the next "
    "ones; the purge waits while a replica lags or a transaction is older than the purge itself. Stopped at any moment "
    "it has deleted whole batches, and goes on when it is run again. On a day-partitioned table whole expired days are "
    "detached and dropped. An age below the longest known way in which a record can come again (see `dedup window`) is "
    "refused (exit 7) unless --accept-duplicates is given.",
    examples=(
        Example("eosctl dedup purge --older-than 7d --dry-run", "How many entries are expired?"),
        Example("eosctl dedup purge --older-than 30d --rate 20000 --until 06:30 --yes", "By night, gently."),
        Example("eosctl dedup purge --older-than 30d --yes --report purge.html", "With a chart of its rate."),
    ),
)
