"""PostgreSQL by psycopg: statements by name, identifiers by `psycopg.sql`, errors in an operator's words."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from eosctl.adapters.connection import DatabaseConnection
from eosctl.core.errors import EosctlError, OperationFailed, Unreachable, UsageError
from eosctl.core.redaction import redact_text
from eosctl.domain.tables import CatalogueColumn, CatalogueIndex, TableCatalogue, TableName

Identifiers = Mapping[str, str | tuple[str, ...]]
_KINDS = {"r": "table", "p": "partitioned", "v": "view", "m": "view", "f": "foreign"}


@cache
def statement(name: str) -> str:
    """The text of `adapters/sql/<name>.sql`."""
    return files("eosctl.adapters.sql").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def compose(name: str, identifiers: Identifiers | None, literals: Mapping[str, str] | None = None) -> sql.Composed:
    """The statement with its braces filled by quoted identifiers (a tuple is a qualified name) and literals.

    Literals are for statements that take no parameters, as CREATE TABLE ... PARTITION OF.
    """
    text = statement(name)
    if not identifiers:
        return sql.Composed([sql.SQL(text)])
    filled: dict[str, sql.Composable] = {
        key: sql.Identifier(*([one] if isinstance(one, str) else one)) for key, one in identifiers.items()
    }
    return sql.SQL(text).format(**filled, **{key: sql.Literal(one) for key, one in (literals or {}).items()})


class PostgresDatabase:
    """The DatabaseGateway: one connection, opened when first needed, autocommit outside `transaction()`."""

    def __init__(self, dsn: str, *, timeout_ms: int) -> None:
        self._settings = DatabaseConnection(dsn)
        self._timeout_ms = timeout_ms
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    def connect(self) -> "psycopg.Connection[dict[str, Any]]":
        """The open connection; raises Unreachable, or UsageError (`no_database`, `bad_dsn`).

        A lock is waited for to the time limit, and a network that is gone is noticed within it.
        """
        if self._connection is None or self._connection.closed:
            self._settings.require_some()
            try:
                self._connection = psycopg.connect(
                    self._settings.libpq(),
                    connect_timeout=max(2, round(self._timeout_ms / 1_000)),
                    tcp_user_timeout=self._timeout_ms,
                    application_name="eosctl",
                    row_factory=dict_row,
                    autocommit=True,
                )
                self._connection.execute(compose("session_limits", None), {"limit_ms": str(self._timeout_ms)})
            except psycopg.ProgrammingError as error:
                raise UsageError("bad_dsn", "The DSN can't be read.", why=_sentence(error),
                                 hint="Write postgresql://USER@HOST:PORT/DATABASE.") from None  # fmt: skip
            except psycopg.Error as error:
                raise Unreachable("database_unreachable", "The database can't be reached.", why=_sentence(error),
                                  hint="Check --dsn, EOSCTL_DSN or PGHOST, PGPORT, PGUSER.") from None  # fmt: skip
        return self._connection

    def close(self) -> None:
        """Closes the connection, when there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def identity(self) -> str:
        """`<system identifier>/<database>`, or host and port where the system identifier may not be read."""
        try:
            row = self.query("database_identity")[0]
            return f"{row['system']}/{row['database']}"
        except OperationFailed:
            row = self.query("database_name")[0]
            return f"{row['host'] or 'local'}:{row['port']}/{row['database']}"

    def query(
        self, name: str, args: Mapping[str, Any] | None = None, *, identifiers: Identifiers | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """Rows of a statement file."""
        with database_errors(name), self.connect().cursor() as cursor:
            cursor.execute(compose(name, identifiers), args)
            return cursor.fetchall()

    def execute(
        self,
        name: str,
        args: Mapping[str, Any] | None = None,
        *,
        identifiers: Identifiers | None = None,
        literals: Mapping[str, str] | None = None,
    ) -> int:
        """Runs a changing statement; the number of rows."""
        with database_errors(name), self.connect().cursor() as cursor:
            cursor.execute(compose(name, identifiers, literals), args)
            return cursor.rowcount

    def text(
        self, name: str, *, identifiers: Identifiers | None = None, literals: Mapping[str, str] | None = None
    ) -> str:
        """The statement as it would be sent; connects to nothing."""
        return compose(name, identifiers, literals).as_string().strip()

    def describe_table(self, table: TableName) -> TableCatalogue | None:
        """Columns, indexes, kind and partition key."""
        quoted = ".".join('"' + part.replace('"', '""') + '"' for part in table.parts)
        found = self.query("catalogue_table", {"name": quoted})
        if not found:
            return None
        head = found[0]
        columns = self.query("catalogue_columns", {"oid": head["oid"]})
        indexes = self.query("catalogue_indexes", {"oid": head["oid"]})
        return TableCatalogue(
            table=TableName(head["name"], head["schema"]),
            kind=_KINDS.get(head["kind"], "other"),
            columns=tuple(CatalogueColumn(**one) for one in columns),
            indexes=tuple(CatalogueIndex(**{**one, "columns": tuple(one["columns"])}) for one in indexes),
            partition_key=head["partition_key"],
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction; when the answer of COMMIT is lost, `pg_xact_status` on a new connection says what happened.

        Raises Unreachable (`commit_unknown`) when nobody can say, and what the calls inside raise, rolled back.
        """
        xid = ""
        try:
            with self.connect().transaction():
                yield
                xid = str(self.query("transaction_id")[0]["id"] or "")
        except psycopg.OperationalError as error:
            if not (xid and _is_gone(error) and self._committed_after_all(xid)):
                raise translated(error, "COMMIT") from None
        except psycopg.Error as error:
            raise translated(error, "COMMIT") from None

    def _committed_after_all(self, xid: str) -> bool:
        """Asks on a new connection until the server has noticed that the old one is gone."""
        self.close()
        deadline = time.monotonic() + self._timeout_ms / 1_000
        while time.monotonic() < deadline:
            try:
                status = self.query("transaction_status", {"id": xid})[0]["status"]
            except EosctlError:
                self.close()
                break
            if status != "in progress":
                return bool(status == "committed")
            time.sleep(0.05)
        raise Unreachable("commit_unknown", f"Whether transaction {xid} was committed is not known.",
                          why="The connection broke during COMMIT, and the database can't be asked.",
                          hint=f"Ask before doing it again: SELECT pg_xact_status('{xid}').") from None  # fmt: skip


@contextmanager
def database_errors(name: str) -> Iterator[None]:
    """Translates what psycopg raises inside; anything that is ours passes."""
    try:
        yield
    except EosctlError:
        raise
    except psycopg.Error as error:
        raise translated(error, name) from None


def translated(error: psycopg.Error, name: str) -> EosctlError:
    """Our error for one of psycopg's."""
    why = _sentence(error)
    match error:
        case psycopg.errors.InsufficientPrivilege():
            return OperationFailed("db_privilege", "The database user lacks a right.", why=why,
                                   hint="GRANT it, or use another user.")  # fmt: skip
        case psycopg.errors.ReadOnlySqlTransaction():
            return OperationFailed(
                "db_read_only", "The database is read-only.", why=why, hint="Connect to the primary."
            )
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedColumn() | psycopg.errors.InvalidSchemaName():
            return UsageError("unknown_table_or_column", "The table is not what the mapping says.", why=why,
                              hint=error.diag.message_hint or "Correct the mapping in the profile.")  # fmt: skip
        case psycopg.errors.LockNotAvailable() | psycopg.errors.QueryCanceled():
            return OperationFailed("db_timeout", "The database did not get to it in time.", why=why,
                                   hint="Somebody holds a lock: look at pg_stat_activity, then try again.")  # fmt: skip
        case _ if _is_gone(error):
            return Unreachable(
                "database_unreachable", "The connection to the database is gone.", why=why, hint="Try again."
            )
        case _:
            return OperationFailed("database_error", f"The statement {name} failed.", why=why,
                                   hint=error.diag.message_hint or "")  # fmt: skip


def _is_gone(error: psycopg.Error) -> bool:
    """Whether the server or the way to it is gone: no answer at all, class 08, or a shutdown (57P01 to 57P03)."""
    state = error.sqlstate
    return isinstance(error, psycopg.OperationalError) and (state is None or state[:2] == "08" or state[:4] == "57P0")


def _sentence(error: psycopg.Error) -> str:
    text = redact_text(" ".join((error.diag.message_primary or str(error)).split())).rstrip(".")
    return f"{text}." if text else "It gave no reason."
