"""What operations ask of PostgreSQL. Statements live in `adapters/sql/<noun>_<verb>.sql` and are called by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from eosctl.domain.tables import TableCatalogue, TableName


class DatabaseGateway(Protocol):
    """A connection that is opened when first needed. Raises Unreachable and OperationFailed."""

    def identity(self) -> str:
        """`<system identifier>/<database>`: which database this is, for plans."""

    def query(
        self,
        name: str,
        args: Mapping[str, Any] | None = None,
        *,
        identifiers: Mapping[str, str | tuple[str, ...]] | None = None,
    ) -> Sequence[Mapping[str, Any]]:
        """Rows of the statement file `name`. `identifiers` fill `{placeholders}` by `psycopg.sql.Identifier`."""

    def execute(
        self,
        name: str,
        args: Mapping[str, Any] | None = None,
        *,
        identifiers: Mapping[str, str | tuple[str, ...]] | None = None,
        literals: Mapping[str, str] | None = None,
    ) -> int:
        """Runs a changing statement; the number of rows. `literals` fill placeholders where no parameter may stand."""

    def text(
        self,
        name: str,
        *,
        identifiers: Mapping[str, str | tuple[str, ...]] | None = None,
        literals: Mapping[str, str] | None = None,
    ) -> str:
        """The statement as it would be sent; connects to nothing."""

    def describe_table(self, table: TableName) -> TableCatalogue | None:
        """Columns, indexes, kind, partition key of a table found by name and search_path; None if there is none."""

    def transaction(self) -> AbstractContextManager[None]:
        """A transaction around the calls inside; a lost COMMIT is looked up by `pg_xact_status` first."""
