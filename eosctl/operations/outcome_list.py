"""A JSON line for each dead letter that a replay did not send on: which one, what became of it."""

import json
from pathlib import Path
from typing import TextIO

from eosctl.core.errors import UsageError
from eosctl.domain.dlq import tally
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.dlq.records import RawRecord
from eosctl.domain.dlq.rows import letter_of, text_of

_SILENT = (tally.REPLAYED, tally.FILTERED)


class OutcomeList:
    """Lines wait until their batch is committed. `path` "" writes nothing. Raises UsageError (`list_not_written`)."""

    def __init__(self, path: str, reader: Reader, *, goes_on: bool = False) -> None:
        self._path = path
        self._reader = reader
        self._waiting: list[str] = []
        self._file: TextIO | None = self._opened(goes_on) if path else None

    def note(self, record: RawRecord, outcome: str) -> None:
        """Remembers the record, unless it was replayed or not selected."""
        if self._file is None or outcome in _SILENT:
            return
        origin = letter_of(record, self._reader).origin
        line = {"partition": record.partition(), "offset": record.offset(), "outcome": outcome,
                "meaning": tally.SAYS[outcome], "key": text_of(record.key()), "origin_topic": origin.topic,
                "origin_partition": origin.partition, "origin_offset": origin.offset}  # fmt: skip
        self._waiting.append(json.dumps(line, ensure_ascii=False))

    def commit(self) -> None:
        """Writes what was noted."""
        if self._file is None:
            return
        try:
            self._file.writelines(f"{line}\n" for line in self._waiting)
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from None
        self._waiting = []

    def forget(self) -> None:
        """Drops what was noted: the batch begins again."""
        self._waiting = []

    def close(self) -> None:
        """Ends; what was not committed is dropped."""
        if self._file is not None:
            self._file.close()

    def _opened(self, goes_on: bool) -> TextIO:
        try:
            return Path(self._path).open("a" if goes_on else "w", encoding="utf-8")
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> UsageError:
        return UsageError("list_not_written", f"{self._path} can't be written: {error.strerror}.",
                          hint="Give another file to --list.")  # fmt: skip
