"""What an operation answers: rows or an object, a status, and how a person reads them. Rendering is elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from eosctl.core.errors import Notice
from eosctl.core.exit_codes import ExitCode

if TYPE_CHECKING:
    from eosctl.core.documents import Document

COLUMN = "eosctl.column"
T = TypeVar("T")


@dataclass(frozen=True)
class Column:
    """How one field of a row is shown: `wide` columns only in wide, csv and data formats; `hidden` only in data."""

    title: str = ""
    wide: bool = False
    hidden: bool = False


def column(title: str = "", *, wide: bool = False, hidden: bool = False) -> dict[str, Column]:
    """Metadata for a dataclass field: `age_ms: int = field(metadata=column("age"))`."""
    return {COLUMN: Column(title, wide, hidden)}


@dataclass(frozen=True)
class Section:
    """A titled part of an answer for people, where one table does not do. `text` stands in for rows.

    Lines of `prose` may be folded into a narrow terminal; those of DDL, settings and commands may not. A `picture` is
    shown where it fits. `note` is prose under it, and `verbatim` lines to be copied as they are.
    """

    title: str
    rows: Sequence[Any] = ()
    row_type: type | None = None
    text: str = ""
    note: str = ""
    verbatim: str = ""
    prose: bool = False
    picture: bool = False


@dataclass(frozen=True)
class Report:
    """An operation's answer.

    `data` is a sequence of frozen dataclasses for listings, one dataclass or mapping otherwise. `row_type` gives the
    columns when there are no rows. `listing`: the rows that CSV has of an object, of `row_type` too, so that no cell
    holds JSON. `summary` is one sentence for people (stderr). `sections` or `text` replace the plain table in formats
    for people; scripts always get `data`. Field names carry units: `_ms`, `_at`, `_bytes`.
    `documents` are written to their files by whoever ran the operation.
    """

    data: Any
    row_type: type | None = None
    listing: Sequence[Any] | None = None
    exit_code: ExitCode = ExitCode.DONE
    warnings: tuple[Notice, ...] = ()
    errors: tuple[Notice, ...] = ()
    summary: str = ""
    sections: tuple[Section, ...] = ()
    text: str | None = None
    documents: tuple["Document", ...] = ()


@dataclass(frozen=True)
class Gathered(Generic[T]):
    """What many servers answered: the items, and a notice for each that did not answer (then exit 5)."""

    items: tuple[T, ...]
    failures: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class Envelope:
    """The JSON of every command, on failure too (`eosctl/v1`)."""

    operation: str
    status: str
    exit_code: int
    data: Any
    warnings: tuple[Notice, ...] = ()
    errors: tuple[Notice, ...] = ()
    schema: str = field(default="eosctl/v1")

    def as_dict(self) -> Mapping[str, Any]:
        """The envelope as plain data, in the documented order."""
        return {
            "schema": self.schema,
            "operation": self.operation,
            "status": self.status,
            "exit_code": self.exit_code,
            "data": self.data,
            "warnings": [vars(one) for one in self.warnings],
            "errors": [vars(one) for one in self.errors],
        }
