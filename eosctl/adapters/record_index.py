"""Records sorted on disk: an SQLite file of this process alone, unlinked when it is opened or gone with its folder."""

import json
import sqlite3
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eosctl.core.errors import OperationFailed
from eosctl.domain.dlq.records import PlainRecord, RawRecord, RehydratedRecord

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
CREATE TABLE records (
  origin INTEGER NOT NULL, partition INTEGER NOT NULL, place INTEGER NOT NULL, kind INTEGER NOT NULL,
  time INTEGER NOT NULL, key BLOB, value BLOB, headers TEXT NOT NULL, origin_ms INTEGER
);
"""
_READ = """
SELECT partition, place, kind, time, key, value, headers, origin_ms FROM records
WHERE (origin, partition, place) > (?, ?, ?) ORDER BY origin, partition, place LIMIT ?
"""


class RecordIndex:
    """The RecordIndex port."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="eosctl-order-")
        self._database = sqlite3.connect(Path(self._folder.name) / "order.sqlite", isolation_level=None)
        self._database.executescript(_SCHEMA)
        self._sorted = False

    def add(self, records: Sequence[tuple[int, RawRecord]]) -> None:
        """Keeps records with their sort key. Raises OperationFailed (`no_room_to_sort`)."""
        try:
            self._database.execute("BEGIN")
            self._database.executemany(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [_row(key, one) for key, one in records]
            )
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise _no_room(error, self._folder.name) from None

    def read(self, after: tuple[int, ...], size: int) -> Sequence[RawRecord]:
        """The next records in order."""
        try:
            if not self._sorted:
                self._database.execute("CREATE INDEX in_order ON records (origin, partition, place)")
                self._sorted = True
            return [_record(row) for row in self._database.execute(_READ, (*after, size))]
        except sqlite3.Error as error:
            raise _no_room(error, self._folder.name) from None

    def close(self) -> None:
        """Deletes the file."""
        self._database.close()
        self._folder.cleanup()


def _row(key: int, record: RawRecord) -> tuple[Any, ...]:
    kind, time = record.timestamp()
    headers = json.dumps([
        (name, None if raw is None else b64encode(raw).decode("ascii")) for name, raw in record.headers() or ()
    ])  # fmt: skip
    origin_ms = record.origin_ms if isinstance(record, RehydratedRecord) else None
    return (key, record.partition(), record.offset(), kind, time, record.key(), record.value(), headers, origin_ms)


def _record(row: tuple[Any, ...]) -> RawRecord:
    partition, offset, kind, time, key, value, text, origin_ms = row
    headers = tuple((name, None if raw is None else b64decode(raw)) for name, raw in json.loads(text))
    if origin_ms is None:
        return PlainRecord((partition, offset), (kind, time), key, value, headers)
    return RehydratedRecord((partition, offset), (kind, time), key, value, headers, origin_ms)


def _no_room(error: sqlite3.Error, folder: str) -> OperationFailed:
    return OperationFailed("no_room_to_sort", f"The index of --key-order can't be kept: {error}.",
                           why=f"It lies in {folder} and is as large as the dead letters.",
                           hint="Make room there, or set TMPDIR.")  # fmt: skip
