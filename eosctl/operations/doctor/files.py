"""The files of an audit: client configurations, DDL, baselines are read, SARIF and baselines are written."""

from collections.abc import Sequence
from pathlib import Path

from eosctl.core.errors import Notice, OperationFailed, UsageError
from eosctl.domain.audit.clients import Client, read_clients, split_kind
from eosctl.domain.audit.ddl import ddl_tables
from eosctl.domain.audit.facts import TableFacts


def client_files(given: Sequence[str]) -> tuple[tuple[Client, ...], tuple[Notice, ...]]:
    """The clients of all files, `KIND:FILE` or a path. Raises UsageError that names the file."""
    clients: list[Client] = []
    notices: list[Notice] = []
    for one in given:
        kind, path = split_kind(one)
        found, mute = read_clients(read_text(Path(path)), path, kind)
        clients += found
        notices += mute
    return tuple(clients), tuple(notices)


def ddl_files(paths: Sequence[Path]) -> tuple[TableFacts, ...]:
    """The tables of all DDL files. Raises UsageError that names the file."""
    return tuple(table for path in paths for table in ddl_tables(read_text(path), str(path)))


def read_text(path: Path) -> str:
    """A file's text. Raises UsageError (`file_not_read`)."""
    try:
        return path.expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            "file_not_read", f"{path} can't be read: {error.strerror}.", hint="Check the path and who may read it."
        ) from None
    except UnicodeDecodeError:
        raise UsageError("file_not_read", f"{path} is not text in UTF-8.", hint="Is it the right file?") from None


def write_text(path: Path, text: str) -> None:
    """Writes a file. Raises OperationFailed (`file_not_written`)."""
    try:
        path.expanduser().write_text(text, encoding="utf-8")
    except OSError as error:
        raise OperationFailed(
            "file_not_written", f"{path} can't be written: {error.strerror}.", hint="Check the folder and your rights."
        ) from None
