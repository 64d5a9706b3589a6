"""A trial's programs: files in a temporary folder, processes that are killed, stopped, continued and ended by pid."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from eosctl.domain.proof.stories import Ran

KILLED = -int(signal.SIGKILL)
_END_LIMIT_S = 15.0
_LOG_TAIL = 600


class Programs:
    """Starts the scaffold's files with one environment. Everything that still runs at the end is killed."""

    def __init__(self, folder: Path, files: Mapping[str, str], environment: Mapping[str, str], orders: str) -> None:
        self._folder, self._environment = folder, dict(environment)
        self._running: list[subprocess.Popen[bytes]] = []
        self.record = Record()
        for path, text in {**files, "orders.jsonl": orders}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")

    @property
    def folder(self) -> Path:
        """Where the programs run."""
        return self._folder

    def start(self, file: str, *, crash: str = "", instance: str = "1") -> "subprocess.Popen[bytes]":
        """A program in a process and a session of its own: Ctrl-C at the terminal does not reach it."""
        environment = {**os.environ, **self._environment, "EOS_CRASH_POINTS": crash, "INSTANCE": instance}
        with (self._folder / "log.txt").open("ab") as log, (self._folder / "orders.jsonl").open("rb") as orders:
            process = subprocess.Popen(
                [sys.executable, file], cwd=self._folder, env=environment, stdin=orders, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self._running.append(process)
        self.record.started(process, file, instance)
        return process

    def log(self) -> str:
        """The end of what the programs wrote."""
        path = self._folder / "log.txt"
        return path.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:].strip() if path.exists() else ""

    def kill_all(self) -> None:
        """SIGKILL to what still runs."""
        for one in self._running:
            if one.poll() is None:
                one.kill()
            one.wait()


class Record:
    """Which process ran when, in milliseconds from the start; what has ended is noticed when somebody looks."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.began_epoch_ms = round(time.time() * 1_000)
        self._ran: list[tuple[subprocess.Popen[bytes], Ran]] = []

    def now_ms(self) -> int:
        """Milliseconds since the start."""
        return round((time.monotonic() - self._began) * 1_000)

    def started(self, process: "subprocess.Popen[bytes]", program: str, instance: str) -> None:
        """Notes a start, and what has ended since the last."""
        self.look()
        run = 1 + sum(one.program == program for _, one in self._ran)
        self._ran.append((process, Ran(program, instance, run, self.now_ms(), None, "")))

    def look(self) -> None:
        """Notes who has ended by now."""
        self._ran = [
            (process, replace(one, ended_ms=self.now_ms(), ended=_how(process.returncode)))
            if one.ended_ms is None and process.poll() is not None
            else (process, one)
            for process, one in self._ran
        ]

    def ran(self) -> tuple[Ran, ...]:
        """All processes, in the order of their starts."""
        self.look()
        return tuple(one for _, one in self._ran)


def _how(code: int) -> str:
    return "killed" if code == KILLED else "asked" if code in (0, -int(signal.SIGTERM), 143) else "by itself"


def end(process: "subprocess.Popen[bytes]") -> None:
    """SIGTERM, and time for the batch in hand; then SIGKILL."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_END_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def answers(port: int, process: "subprocess.Popen[bytes]", limit_s: float) -> bool:
    """Whether the program listens on its port within the limit."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=0.5):
                return True
        except OSError:
            time.sleep(0.05)
    return False
