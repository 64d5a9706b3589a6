"""The newest record of each wanted key, on disk: an SQLite file of this process alone, gone with its folder."""

import sqlite3
import tempfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from eosctl.core.errors import OperationFailed
from eosctl.domain.dlq.guard import Mark

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE wanted (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE marks (
  digest BLOB NOT NULL, partition INTEGER NOT NULL, place INTEGER NOT NULL, written INTEGER NOT NULL,
  PRIMARY KEY (digest, partition)
) WITHOUT ROWID;
"""
_NOTE = """
INSERT INTO marks SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM wanted WHERE digest = ?1)
ON CONFLICT (digest, partition)
DO UPDATE SET place = max(place, excluded.place), written = max(written, excluded.written)
"""
_CHUNK = 500


class MarkIndex:
    """The MarkIndex port."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="eosctl-guard-")
        self._database = sqlite3.connect(Path(self._folder.name) / "marks.sqlite", isolation_level=None)
        self._database.executescript(_SCHEMA)

    def want(self, digests: Iterable[bytes]) -> None:
        """Only marks of these are kept. Raises OperationFailed (`no_room_for_guard`)."""
        self._many("INSERT OR IGNORE INTO wanted VALUES (?)", ((one,) for one in digests))

    def note(self, marks: Iterable[tuple[bytes, Mark]]) -> None:
        """Keeps the latest of each digest and partition; likewise."""
        self._many(_NOTE, ((digest, one.partition, one.offset, one.written_ms) for digest, one in marks))

    def of(self, digests: Collection[bytes]) -> Iterator[tuple[bytes, Mark]]:
        """The marks of these digests."""
        every = list(digests)
        for start in range(0, len(every), _CHUNK):
            chunk = every[start : start + _CHUNK]
            asked = ",".join("?" * len(chunk))
            rows = self._database.execute(f"SELECT * FROM marks WHERE digest IN ({asked})", chunk)
            yield from ((digest, Mark(partition, place, written)) for digest, partition, place, written in rows)

    def close(self) -> None:
        """Deletes the file."""
        self._database.close()
        self._folder.cleanup()

    def _many(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        try:
            self._database.execute("BEGIN")
            self._database.executemany(statement, rows)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise OperationFailed(
                "no_room_for_guard", f"The index of --guard-newer can't be kept: {error}.",
                why=f"It lies in {self._folder.name} and holds the keys of the dead letters.",
                hint="Make room there, or set TMPDIR.",
            ) from None  # fmt: skip
