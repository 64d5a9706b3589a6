"""Files that people read: reports and charts, written once and whole."""

from typing import Protocol

from eosctl.core.charts import Chart
from eosctl.core.documents import Document


class DocumentsGateway(Protocol):
    """What `--report` and `--plot` write with."""

    def drawing(self, chart: Chart) -> str:
        """One chart as an SVG element, for a page that somebody else writes."""

    def write(self, document: Document) -> None:
        """By the file's ending. Raises UsageError (`report_not_written`, `needs_png`)."""
