"""Files that people read: reports and charts, written once and whole."""

from typing import Protocol

from eosctl.core.documents import Document


class DocumentsGateway(Protocol):
    """What `--report` and `--plot` write with."""

    def write(self, document: Document) -> None:
        """By the file's ending. Raises UsageError (`report_not_written`, `needs_png`)."""
