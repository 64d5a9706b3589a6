"""Files of offsets and of saved records: those that a person names, and snapshots that are kept by an id."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol


class OffsetFiles(Protocol):
    """Reads and writes whole files only: a file that is there is complete."""

    def read(self, name: str) -> str:
        """The text of a file, or of the snapshot with that id. Raises UsageError (`file_not_read`)."""

    def write(self, path: Path, text: str) -> None:
        """Raises UsageError (`file_exists`, `file_not_written`)."""

    def keep(self, name: str, text: str) -> Path:
        """Keeps a snapshot under a name; its file."""

    def check_new(self, path: Path) -> None:
        """Raises UsageError (`file_exists`, `file_not_written`) unless a file of that name can be made."""

    def first_line(self, path: Path) -> str | None:
        """The first line of a file, None when there is no such file."""

    def write_lines(self, path: Path, lines: Iterable[Mapping[str, Any]]) -> int:
        """A JSON object a line, flat memory; how many. Raises UsageError (`file_exists`, `file_not_written`)."""
