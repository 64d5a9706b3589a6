"""Files of offsets on this machine: written beside and linked into place, so that none is ever half there."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from platformdirs import user_state_path

from eosctl.core.errors import UsageError, did_you_mean


def snapshots_folder() -> Path:
    """Where snapshots are kept; follows XDG_STATE_HOME."""
    return user_state_path("eosctl") / "snapshots"


class LocalOffsetFiles:
    """The OffsetFiles of this machine. Everything that is written is readable by its owner alone."""

    def read(self, name: str) -> str:
        """The text of a file, or of the snapshot with that id."""
        path = Path(name)
        kept = snapshots_folder() / f"{name}.json"
        if not path.exists() and os.sep not in name and kept.exists():
            path = kept
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise UsageError("file_not_read", f"{path} is not text in UTF-8.") from None
        except OSError as error:
            known = sorted(one.stem for one in snapshots_folder().glob("*.json"))
            hint = did_you_mean(name, known) or (f"The latest snapshot is {known[-1]}." if known else "")
            raise UsageError("file_not_read", f"{name} can't be read: {error.strerror}.", hint=hint) from None

    def write(self, path: Path, text: str) -> None:
        """A new file."""
        with _new(path) as out:
            out.write(text)

    def keep(self, name: str, text: str) -> Path:
        """A snapshot's file."""
        folder = snapshots_folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{name}.json"
        self.write(path, text)
        return path

    def check_new(self, path: Path) -> None:
        """Says before the work what `write` would say after it."""
        if path.exists():
            raise _exists(path)
        if not path.absolute().parent.is_dir():
            raise UsageError("file_not_written", f"{path} can't be written: there is no such folder.")
        if not os.access(path.absolute().parent, os.W_OK):
            raise UsageError("file_not_written", f"{path} can't be written: Permission denied.")

    def first_line(self, path: Path) -> str | None:
        """None when there is no such file."""
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                return file.readline().rstrip("\n")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError("file_not_read", f"{path} can't be read: {error.strerror}.") from None

    def write_lines(self, path: Path, lines: Iterable[Mapping[str, Any]]) -> int:
        """A JSON object a line."""
        count = 0
        with _new(path) as out:
            for count, line in enumerate(lines, 1):  # noqa: B007  (the last number is the count)
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
        return count


@contextmanager
def _new(path: Path) -> Iterator[TextIO]:
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.link(temporary, path)  # unlike a rename it never takes the place of another file
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise UsageError("file_not_written", f"{path} can't be written: {error.strerror}.") from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def _exists(path: Path) -> UsageError:
    return UsageError("file_exists", f"{path} exists.", hint="Name another file; none is written over.")
