"""Ids on disk in buckets by their hash, so that comparing millions of them takes the memory of one bucket."""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from zlib import crc32

_BUCKETS = 64


class DiskSpool:
    """The Spool: a JSON line a pair, a file a bucket and side."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[tuple[str, int], TextIO] = {}

    def add(self, side: str, entries: Iterable[tuple[str, str]]) -> int:
        """Appends pairs; how many."""
        count = 0
        for event_id, detail in entries:
            bucket = crc32(event_id.encode()) % _BUCKETS
            self._file(side, bucket).write(json.dumps([event_id, detail]) + "\n")
            count += 1
        return count

    def buckets(self) -> Iterator[Mapping[str, Sequence[tuple[str, str]]]]:
        """One bucket after another."""
        self.close()
        sides = sorted({path.name.split("-")[0] for path in self._folder.iterdir()})
        for bucket in range(_BUCKETS):
            yield {side: self._read(side, bucket) for side in sides}

    def close(self) -> None:
        """Closes the files."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _file(self, side: str, bucket: int) -> TextIO:
        file = self._files.get((side, bucket))
        if file is None:
            file = self._folder.joinpath(f"{side}-{bucket}").open("a", encoding="utf-8")
            self._files[(side, bucket)] = file
        return file

    def _read(self, side: str, bucket: int) -> Sequence[tuple[str, str]]:
        path = self._folder / f"{side}-{bucket}"
        if not path.exists():
            return ()
        with path.open(encoding="utf-8") as file:
            return [(event_id, detail) for event_id, detail in map(json.loads, file)]


@contextmanager
def disk_spool() -> Iterator[DiskSpool]:
    """A spool in a folder of its own, deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="eosctl-spool-") as folder:
        spool = DiskSpool(Path(folder))
        try:
            yield spool
        finally:
            spool.close()
